"""The official OpenAI SDK's responses on a backend that knows only chats, and on one that keeps responses."""

import json
import os

import openai
from checks import check, raises, run
from pydantic import BaseModel, ValidationError

TEXT = "Rivers carry water, silt and 배."
BASE = os.environ["TOLLWARD_BASE_URL"]
ASKED = "What do rivers do?"
TOOLS = [
    {"type": "function", "name": name, "strict": False, "parameters": {"type": "object", "properties": properties}}
    for name, properties in (("look", {"place": {"type": "string"}}), ("now", {}))
]

client = openai.OpenAI(base_url=BASE, api_key=os.environ["TOLLWARD_KEY"], max_retries=0, timeout=20)


def ask(model="chat", input=ASKED, **more):
    return client.responses.create(model=model, input=input, store=False, **more)


def calls(response):
    return [(it.name, json.loads(it.arguments)) for it in response.output if it.type == "function_call"]


CALLS = [("look", {"place": "Ghent"}), ("now", {})]


@check
def a_response_is_made_of_a_chat():
    answer = ask(instructions="Be brief.", max_output_tokens=50)
    assert (answer.status, answer.output_text, answer.error) == ("completed", TEXT, None), answer
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (9, 6, 15)
    assert answer.instructions == "Be brief." and answer.max_output_tokens == 50


@check
def what_is_asked_reaches_the_vendor():
    content = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": "data:image/png;base64,AA=="}]
    asked = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": content}]
    sent = json.loads(ask("mirror", asked, max_output_tokens=50, temperature=0.5, reasoning={"effort": "low"}).output_text)
    assert sent["max_completion_tokens"] == 50 and sent["temperature"] == 0.5, sent
    assert [message["role"] for message in sent["messages"]] in (["developer", "user"], ["system", "user"]), sent
    assert [part["type"] for part in sent["messages"][1]["content"]] == ["text", "image_url"], sent


@check
def tokens_are_counted_by_the_vendor_or_estimated():
    count = client.responses.input_tokens.with_raw_response.count
    for model, source in (("thinking", "counted"), ("anthropic-plain", "counted"), ("chat", "estimated")):
        raw = count(model=model, input=ASKED, tools=TOOLS, instructions="Be brief.")
        counted = raw.parse()
        assert raw.headers["x-tollward-tokens"] == source, (model, raw.headers)
        assert counted.object == "response.input_tokens", counted
        assert counted.input_tokens == 9 if source == "counted" else 40 < counted.input_tokens < 200, counted


@check
def the_events_are_counted_and_in_order():
    events = list(ask(stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events if event.type != "response.output_text.delta"]
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ], kinds
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == TEXT
    assert events[-1].response.output_text == TEXT and events[-1].response.usage.total_tokens == 15


@check
def the_sdks_own_reader_puts_a_stream_together():
    with client.responses.stream(model="chat", input=ASKED) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert text == TEXT and final.output_text == TEXT and final.status == "completed", final


@check
async def the_async_client_streams():
    async with openai.AsyncOpenAI(base_url=BASE, api_key=client.api_key, max_retries=0, timeout=20) as patient:
        async with patient.responses.stream(model="chat", input=ASKED) as stream:
            assert (await stream.get_final_response()).output_text == TEXT


@check
def tools_are_called_and_answered():
    first = ask("tools", tools=TOOLS)
    assert calls(first) == CALLS, first.output
    results = [
        {"type": "function_call_output", "call_id": it.call_id, "output": text}
        for it, text in zip(first.output, ("sunny", "noon"))
    ]
    asked = [{"role": "user", "content": ASKED}, *first.output, *results]
    second = ask("tools", asked, tools=TOOLS)
    assert second.output_text.strip() == "look: sunny. now: noon.", second


@check
def streamed_calls_are_put_together():
    with client.responses.stream(model="tools", input=ASKED, tools=TOOLS) as stream:
        done = [event for event in stream if event.type == "response.function_call_arguments.done"]
        final = stream.get_final_response()
    assert [json.loads(event.arguments) for event in done] == [arguments for _, arguments in CALLS]
    assert calls(final) == CALLS, final.output
    assert len({it.call_id for it in final.output}) == 2


@check
def an_answer_is_asked_for_in_its_schema():
    class Place(BaseModel):
        name: str

    error = raises(ValidationError, lambda: client.responses.parse(model="mirror", input=ASKED, text_format=Place))
    sent = error.errors()[0]["input"]
    assert sent["response_format"]["json_schema"]["name"] == "Place", sent


@check
def a_thought_is_an_item_of_its_own_and_comes_back():
    first = ask("thinking", include=["reasoning.encrypted_content"], reasoning={"effort": "low", "summary": "auto"})
    kinds = [it.type for it in first.output]
    assert kinds == ["reasoning", "message"] and first.output_text == TEXT, first
    told = first.output[0]
    parts = [*told.summary, *(told.content or [])]
    assert "".join(part.text for part in parts) == "Think of the sea.", told
    history = [{"role": "user", "content": ASKED}, *first.output, {"role": "user", "content": "Again?"}]
    assert ask("thinking", history).output_text == "I remember."
    with client.responses.stream(model="thinking", input=ASKED) as stream:
        assert [it.type for it in stream.get_final_response().output] == ["reasoning", "message"]


@check
def an_unknown_model_is_not_found():
    assert raises(openai.NotFoundError, lambda: ask("nobody")).code == "model_not_found"


@check
def what_openai_keeps_is_refused_by_name():
    error = raises(openai.BadRequestError, lambda: ask(previous_response_id="resp_1"))
    assert error.param == "previous_response_id", error.body
    error = raises(openai.BadRequestError, lambda: ask(background=True))
    assert error.param == "background", error.body


@check
def a_providers_failure_keeps_its_class():
    assert "unsupported value" in raises(openai.BadRequestError, lambda: ask("refused")).message
    raises(openai.RateLimitError, lambda: ask("limited"))
    raises(openai.RateLimitError, lambda: ask("limited", stream=True))
    raises(openai.InternalServerError, lambda: ask("failing"))


@check
def an_error_inside_a_stream_fails_the_response():
    for model, said in (("broken", "it broke"), ("cut", "the upstream broke off")):
        events = list(ask(model, stream=True))
        assert events[-1].type == "response.failed", events[-1]
        assert said in events[-1].response.error.message, events[-1]
        assert "".join(it.delta for it in events if it.type == "response.output_text.delta") == "Rivers carry water, "
        assert [event.sequence_number for event in events] == list(range(len(events)))


@check
def a_native_stream_is_read_as_it_came():
    with client.responses.stream(model="native", input=ASKED) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert "".join(it.delta for it in events if it.type == "response.output_text.delta") == TEXT
    assert (final.output_text, final.status, final.usage.total_tokens) == (TEXT, "completed", 15), final
    assert final.model == "plain", "the vendor's own words"


@check
def a_native_tool_loop_goes_on_from_the_response_before():
    first = client.responses.create(model="native-tools", input=ASKED, tools=TOOLS)
    assert calls(first) == CALLS, first.output
    results = [
        {"type": "function_call_output", "call_id": it.call_id, "output": text}
        for it, text in zip(first.output, ("sunny", "noon"))
    ]
    more = {"model": "native-tools", "input": results, "tools": TOOLS}
    with client.responses.stream(**more, previous_response_id=first.id) as stream:
        second = stream.get_final_response()
    assert second.output_text.strip() == "look: sunny. now: noon.", second
    assert second.previous_response_id == first.id


@check
def a_native_thought_in_cipher_comes_back():
    first = ask("native-thinking", include=["reasoning.encrypted_content"])
    assert [it.type for it in first.output] == ["reasoning", "message"], first
    history = [{"role": "user", "content": ASKED, "type": "message"}, *first.output]
    second = ask("native-thinking", [*history, {"role": "user", "content": "Again?", "type": "message"}])
    assert second.output_text == "I remember.", second


@check
def a_native_response_is_shown_listed_and_deleted():
    response = client.responses.create(model="native", input=ASKED)
    assert client.responses.retrieve(response.id).output_text == TEXT
    items = client.responses.input_items.list(response.id).data
    assert [it.role for it in items] == ["user"], items
    client.responses.delete(response.id)
    raises(openai.NotFoundError, lambda: client.responses.retrieve(response.id))
    again = {"model": "native", "input": "Again?", "previous_response_id": response.id}
    error = raises(openai.BadRequestError, lambda: client.responses.create(**again))
    assert error.code == "previous_response_not_found", error.body


if __name__ == "__main__":
    run()
