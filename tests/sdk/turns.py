"""What the scripted upstream says, before any vendor's way to write it.

The upstream model's name says how it behaves:

    plain            words, usage included
    tools            two calls, one without arguments; words once both are answered
    thinking         a thought before the words; other words if the thought comes back
    mirror           the request as it came, as words
    status-NNN       that HTTP status with an error
    cut              a stream that ends in the middle of an event
    broken           a stream that carries an error after some content
"""

import json
from dataclasses import dataclass, field

WORDS = ["Rivers ", "carry ", "water, ", "silt ", "and ", "배."]
THOUGHT = ["Think of ", "the sea."]
CALLS = [("look", {"place": "Ghent"}), ("now", {})]
MESSAGES = {400: "unsupported value", 401: "bad provider key", 429: "slow down", 500: "it broke", 529: "too busy"}
INPUT, OUTPUT = 9, 6


class Wrong(Exception):
    """The request is not what this vendor would take."""


@dataclass
class Turn:
    words: list = field(default_factory=list)
    thought: list = field(default_factory=list)
    calls: list = field(default_factory=list)


@dataclass
class Past:
    """What a request says of earlier turns, the same for all vendors."""

    declared: list
    # Pairs of id and (name, arguments); ids are names where a vendor has none.
    calls: list
    # Pairs of id and text.
    results: list
    thoughts: str = ""


def turn(model, request, past):
    """What `model` says next."""
    if model == "mirror":
        return Turn(words=[json.dumps(request, ensure_ascii=False)])
    if model == "thinking":
        if past.thoughts == "".join(THOUGHT):
            return Turn(words=["I ", "remember."])
        return Turn(words=WORDS, thought=THOUGHT)
    if model != "tools":
        return Turn(words=WORDS)
    if sorted(past.declared) != ["look", "now"]:
        raise Wrong(f"declared are {past.declared}")
    if not past.calls:
        return Turn(calls=CALLS)
    if [call for _, call in past.calls] != CALLS:
        raise Wrong(f"the calls were {CALLS}, not {past.calls}")
    if [key for key, _ in past.results] != [key for key, _ in past.calls]:
        raise Wrong(f"{past.results} do not answer {past.calls}")
    return Turn(words=[f"{call[0]}: {text}. " for (_, call), (_, text) in zip(past.calls, past.results)])
