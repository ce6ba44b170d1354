"""The official OpenAI SDK's chats on vendors with an API of their own, OpenAI's Responses among them."""

import json
import os

import openai
from checks import check, raises, run

TEXT = "Rivers carry water, silt and 배."
MESSAGES = [{"role": "user", "content": "What do rivers do?"}]
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": properties}}}
    for name, properties in (("look", {"place": {"type": "string"}}), ("now", {}))
]

client = openai.OpenAI(
    base_url=os.environ["TOLLWARD_BASE_URL"], api_key=os.environ["TOLLWARD_KEY"], max_retries=0, timeout=20
)


def check_each(function):
    """One check for each vendor."""
    for vendor in ("anthropic", "gemini", "bedrock", "ollama", "openai"):

        def one(vendor=vendor):
            return function(lambda model, *words, **more: ask(f"{vendor}-{model}", *words, **more))

        one.__name__ = f"{vendor}: {function.__name__}"
        check(one)


def ask(model, messages=MESSAGES, **more):
    return client.chat.completions.create(model=model, messages=messages, **more)


def deltas(stream):
    return [part.choices[0].delta for part in stream if part.choices]


@check_each
def a_chat_is_answered(ask):
    answer = ask("plain")
    assert answer.choices[0].message.content == TEXT, answer
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (9, 6), answer.usage


@check_each
def a_chat_is_streamed(ask):
    parts = list(ask("plain", stream=True, stream_options={"include_usage": True}))
    assert "".join(delta.content or "" for delta in deltas(parts)) == TEXT
    assert [part.choices[0].finish_reason for part in parts if part.choices][-1] == "stop"
    assert parts[-1].choices == [] and parts[-1].usage.total_tokens == 15, parts[-1]
    assert len({part.id for part in parts}) == 1


@check_each
def tools_are_called_and_answered(ask):
    first = ask("tools", tools=TOOLS).choices[0]
    assert first.finish_reason == "tool_calls"
    calls = [(call.function.name, json.loads(call.function.arguments)) for call in first.message.tool_calls]
    assert calls == [("look", {"place": "Ghent"}), ("now", {})], calls
    assert len({call.id for call in first.message.tool_calls}) == 2
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": text}
        for call, text in zip(first.message.tool_calls, ("sunny", "noon"))
    ]
    second = ask("tools", [*MESSAGES, first.message, *results], tools=TOOLS)
    assert second.choices[0].message.content.strip() == "look: sunny. now: noon.", second


@check_each
def streamed_calls_can_be_put_together(ask):
    calls = {}
    parts = list(ask("tools", tools=TOOLS, stream=True))
    for delta in deltas(parts):
        for call in delta.tool_calls or []:
            known = calls.setdefault(call.index, {"id": call.id, "name": call.function.name, "arguments": ""})
            known["arguments"] += call.function.arguments or ""
    told = [(call["name"], json.loads(call["arguments"])) for _, call in sorted(calls.items())]
    assert told == [("look", {"place": "Ghent"}), ("now", {})], calls
    assert all(call["id"] for call in calls.values()), calls
    assert parts[-1].choices[0].finish_reason == "tool_calls"


@check_each
def a_thought_is_told_apart_from_the_answer(ask):
    message = ask("thinking").choices[0].message
    assert (message.reasoning_content, message.content) == ("Think of the sea.", TEXT), message
    parts = deltas(ask("thinking", stream=True))
    assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in parts) == "Think of the sea."
    assert "".join(delta.content or "" for delta in parts) == TEXT


@check_each
def a_bad_request_keeps_its_words(ask):
    error = raises(openai.BadRequestError, lambda: ask("status-400"))
    assert "unsupported value" in error.message, error.body


@check_each
def a_rate_limit_is_a_rate_limit_error(ask):
    raises(openai.RateLimitError, lambda: ask("status-429"))
    raises(openai.RateLimitError, lambda: ask("status-429", stream=True))


@check_each
def a_failure_is_a_server_error(ask):
    error = raises(openai.InternalServerError, lambda: ask("status-500"))
    assert error.status_code in (502, 503), error.status_code


@check_each
def a_stream_that_is_cut_raises(ask):
    seen = []

    def read():
        seen.extend(deltas([part]) for part in ask("cut", stream=True))

    error = raises(openai.APIError, read)
    assert error.code == "upstream_truncated", error.body
    assert seen, "nothing came before the cut"


@check_each
def an_error_inside_a_stream_raises(ask):
    error = raises(openai.APIError, lambda: list(ask("broken", stream=True)))
    assert "it broke" in error.message, error.body


if __name__ == "__main__":
    run()
