"""The official Python SDK reads the usage and costs API, as finance tools do."""

import os
import time

import openai
from checks import check, raises, run

BASE = os.environ["TOLLWARD_BASE_URL"]
KEY = os.environ["TOLLWARD_KEY"]
MESSAGES = [{"role": "user", "content": "What do rivers do?"}]
# From yesterday on, so that midnight may pass meanwhile.
START = int(time.time()) - 86_400

client = openai.OpenAI(base_url=BASE, api_key=KEY, admin_api_key=KEY, max_retries=0, timeout=20)
usage = client.admin.organization.usage


def results(page):
    return [result for bucket in page.data for result in bucket.results]


def counted(**more):
    found = results(usage.completions(start_time=START, models=["chat"], **more))
    return sum(result.num_model_requests for result in found)


@check
def a_call_is_counted_at_once():
    before = counted()
    client.chat.completions.create(model="chat", messages=MESSAGES)
    assert counted() == before + 1


@check
def results_are_told_apart_by_model():
    client.embeddings.create(model="embed", input=["a"])
    found = results(usage.completions(start_time=START, group_by=["model", "api_key_id"]))
    assert "embed" not in {result.model for result in found}, found
    assert all(result.api_key_id for result in found)
    embedded = results(usage.embeddings(start_time=START, group_by=["model"]))
    assert "embed" in {result.model for result in embedded}, embedded


@check
def costs_are_told_in_dollars_and_by_deployment():
    found = results(usage.costs(start_time=START, group_by=["line_item"]))
    assert any(result.line_item == "scripted/plain" for result in found), found
    assert all(result.amount.currency == "usd" for result in found)
    assert sum(result.amount.value for result in found) > 0, found


@check
def an_answer_tells_its_cost_also_to_a_client_that_checks_what_it_reads():
    strict = openai.OpenAI(base_url=BASE, api_key=KEY, max_retries=0, _strict_response_validation=True)
    answer = strict.chat.completions.create(model="chat", messages=MESSAGES)
    assert answer.usage.model_extra["cost"] == 0.000021, answer.usage
    assert answer.usage.model_extra["cost_details"] == {"input": 0.000009, "output": 0.000012}
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    *_, last = strict.chat.completions.create(model="chat", messages=MESSAGES, **asked)
    assert last.usage.model_extra["cost"] == 0.000021, last
    response = strict.responses.create(model="chat", input="What do rivers do?")
    assert response.usage.model_extra["cost"] == 0.000021, response.usage


@check
def pages_follow_each_other():
    page = usage.completions(start_time=START - 86_400 * 3, limit=2)
    buckets = list(page.data)
    while page.has_more:
        page = usage.completions(start_time=START - 86_400 * 3, limit=2, page=page.next_page)
        buckets += page.data
    times = [bucket.start_time for bucket in buckets]
    assert times == sorted(set(times)) and len(times) == 5, times


@check
def every_endpoint_answers():
    for name in (
        "embeddings moderations images audio_speeches audio_transcriptions vector_stores code_interpreter_sessions "
        "file_search_calls web_search_calls"
    ).split():
        page = getattr(usage, name)(start_time=START)
        assert page.object == "page" and len(page.data) == 2, (name, page)


@check
def a_parameter_that_makes_no_sense_is_a_bad_request():
    error = raises(openai.BadRequestError, lambda: usage.costs(start_time=START, bucket_width="1h"))
    assert error.param == "bucket_width", error.body


if __name__ == "__main__":
    run()
