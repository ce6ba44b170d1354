"""The official Python SDK against Tollward in front of a scripted upstream."""

import os

import openai
from checks import check, raises, run

TEXT = "Rivers carry water, silt and 배."
BASE = os.environ["TOLLWARD_BASE_URL"]
KEY = os.environ["TOLLWARD_KEY"]
MESSAGES = [{"role": "user", "content": "What do rivers do?"}]

client = openai.OpenAI(base_url=BASE, api_key=KEY, max_retries=0, timeout=20)


def ask(model="chat", **more):
    return client.chat.completions.create(model=model, messages=MESSAGES, **more)


@check
def a_chat_is_answered():
    answer = ask()
    assert answer.choices[0].message.content == TEXT, answer
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (9, 6)


@check
def the_response_says_who_answered():
    raw = client.chat.completions.with_raw_response.create(model="chat", messages=MESSAGES)
    assert raw.headers["x-tollward-deployment"] == "scripted/plain", raw.headers
    assert raw.headers["x-tollward-attempts"] == "1", raw.headers
    assert raw.headers["x-request-id"]


@check
def a_stream_is_relayed_without_the_usage_nobody_asked_for():
    parts = list(ask(stream=True))
    assert "".join(part.choices[0].delta.content or "" for part in parts) == TEXT
    assert all(part.usage is None and part.choices for part in parts)


@check
def a_stream_ends_with_usage_when_asked_for():
    parts = list(ask(stream=True, stream_options={"include_usage": True}))
    assert parts[-1].usage.total_tokens == 15 and parts[-1].choices == []


@check
async def the_async_client_streams():
    patient = openai.AsyncOpenAI(base_url=BASE, api_key=KEY, max_retries=0, timeout=20)
    async with patient:
        stream = await patient.chat.completions.create(model="chat", messages=MESSAGES, stream=True)
        text = "".join([part.choices[0].delta.content or "" async for part in stream])
    assert text == TEXT


@check
def a_completion_is_answered():
    answer = client.completions.create(model="chat", prompt="What do rivers do?")
    assert answer.choices[0].text == TEXT


@check
def embeddings_are_relayed():
    answer = client.embeddings.create(model="embed", input=["a", "b"], encoding_format="float")
    assert [row.embedding for row in answer.data] == [[0.5, -0.25]] * 2


@check
def the_models_are_listed():
    names = {model.id for model in client.models.list()}
    assert {"chat", "embed", "limited"} <= names, names
    assert client.models.retrieve("chat").id == "chat"


@check
def a_fallback_answers_for_a_failing_primary():
    raw = client.chat.completions.with_raw_response.create(model="rescued", messages=MESSAGES)
    assert raw.parse().choices[0].message.content == TEXT
    assert raw.headers["x-tollward-deployment"] == "scripted/plain"
    assert raw.headers["x-tollward-fallback-reason"]


@check
def a_wrong_key_is_an_authentication_error():
    stranger = openai.OpenAI(base_url=BASE, api_key="tw-wrong", max_retries=0)
    error = raises(openai.AuthenticationError, lambda: stranger.chat.completions.create(model="chat", messages=MESSAGES))
    assert error.code == "invalid_api_key", error.body


@check
def an_unknown_model_is_not_found():
    error = raises(openai.NotFoundError, lambda: ask("nobody"))
    assert error.code == "model_not_found", error.body
    raises(openai.NotFoundError, lambda: client.models.retrieve("nobody"))


@check
def a_request_without_messages_is_a_bad_request():
    error = raises(openai.BadRequestError, lambda: client.chat.completions.create(model="chat", messages=[]))
    assert error.param == "messages", error.body


@check
def a_providers_bad_request_keeps_its_words():
    error = raises(openai.BadRequestError, lambda: ask("refused"))
    assert "unsupported value" in error.message, error.body


@check
def a_providers_rate_limit_is_a_rate_limit_error():
    raises(openai.RateLimitError, lambda: ask("limited"))


@check
def a_providers_failure_is_a_server_error():
    error = raises(openai.InternalServerError, lambda: ask("failing"))
    assert error.status_code in (502, 503), error.status_code


@check
def a_rejected_provider_key_is_not_the_callers_fault():
    error = raises(openai.InternalServerError, lambda: ask("unpaid"))
    assert (error.status_code, error.code) == (502, "upstream_auth"), error.body
    assert "bad provider key" not in error.message


@check
def a_stream_that_is_cut_raises():
    error = raises(openai.APIError, lambda: list(ask("cut", stream=True)))
    assert error.code == "upstream_truncated", error.body


@check
def an_error_inside_a_stream_raises():
    raises(openai.APIError, lambda: list(ask("broken", stream=True)))


if __name__ == "__main__":
    run()
