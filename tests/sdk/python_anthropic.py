"""The official Anthropic SDK on a backend that knows only chats."""

import json
import os

import anthropic
from checks import check, raises, run

TEXT = "Rivers carry water, silt and 배."
HOST = os.environ["TOLLWARD_BASE_URL"].removesuffix("/v1")
KEY = os.environ["TOLLWARD_KEY"]
MESSAGES = [{"role": "user", "content": "What do rivers do?"}]
TOOLS = [
    {"name": name, "input_schema": {"type": "object", "properties": properties}}
    for name, properties in (("look", {"place": {"type": "string"}}), ("now", {}))
]
CALLS = [("look", {"place": "Ghent"}), ("now", {})]

client = anthropic.Anthropic(base_url=HOST, api_key=KEY, max_retries=0, timeout=20)


def asked(model="chat", messages=MESSAGES, **more):
    return {"model": model, "messages": messages, "max_tokens": 2000, **more}


def ask(*words, **more):
    return client.messages.create(**asked(*words, **more))


def streamed(*words, **more):
    with client.messages.stream(**asked(*words, **more)) as stream:
        return list(stream), stream.get_final_message()


def calls(message):
    return [(it.name, it.input) for it in message.content if it.type == "tool_use"]


@check
def a_message_is_answered():
    answer = ask(system="Be brief.", stop_sequences=["x"])
    assert [(it.type, it.text) for it in answer.content] == [("text", TEXT)], answer
    assert (answer.model, answer.role, answer.stop_reason) == ("chat", "assistant", "end_turn")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (9, 6)


@check
def the_response_says_who_answered():
    raw = client.messages.with_raw_response.create(**asked())
    assert raw.headers["x-tollward-deployment"] == "scripted/plain", raw.headers
    assert raw.headers["request-id"] == raw.headers["x-request-id"]
    assert raw.parse()._request_id == raw.headers["request-id"]


@check
def both_ways_to_present_a_key_are_taken():
    for headers in ({"x-api-key": KEY, "authorization": anthropic.omit}, {"authorization": f"Bearer {KEY}"}):
        assert ask(extra_headers=headers).content[0].text == TEXT, list(headers)


@check
def what_is_asked_reaches_the_vendor():
    png = {"type": "base64", "media_type": "image/png", "data": "AA=="}
    content = [{"type": "text", "text": "What is this?"}, {"type": "image", "source": png}]
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    answer = ask("mirror", [{"role": "user", "content": content}], system=system, stop_sequences=["x"])
    sent = json.loads(answer.content[0].text)
    assert sent["max_completion_tokens"] == 2000 and sent["stop"] == ["x"], sent
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}, sent
    assert [part["type"] for part in sent["messages"][1]["content"]] == ["text", "image_url"], sent


@check
def a_stream_is_put_together_by_the_sdks_own_reader():
    with client.messages.stream(**asked()) as stream:
        assert "".join(stream.text_stream) == TEXT
        final = stream.get_final_message()
    assert (final.content[0].text, final.stop_reason, final.usage.output_tokens) == (TEXT, "end_turn", 6), final


@check
def a_stream_begins_with_an_estimate_of_its_input():
    first, *_ = ask(stream=True)
    assert first.type == "message_start" and first.message.usage.input_tokens > 0, first


@check
def tokens_are_counted_by_the_vendor_or_estimated():
    count = client.messages.with_raw_response.count_tokens
    for model, source in (("anthropic-plain", "counted"), ("gemini-plain", "counted"), ("chat", "estimated")):
        raw = count(model=model, messages=MESSAGES, tools=TOOLS, system="Be brief.")
        tokens = raw.parse().input_tokens
        assert raw.headers["x-tollward-tokens"] == source, (model, raw.headers)
        assert tokens == 9 if source == "counted" else 40 < tokens < 200, tokens


@check
async def the_async_client_streams():
    async with anthropic.AsyncAnthropic(base_url=HOST, api_key=KEY, max_retries=0, timeout=20) as patient:
        async with patient.messages.stream(**asked()) as stream:
            assert await stream.get_final_text() == TEXT


@check
def tools_are_called_and_answered():
    first = ask("tools", tools=TOOLS)
    assert (calls(first), first.stop_reason) == (CALLS, "tool_use"), first
    results = [
        {"type": "tool_result", "tool_use_id": it.id, "content": text} for it, text in zip(first.content, ("sunny", "noon"))
    ]
    history = [*MESSAGES, {"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    second = ask("tools", history, tools=TOOLS)
    assert second.content[0].text.strip() == "look: sunny. now: noon.", second


@check
def streamed_calls_are_put_together():
    events, final = streamed("tools", tools=TOOLS)
    assert (calls(final), final.stop_reason) == (CALLS, "tool_use"), final
    starts = [event for event in events if event.type == "content_block_start"]
    assert [event.index for event in starts] == [0, 1]
    assert len({it.id for it in final.content}) == 2


@check
def a_choice_among_tools_reaches_the_vendor():
    choice = {"type": "tool", "name": "look", "disable_parallel_tool_use": True}
    sent = json.loads(ask("mirror", tools=TOOLS, tool_choice=choice).content[0].text)
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "look"}}, sent
    assert sent["parallel_tool_calls"] is False, sent


@check
def a_thought_is_signed_and_comes_back():
    thinking = {"type": "enabled", "budget_tokens": 1024}
    events, streaming = streamed("thinking", thinking=thinking)
    assert "".join(it.thinking for it in events if it.type == "thinking") == "Think of the sea."
    for first in (ask("thinking", thinking=thinking), streaming):
        thought, text = first.content
        assert (thought.type, thought.thinking, text.text) == ("thinking", "Think of the sea.", TEXT), first
        assert thought.signature, thought
        history = [*MESSAGES, {"role": "assistant", "content": first.content}, {"role": "user", "content": "Again?"}]
        assert ask("thinking", history, thinking=thinking).content[0].text == "I remember."


@check
def a_wrong_key_is_an_authentication_error():
    stranger = anthropic.Anthropic(base_url=HOST, api_key="tw-wrong", max_retries=0)
    raises(anthropic.AuthenticationError, lambda: stranger.messages.create(**asked()))


@check
def an_unknown_model_is_not_found():
    error = raises(anthropic.NotFoundError, lambda: ask("nobody"))
    assert error.body["error"]["type"] == "not_found_error" and error.request_id, error.body


@check
def a_bad_request_names_the_field():
    wrong = [{"role": "user", "content": [{"type": "image", "source": {"type": "moon"}}]}]
    error = raises(anthropic.BadRequestError, lambda: ask("chat", wrong))
    assert "messages[0].content[0].source.type" in error.message, error.body
    assert error.body["error"]["type"] == "invalid_request_error"


@check
def a_providers_failure_keeps_its_class():
    assert "unsupported value" in raises(anthropic.BadRequestError, lambda: ask("refused")).message
    for call in (ask, streamed):
        raises(anthropic.RateLimitError, lambda: call("limited"))
    error = raises(anthropic.InternalServerError, lambda: ask("failing"))
    assert error.status_code == 502 and error.body["error"]["type"] == "api_error", error.body
    error = raises(anthropic.InternalServerError, lambda: ask("unpaid"))
    assert "bad provider key" not in error.message


@check
def an_overloaded_provider_is_told_from_a_broken_one():
    error = raises(anthropic.ServiceUnavailableError, lambda: ask("overloaded"))
    assert error.body["error"]["type"] == "overloaded_error", error.body


@check
def an_error_inside_a_stream_raises():
    for model, said in (("broken", "it broke"), ("cut", "the upstream broke off")):
        seen = []

        def read():
            with client.messages.stream(**asked(model)) as stream:
                seen.extend(stream.text_stream)

        error = raises(anthropic.APIStatusError, read)
        assert error.body["type"] == "error" and said in error.message, error.body
        assert "".join(seen) == "Rivers carry water, ", seen


if __name__ == "__main__":
    run()
