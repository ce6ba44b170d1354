"""The official Python SDK against the embedded model: what a program sees with no provider at all."""

import os
import time

import anthropic
import openai
from checks import check, raises, run

BASE = os.environ["TOLLWARD_BASE_URL"]
MODEL = os.environ["TOLLWARD_MODEL"]
MESSAGES = [{"role": "user", "content": "Count from one to ten in words."}]

claude = anthropic.Anthropic(base_url=BASE.removesuffix("/v1"), api_key="none", max_retries=0, timeout=120)
client = openai.OpenAI(base_url=BASE, api_key="none", max_retries=0, timeout=120)


def ask(**more):
    return client.chat.completions.create(model=MODEL, messages=MESSAGES, **({"max_tokens": 16, "temperature": 0} | more))


@check
def the_model_becomes_ready():
    deadline = time.monotonic() + 60
    while True:
        try:
            return ask(max_tokens=1)
        except openai.InternalServerError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@check
def a_chat_is_answered():
    answer = ask()
    assert answer.choices[0].message.content.strip(), answer
    assert answer.choices[0].finish_reason in ("stop", "length")
    usage = answer.usage
    assert usage.prompt_tokens > 0 and 0 < usage.completion_tokens <= 16, usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage


@check
def tokens_are_counted_as_they_are_charged():
    long = "Rivers carry water, silt and 배 <|im_end|>. " * 40
    talk = [*MESSAGES, {"role": "assistant", "content": "one two"}, {"role": "user", "content": long}]
    for messages in (MESSAGES, talk):
        charged = client.chat.completions.create(model=MODEL, messages=messages, max_tokens=1).usage.prompt_tokens
        raw = claude.messages.with_raw_response.count_tokens(model=MODEL, messages=messages)
        assert raw.headers["x-tollward-tokens"] == "counted", raw.headers
        assert raw.parse().input_tokens == charged, (raw.parse(), charged)
        counted = client.responses.input_tokens.count(model=MODEL, input=messages)
        assert counted.input_tokens == charged, (counted, charged)


@check
def a_stream_says_the_same_as_the_whole_answer():
    parts = list(ask(stream=True, stream_options={"include_usage": True}))
    text = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
    whole = ask()
    assert text == whole.choices[0].message.content
    assert parts[-1].usage.completion_tokens == whole.usage.completion_tokens


@check
async def the_async_client_streams():
    async with openai.AsyncOpenAI(base_url=BASE, api_key="none", max_retries=0, timeout=120) as patient:
        stream = await patient.chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=8, stream=True)
        assert "".join([part.choices[0].delta.content or "" async for part in stream if part.choices]).strip()


@check
def a_stop_text_ends_the_answer_and_is_not_in_it():
    whole = ask().choices[0].message.content
    stop = whole[2:5]
    answer = ask(stop=[stop])
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content == whole.split(stop)[0]


@check
def a_seed_makes_a_sampled_answer_repeat():
    first, second = (ask(temperature=1.0, seed=7).choices[0].message.content for _ in range(2))
    assert first == second


@check
def logprobs_come_with_their_alternatives():
    logprobs = ask(max_tokens=3, logprobs=True, top_logprobs=2).choices[0].logprobs.content
    assert len(logprobs) == 3
    for token in logprobs:
        assert token.logprob <= 0 and len(token.top_logprobs) == 2, token


@check
def several_choices_are_numbered():
    answer = ask(n=2, temperature=1.0, max_tokens=4)
    assert sorted(choice.index for choice in answer.choices) == [0, 1]


@check
def a_parameter_that_cannot_be_honoured_is_refused():
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    error = raises(openai.BadRequestError, lambda: ask(tools=tools))
    assert error.param == "tools", error.body


@check
def a_completion_is_answered():
    answer = client.completions.create(model=MODEL, prompt="The capital of France is", max_tokens=4, temperature=0)
    assert answer.choices[0].text.strip() and answer.usage.completion_tokens <= 4


if __name__ == "__main__":
    run()
