"""Google's SDK on backends of all kinds: Google itself, whose answers are relayed, and others."""

import json
import os

from checks import check, raises, run
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

TEXT = "Rivers carry water, silt and 배."
THOUGHT = "Think of the sea."
HOST = os.environ["TOLLWARD_BASE_URL"].removesuffix("/v1")
KEY = os.environ["TOLLWARD_KEY"]
ASK = "What do rivers do?"
RETRY = types.HttpRetryOptions(attempts=1)
VENDORS = ("", "anthropic-", "gemini-", "bedrock-", "ollama-")


def connect(key=KEY, **more):
    options = types.HttpOptions(base_url=HOST, timeout=20_000, retry_options=RETRY, **more)
    return genai.Client(api_key=key, http_options=options)


client = connect()


def name(vendor, behaviour):
    """The models without a vendor's name are an OpenAI-shaped server's, under names of their own."""
    own = {"plain": "chat", "status-400": "refused", "status-429": "limited", "status-500": "failing"}
    return vendor + behaviour if vendor else own.get(behaviour, behaviour)


def check_each(function):
    """One check for each vendor."""
    for vendor in VENDORS:

        def one(vendor=vendor):
            return function(lambda behaviour: name(vendor, behaviour))

        one.__name__ = f"{vendor or 'openai-'}: {function.__name__}"
        check(one)


def ask(model, contents=ASK, **config):
    return client.models.generate_content(model=model, contents=contents, config=config or None)


def stream(model, contents=ASK, **config):
    return client.models.generate_content_stream(model=model, contents=contents, config=config or None)


def look(place: str) -> str:
    """Looks at a place."""
    assert place == "Ghent", place
    return "sunny"


def now() -> str:
    """Tells the time."""
    return "noon"


@check_each
def an_answer_is_whole(model):
    answer = ask(model("plain"), system_instruction="Be brief.", max_output_tokens=2000, stop_sequences=["x"])
    assert answer.text == TEXT, answer
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count) == (9, 6, 15), usage


@check_each
def an_answer_is_streamed(model):
    chunks = list(stream(model("plain")))
    assert "".join(chunk.text or "" for chunk in chunks) == TEXT, chunks
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert chunks[-1].usage_metadata.total_token_count == 15, chunks[-1]
    assert len({chunk.response_id for chunk in chunks}) == 1


@check_each
def the_sdk_calls_functions_by_itself(model):
    answer = ask(model("tools"), tools=[look, now])
    assert answer.text.strip() == "look: sunny. now: noon.", answer
    assert len(answer.automatic_function_calling_history) == 3


@check_each
def streamed_calls_are_whole_parts(model):
    disabled = types.AutomaticFunctionCallingConfig(disable=True)
    chunks = list(stream(model("tools"), tools=[look, now], automatic_function_calling=disabled))
    calls = [call for chunk in chunks for call in chunk.function_calls or []]
    assert [(call.name, call.args or {}) for call in calls] == [("look", {"place": "Ghent"}), ("now", {})], calls


@check_each
def a_chat_remembers_calls_and_their_results(model):
    chat = client.chats.create(model=model("tools"), config={"tools": [look, now]})
    assert chat.send_message(ASK).text.strip() == "look: sunny. now: noon."
    assert len(chat.get_history()) == 4, chat.get_history()


@check_each
def a_thought_is_told_apart_from_the_answer(model):
    config = {"thinking_config": {"include_thoughts": True, "thinking_budget": 1024}}
    parts = ask(model("thinking"), **config).parts
    pieces = [part for chunk in stream(model("thinking"), **config) for part in chunk.parts or []]
    for said in (parts, pieces):
        assert "".join(part.text for part in said if part.thought) == THOUGHT, said
        assert "".join(part.text or "" for part in said if not part.thought) == TEXT, said


@check
def other_vendors_get_their_signed_thoughts_back():
    config = {"thinking_config": {"include_thoughts": True, "thinking_budget": 1024}}
    # Not `bedrock-thinking`: by its name it is no Claude, and of others Bedrock takes no thoughts back.
    for model in ("anthropic-thinking", "thinking"):
        for send in ("send_message", "send_message_stream"):
            chat = client.chats.create(model=model, config=config)
            for message in (ASK, "Again?"):
                answer = getattr(chat, send)(message)
                answers = [answer] if send == "send_message" else list(answer)
            assert "".join(it.text or "" for it in answers) == "I remember.", (model, send, answers)


@check
def what_is_asked_reaches_the_vendor():
    picture = types.Part.from_bytes(data=b"\xfb\xef\xff\x01", mime_type="image/png")
    config = {"system_instruction": "Be brief.", "top_p": 0.5, "seed": 7, "stop_sequences": ["x"]}
    sent = json.loads(ask("mirror", ["What is this?", picture], **config).text)
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}, sent
    url = sent["messages"][1]["content"][1]["image_url"]["url"]
    assert url == "data:image/png;base64,++//AQ==", url
    assert (sent["top_p"], sent["seed"], sent["stop"]) == (0.5, 7, ["x"]), sent


@check
def a_relay_leaves_what_the_sdk_wrote():
    sent = json.loads(ask("gemini-mirror", top_k=3, safety_settings=None).text)
    assert sent == {"contents": [{"parts": [{"text": ASK}], "role": "user"}], "generationConfig": {"topK": 3.0}}, sent


@check
def a_schema_reaches_the_vendor():
    class River(BaseModel):
        name: str
        length: int | None = None

    config = {"response_mime_type": "application/json", "response_schema": River}
    sent = json.loads(ask("mirror", **config).text)["response_format"]["json_schema"]["schema"]
    assert sent["type"] == "object" and set(sent["properties"]) == {"name", "length"}, sent
    assert sent["properties"]["length"]["type"] == ["integer", "null"], sent
    config = {"response_mime_type": "application/json", "response_json_schema": River.model_json_schema()}
    sent = json.loads(ask("mirror", **config).text)["response_format"]["json_schema"]["schema"]
    assert sent == River.model_json_schema(), sent


@check
def tokens_are_counted():
    for model in ("chat", "gemini-plain"):
        assert client.models.count_tokens(model=model, contents=ASK).total_tokens > 0


@check
def models_are_listed_and_shown():
    names = [model.name for model in client.models.list()]
    assert "models/chat" in names and "models/gemini-plain" in names, names
    assert client.models.get(model="chat").display_name == "chat"


@check
def both_versions_of_the_api_are_taken():
    for version in ("v1", "v1beta"):
        # A client that nobody holds is closed.
        api = connect(api_version=version)
        answer = api.models.generate_content(model="chat", contents=ASK)
        assert answer.text == TEXT, version


@check
async def the_async_client_works():
    models = client.aio.models
    assert (await models.generate_content(model="chat", contents=ASK)).text == TEXT
    chunks = [chunk async for chunk in await models.generate_content_stream(model="chat", contents=ASK)]
    assert "".join(chunk.text or "" for chunk in chunks) == TEXT


@check
def what_cannot_be_done_elsewhere_is_refused_by_name():
    search = [types.Tool(google_search=types.GoogleSearch())]
    error = raises(errors.ClientError, lambda: ask("chat", tools=search))
    assert error.code == 400 and "googleSearch" in error.message, error.details


@check
def a_wrong_key_and_an_unknown_model_are_client_errors():
    stranger = connect("tw-wrong")
    error = raises(errors.ClientError, lambda: stranger.models.generate_content(model="chat", contents=ASK))
    assert (error.code, error.status) == (401, "UNAUTHENTICATED"), error
    error = raises(errors.ClientError, lambda: ask("nobody"))
    assert (error.code, error.status) == (404, "NOT_FOUND"), error


@check_each
def a_providers_failure_keeps_its_class(model):
    refused, limited, failing = (model(f"status-{it}") for it in (400, 429, 500))
    error = raises(errors.ClientError, lambda: ask(refused))
    assert (error.code, error.status) == (400, "INVALID_ARGUMENT") and "unsupported value" in error.message, error
    for call in (ask, lambda it: list(stream(it))):
        error = raises(errors.ClientError, lambda: call(limited))
        assert (error.code, error.status) == (429, "RESOURCE_EXHAUSTED"), error
    error = raises(errors.ServerError, lambda: ask(failing))
    assert error.code in (502, 503), error


@check_each
def an_error_inside_a_stream_raises(model):
    for behaviour, said in (("broken", "it broke"), ("cut", "the upstream broke off")):
        seen = []

        def read():
            for chunk in stream(model(behaviour)):
                seen.append(chunk.text)

        error = raises(errors.ServerError, read)
        assert said in error.message, error
        assert "".join(seen).startswith("Rivers"), seen


if __name__ == "__main__":
    run()
