"""The official OpenAI SDK's realtime sessions."""

import asyncio
import os

import openai
import websockets
from checks import check, run

URL, KEY = os.environ["TOLLWARD_BASE_URL"], os.environ["TOLLWARD_KEY"]


def client(key=KEY):
    return openai.AsyncOpenAI(base_url=URL, api_key=key, max_retries=0, timeout=20)


async def answer(session):
    """Asks for a response and returns its text and its end."""
    await session.response.create()
    text = ""
    async for event in session:
        if event.type == "response.output_text.delta":
            text += event.delta
        if event.type == "response.done":
            return text, event.response


@check
async def a_session_is_opened_and_answers_twice():
    async with client().realtime.connect(model="voice") as session:
        created = await session.recv()
        assert (created.type, created.session.model) == ("session.created", "voice-upstream"), created
        await session.session.update(session={"type": "realtime", "model": "voice", "output_modalities": ["text"]})
        updated = await session.recv()
        assert (updated.type, updated.session.model) == ("session.updated", "voice-upstream"), updated
        for _ in range(2):
            text, response = await answer(session)
            assert text == "Hello there", text
            assert response.usage.total_tokens == 30, response


@check
def a_session_is_opened_without_asyncio():
    with openai.OpenAI(base_url=URL, api_key=KEY, timeout=20).realtime.connect(model="voice") as session:
        assert session.recv().type == "session.created"


@check
async def another_model_is_an_error_event():
    async with client().realtime.connect(model="voice") as session:
        await session.recv()
        await session.session.update(session={"type": "realtime", "model": "another"})
        event = await session.recv()
        assert (event.type, event.error.param) == ("error", "session.model"), event


async def refused(key, model):
    try:
        async with client(key).realtime.connect(model=model):
            raise AssertionError("a session")
    except websockets.exceptions.InvalidStatus as error:
        return error.response.status_code


@check
async def a_wrong_key_and_an_unknown_model_are_refused():
    assert await refused("tw-wrong", "voice") == 401
    assert await refused(KEY, "nothing") == 404


@check
async def a_browser_says_its_key_as_a_subprotocol():
    protocols = ["realtime", f"openai-insecure-api-key.{KEY}"]
    address = URL.replace("http", "ws", 1) + "/realtime?model=voice"
    async with websockets.connect(address, subprotocols=protocols) as session:
        assert session.subprotocol == "realtime", session.subprotocol
        await asyncio.wait_for(session.recv(), 5)


if __name__ == "__main__":
    run()
