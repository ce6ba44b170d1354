"""Coding agents, headless, with the gateway as their only model."""

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

from checks import check, run

BASE = os.environ["TOLLWARD_BASE_URL"]
KEY = os.environ["TOLLWARD_KEY"]
MODULES = Path(os.environ["AGENT_MODULES"])
PLACE = Path(os.environ["AGENT_PLACE"])
REQUESTS = Path(os.environ["AGENT_REQUESTS"])
HOME = Path(os.environ["AGENT_HOME"])
FILE = PLACE / "rivers.txt"
# The one that speaks OpenAI's chats has no word of its own.
VENDORS = ["", "-anthropic", "-gemini", "-bedrock", "-ollama"]
PROMPT = "Write a line about rivers into rivers.txt, read it back and tell me what it says."


def call(*command, **environment):
    """Runs an agent in an empty place and returns what it printed and what reached the model."""
    FILE.unlink(missing_ok=True)
    REQUESTS.write_text("")
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    agent = subprocess.Popen(
        command,
        cwd=PLACE,
        env={**kept, "HOME": str(HOME), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        told, complaints = agent.communicate(timeout=60)
    finally:
        # Whatever the agent started ends with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(agent.pid, signal.SIGKILL)
    assert agent.returncode == 0, f"{agent.returncode}: {told}\n{complaints}"
    return told, [json.loads(line) for line in REQUESTS.read_text().splitlines()]


def steps(requests):
    """How many results of tools each request with tools had."""
    return [request["results"] for request in requests if request["tools"]]


def at_every_vendor(works):
    """A check for each vendor behind the gateway."""
    for vendor in VENDORS:
        def one(vendor=vendor):
            works(vendor)

        one.__name__ = f"{works.__name__}{vendor.replace('-', '_at_')}"
        check(one)


@at_every_vendor
def claude_code_works_with_files(vendor):
    told, requests = call(
        "node",
        str(MODULES / "@anthropic-ai/claude-code/cli-wrapper.cjs"),
        "-p",
        PROMPT,
        "--model",
        f"claude-sonnet-4-5{vendor}",
        "--output-format",
        "json",
        "--allowedTools",
        "Write",
        "Read",
        ANTHROPIC_BASE_URL=BASE.removesuffix("/v1"),
        ANTHROPIC_API_KEY=KEY,
        ANTHROPIC_SMALL_FAST_MODEL="claude-haiku-4-5",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        DISABLE_AUTOUPDATER="1",
    )
    told = json.loads(told)
    assert told["result"] == "It says: yes" and not told["is_error"], told
    assert FILE.read_text() == "Rivers carry silt and 배.\n"
    assert steps(requests)[-3:] == [0, 1, 2], steps(requests)
    assert told["usage"]["output_tokens"] > 0, told["usage"]
    # It differs from call to call and would spoil every cache of prompts.
    if vendor != "-anthropic":
        assert "x-anthropic-billing-header" not in json.dumps(requests)


@at_every_vendor
def codex_works_with_files(vendor):
    (HOME / ".codex").mkdir(exist_ok=True)
    (HOME / ".codex" / "config.toml").write_text(
        f"""
model = "gpt-5.6{vendor}"
model_provider = "tollward"

[model_providers.tollward]
name = "Tollward"
base_url = "{BASE}"
env_key = "TOLLWARD_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""
    )
    told, requests = call(
        str(MODULES / ".bin/codex"),
        "exec",
        "--json",
        "--skip-git-repo-check",
        "--dangerously-bypass-approvals-and-sandbox",
        PROMPT,
        TOLLWARD_KEY=KEY,
    )
    events = [json.loads(line) for line in told.splitlines()]
    words = [it["item"]["text"] for it in events if it.get("item", {}).get("type") == "agent_message"]
    assert words[-1] == "It says: yes", events
    assert FILE.read_text() == "Rivers carry silt and 배.\n"
    assert steps(requests)[-3:] == [0, 1, 2], steps(requests)


if __name__ == "__main__":
    run()
