"""Ollama's own Python package against Tollward, which it takes for an Ollama."""

import os

import ollama
from checks import check, raises, run

TEXT = "Rivers carry water, silt and 배."
HOST = os.environ["TOLLWARD_BASE_URL"].removesuffix("/v1")
KEY = os.environ["TOLLWARD_KEY"]
MESSAGES = [{"role": "user", "content": "What do rivers do?"}]

client = ollama.Client(host=HOST, headers={"authorization": f"Bearer {KEY}"}, timeout=20)


def look(place: str) -> str:
    """Looks at the weather.

    Args:
      place: Where.
    """
    return "sunny"


def now() -> str:
    """Tells the time."""
    return "noon"


def ask(model="chat", messages=MESSAGES, **more):
    return client.chat(model=model, messages=messages, **more)


@check
def a_chat_is_answered():
    answer = ask(options={"temperature": 0.5, "num_predict": 50})
    assert answer.message.content == TEXT, answer
    assert (answer.done, answer.done_reason) == (True, "stop")
    assert (answer.prompt_eval_count, answer.eval_count) == (9, 6)
    assert answer.total_duration > 0


@check
def a_name_with_the_usual_tag_is_the_same_model():
    assert ask("chat:latest").message.content == TEXT


@check
def a_chat_is_streamed():
    parts = list(ask(stream=True))
    assert "".join(part.message.content or "" for part in parts) == TEXT
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].eval_count == 6


@check
async def the_async_client_streams():
    patient = ollama.AsyncClient(host=HOST, headers={"authorization": f"Bearer {KEY}"}, timeout=20)
    stream = await patient.chat(model="chat", messages=MESSAGES, stream=True)
    assert "".join([part.message.content or "" async for part in stream]) == TEXT


@check
def a_prompt_is_answered():
    answer = client.generate(model="chat", prompt="What do rivers do?", system="Be brief.")
    assert (answer.response, answer.done_reason) == (TEXT, "stop"), answer
    parts = list(client.generate(model="chat", prompt="What do rivers do?", stream=True))
    assert "".join(part.response for part in parts) == TEXT and parts[-1].done


@check
def options_and_format_reach_the_vendor():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    answer = ask("mirror", format=schema, options={"num_predict": 7, "stop": ["x"], "seed": 3})
    for part in ('"max_completion_tokens": 7', '"stop": ["x"]', '"seed": 3', '"json_schema"'):
        assert part in answer.message.content, f"{part} is not in {answer.message.content}"


@check
def tools_are_called_and_answered():
    first = ask("tools", tools=[look, now])
    calls = [(call.function.name, dict(call.function.arguments)) for call in first.message.tool_calls]
    assert calls == [("look", {"place": "Ghent"}), ("now", {})], calls
    results = [
        {"role": "tool", "tool_name": name, "content": globals()[name](**arguments)} for name, arguments in calls
    ]
    second = ask("tools", [*MESSAGES, first.message, *results], tools=[look, now])
    assert second.message.content.strip() == "look: sunny. now: noon.", second


@check
def streamed_calls_come_whole():
    parts = list(ask("tools", tools=[look, now], stream=True))
    calls = [call.function for part in parts for call in part.message.tool_calls or []]
    assert [(call.name, dict(call.arguments)) for call in calls] == [("look", {"place": "Ghent"}), ("now", {})], calls


@check
def a_thought_is_told_apart_and_comes_back():
    first = ask("thinking", think=True).message
    assert (first.thinking, first.content) == ("Think of the sea.", TEXT), first
    parts = list(ask("thinking", think=True, stream=True))
    assert "".join(part.message.thinking or "" for part in parts) == first.thinking
    assert "".join(part.message.content or "" for part in parts) == TEXT
    second = ask("thinking", [*MESSAGES, first, {"role": "user", "content": "Again?"}], think=True)
    assert second.message.content == "I remember.", second


@check
def embeddings_are_relayed():
    answer = client.embed(model="embed", input=["a", "b"])
    assert [list(row) for row in answer.embeddings] == [[0.5, -0.25]] * 2
    assert answer.prompt_eval_count == 4
    assert list(client.embeddings(model="embed", prompt="a").embedding) == [0.5, -0.25]


@check
def the_models_are_listed_and_shown():
    names = {model.model for model in client.list().models}
    assert {"chat", "embed", "limited"} <= names, names
    assert {"chat"} <= {model.model for model in client.ps().models}
    shown = client.show("chat")
    assert {"completion", "tools"} <= set(shown.capabilities), shown
    assert any(key.endswith(".context_length") for key in shown.modelinfo), shown.modelinfo


@check
def a_model_that_is_served_is_pulled_at_once():
    assert client.pull("chat").status == "success"
    assert [part.status for part in client.pull("chat", stream=True)] == ["success"]
    assert raises(ollama.ResponseError, lambda: client.pull("nobody")).status_code == 404


@check
def a_model_is_loaded():
    assert client.chat(model="chat").done_reason == "load"
    assert client.generate(model="chat").done_reason == "load"


@check
def an_unknown_model_is_not_found():
    for call in (lambda: ask("nobody"), lambda: client.show("nobody"), lambda: list(ask("nobody", stream=True))):
        error = raises(ollama.ResponseError, call)
        assert error.status_code == 404 and "nobody" in error.error, error


@check
def a_wrong_key_is_refused():
    stranger = ollama.Client(host=HOST, headers={"authorization": "Bearer tw-wrong"})
    assert raises(ollama.ResponseError, lambda: stranger.chat(model="chat", messages=MESSAGES)).status_code == 401
    assert raises(ollama.ResponseError, stranger.list).status_code == 401


@check
def a_providers_failure_keeps_its_class():
    for model, status in (("refused", 400), ("limited", 429), ("overloaded", 503)):
        assert raises(ollama.ResponseError, lambda: ask(model)).status_code == status, model
    assert "unsupported value" in raises(ollama.ResponseError, lambda: ask("refused")).error
    assert raises(ollama.ResponseError, lambda: ask("failing")).status_code in (502, 503)


@check
def an_error_inside_a_stream_raises():
    assert "it broke" in raises(ollama.ResponseError, lambda: list(ask("broken", stream=True))).error
    raises(ollama.ResponseError, lambda: list(ask("cut", stream=True)))


if __name__ == "__main__":
    run()
