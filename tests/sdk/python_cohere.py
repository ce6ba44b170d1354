"""The official Cohere SDK's rankings, newer and older client, on whoever ranks."""

import os

import cohere
from checks import check, raises, run

BASE_URL = os.environ["TOLLWARD_BASE_URL"].removesuffix("/v1")
KEY = os.environ["TOLLWARD_KEY"]
newer = cohere.ClientV2(api_key=KEY, base_url=BASE_URL, timeout=20)
older = cohere.Client(api_key=KEY, base_url=BASE_URL, timeout=20)
DOCUMENTS = ["a short one", "the longest of the three documents", "a middling document"]


def check_each(function):
    """One check for each vendor and client."""
    for model in ("cohere-rerank", "bedrock-rerank"):
        for client in (newer, older):

            def one(model=model, client=client):
                return function(lambda **more: client.rerank(model=model, query="longest?", documents=DOCUMENTS, **more))

            one.__name__ = f"{model}, {type(client).__name__}: {function.__name__}"
            check(one)


@check_each
def documents_are_ranked(rerank):
    results = rerank().results
    assert [it.index for it in results] == [1, 2, 0], results
    assert results[0].relevance_score == 0.34, results


@check_each
def the_best_are_enough(rerank):
    assert [it.index for it in rerank(top_n=1).results] == [1]


@check
def documents_are_repeated_when_asked_for():
    documents = [{"text": text} for text in DOCUMENTS]
    answer = older.rerank(model="cohere-rerank", query="q", documents=documents, top_n=1, return_documents=True)
    assert answer.results[0].document.text == DOCUMENTS[1], answer
    assert answer.meta.billed_units.search_units == 1


@check
def a_model_that_does_not_rank_is_refused():
    error = raises(cohere.BadRequestError, lambda: newer.rerank(model="chat-only", query="q", documents=DOCUMENTS))
    assert error.body["error"]["code"] == "unsupported_operation", error.body


if __name__ == "__main__":
    run()
