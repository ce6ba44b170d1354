#!/usr/bin/env bash
# Coding agents against the binary, headless, with a scripted model behind it.
# Usage: tests/agents/run.sh BINARY
# Needs python3, node and npm; installs the pinned agents, some 500 MB, below target/. Not part of CI.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "$1")
work=${CARGO_TARGET_DIR:-$here/../../target}/agents
mkdir -p "$work"
work=$(realpath "$work")
. "$here/../sdk/gateway.sh"

cp "$here"/package.json "$here"/package-lock.json "$work"
if ! (cd "$work" && npm ls --silent >/dev/null 2>&1); then
    (cd "$work" && npm ci --silent --no-audit --no-fund)
fi

export AGENT_MODULES=$work/node_modules
export AGENT_PLACE=$state/place
export AGENT_HOME=$state/home
export AGENT_REQUESTS=${AGENT_REQUESTS:-$state/requests}
mkdir "$AGENT_PLACE" "$AGENT_HOME"

export TOLLWARD_STATE_DIR=$state/scripted
upstream "$here"
serve scripted --config "$state/tollward.yaml"
PYTHONPATH=$here/../sdk python3 "$here/agents.py"
