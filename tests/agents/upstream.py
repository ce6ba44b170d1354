"""A scripted model for agents: it has a file written, has it read, and tells what it was told.

In the words of the vendor whose address is asked. Of every request the tools that it offers and
how many results it brings are appended to $AGENT_REQUESTS with all of it, one a line.
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "sdk"))

from turns import Turn
from upstream import Handler, serve

PLACE = os.environ["AGENT_PLACE"]
LINE = "Rivers carry silt and 배."


def writing(tools):
    """The call that writes the file and the one that reads it, by the tools that are there."""
    path = f"{PLACE}/rivers.txt"
    if {"Write", "Read"} <= tools:
        return ("Write", {"file_path": path, "content": f"{LINE}\n"}), ("Read", {"file_path": path})
    if "exec_command" in tools:
        return ("exec_command", {"cmd": f"echo '{LINE}' > {path}"}), ("exec_command", {"cmd": f"cat {path}"})
    return None


def say(model, request, past):
    told = {"tools": past.declared, "results": len(past.results), "request": request}
    with open(os.environ["AGENT_REQUESTS"], "a") as file:
        file.write(json.dumps(told, ensure_ascii=False) + "\n")
    steps = writing(set(past.declared))
    if steps is None:
        return Turn(words=["Rivers"])
    results = [text for _, text in past.results]
    if len(results) < len(steps):
        return Turn(words=["One ", "moment. "], calls=[steps[len(results)]])
    return Turn(words=["It says: ", "yes" if LINE in results[-1] else f"no, but {results[-1]}"])


class Agents(Handler):
    say = staticmethod(say)


if __name__ == "__main__":
    serve(Agents)
