"""The official OpenAI SDK's images, audio, moderations, files and batches."""

import io
import os

import openai
from checks import check, raises, run

client = openai.OpenAI(
    base_url=os.environ["TOLLWARD_BASE_URL"], api_key=os.environ["TOLLWARD_KEY"], max_retries=0, timeout=20
)
SOUND = b"\xff\xfb" + b"sound" * 500_000


def sound(content=SOUND):
    file = io.BytesIO(content)
    file.name = "a.mp3"
    return file


@check
def an_image_is_made():
    answer = client.images.generate(model="draw", prompt="a cat", n=1)
    assert answer.data[0].b64_json == "AAAA", answer
    assert answer.usage.total_tokens == 12, answer.usage


@check
def an_image_is_made_in_a_stream():
    events = list(client.images.generate(model="draw", prompt="a cat", stream=True, partial_images=1))
    kinds = [event.type for event in events]
    assert kinds == ["image_generation.partial_image", "image_generation.completed"], kinds
    assert events[-1].usage.total_tokens == 12


@check
def images_are_edited():
    answer = client.images.edit(model="draw", prompt="a hat", image=[sound(), sound()])
    assert answer.data[0].b64_json == "AAAA", answer


@check
def speech_comes_as_bytes():
    with client.audio.speech.with_streaming_response.create(model="speak", input="hi", voice="alloy") as answer:
        assert answer.headers["content-type"] == "audio/mpeg", answer.headers
        assert b"".join(answer.iter_bytes()) == SOUND


@check
def a_recording_is_transcribed():
    answer = client.audio.transcriptions.create(model="listen", file=sound())
    assert (answer.text, answer.usage.seconds) == (str(len(SOUND)), 27), answer


@check
def a_recording_is_transcribed_as_text_and_subtitles():
    text = client.audio.transcriptions.create(model="listen", file=sound(b"x"), response_format="text")
    assert text == "1", text
    verbose = client.audio.transcriptions.create(model="listen", file=sound(b"x"), response_format="verbose_json")
    assert verbose.duration == 27, verbose


@check
def a_recording_is_transcribed_in_a_stream():
    events = list(client.audio.transcriptions.create(model="listen", file=sound(b"x"), stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"], events


@check
def a_recording_is_translated():
    assert client.audio.translations.create(model="listen", file=sound(b"xy")).text == "2"


@check
def a_text_is_judged_without_a_model():
    answer = client.moderations.create(input="hi")
    assert answer.results[0].flagged is False, answer


@check
def a_model_without_images_says_so():
    raises(openai.BadRequestError, lambda: client.images.generate(model="gemini-plain", prompt="a cat"))


@check
def a_file_goes_to_the_account_and_comes_back():
    file = client.files.create(file=("a.jsonl", SOUND), purpose="batch")
    assert (file.id, file.bytes) == ("file-1", len(SOUND)), file
    assert client.files.content(file.id).read() == SOUND
    assert [one.id for one in client.files.list(limit=5)] == ["file-1"]
    assert client.files.delete(file.id).deleted


@check
def a_batch_is_made():
    batch = client.batches.create(
        input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert batch.status == "validating", batch


@check
def a_file_that_is_not_there_is_not_found():
    raises(openai.NotFoundError, lambda: client.files.retrieve("file-none"))


if __name__ == "__main__":
    run()
