"""The official OpenAI SDK's embeddings on vendors with an API of their own."""

import os

import openai
from checks import check, raises, run

client = openai.OpenAI(
    base_url=os.environ["TOLLWARD_BASE_URL"], api_key=os.environ["TOLLWARD_KEY"], max_retries=0, timeout=20
)


def check_each(function):
    """One check for each vendor."""
    for vendor in ("gemini", "bedrock", "ollama", "cohere"):

        def one(vendor=vendor):
            return function(lambda texts, **more: client.embeddings.create(model=f"{vendor}-embed", input=texts, **more))

        one.__name__ = f"{vendor}: {function.__name__}"
        check(one)


@check_each
def a_text_is_embedded(embed):
    # The SDK asks for base64 and decodes it.
    answer = embed("four")
    assert [row.embedding for row in answer.data] == [[0.5, -0.25]], answer
    assert answer.usage.prompt_tokens == 1, answer.usage
    assert answer.model.endswith("-embed"), answer.model


@check_each
def numbers_are_numbers_when_asked_for(embed):
    assert embed("four", encoding_format="float").data[0].embedding == [0.5, -0.25]


@check_each
def a_batch_comes_back_in_order(embed):
    # As LangChain and LlamaIndex send them: more texts than any vendor takes at once.
    texts = ["x" * (place % 50 + 1) for place in range(250)]
    answer = embed(texts)
    assert [row.index for row in answer.data] == list(range(250))
    assert [row.embedding for row in answer.data] == [[len(text) / 8, -0.25] for text in texts]
    assert answer.usage.total_tokens == 250, answer.usage


@check_each
def token_ids_are_refused(embed):
    error = raises(openai.BadRequestError, lambda: embed([[1, 2, 3]]))
    assert error.param == "input" and "text" in error.message, error.body


if __name__ == "__main__":
    run()
