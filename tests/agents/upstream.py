"""A scripted model for agents: it has a file written, has it read, and tells what it was told.

OpenAI's chats only. Every request is appended to $AGENT_REQUESTS, one a line.
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


def said(message):
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def say(model, request, _):
    with open(os.environ["AGENT_REQUESTS"], "a") as file:
        file.write(json.dumps(request, ensure_ascii=False) + "\n")
    steps = writing({tool["function"]["name"] for tool in request.get("tools", [])})
    if steps is None:
        return Turn(words=["Rivers"])
    results = [said(message) for message in request["messages"] if message["role"] == "tool"]
    if len(results) < len(steps):
        return Turn(words=["One ", "moment. "], calls=[steps[len(results)]])
    return Turn(words=["It says: ", "yes" if LINE in results[-1] else f"no, but {results[-1]}"])


class Agents(Handler):
    say = staticmethod(say)


if __name__ == "__main__":
    serve(Agents)
