#!/usr/bin/env bash
# Official SDKs against the binary, as a program would use it.
# Usage: tests/sdk/run.sh BINARY [--embedded]
# Needs python3 with venv, node and npm; installs the pinned SDKs below target/.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "$1")
mode=${2:-}
work=${CARGO_TARGET_DIR:-$here/../../target}/sdk
mkdir -p "$work"
work=$(realpath "$work")
. "$here/gateway.sh"

if ! [ -x "$work/venv/bin/pip" ]; then
    python3 -m venv "$work/venv"
fi
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
cp "$here"/package.json "$here"/package-lock.json "$here"/node_chat.mjs "$work"
(cd "$work" && npm ci --silent --no-audit --no-fund)

export TOLLWARD_STATE_DIR=$state/scripted
upstream "$here"

status=0
serve scripted --config "$state/tollward.yaml"
for client in chat usage vendors embeddings media realtime cohere responses anthropic ollama google; do
    printf '== Python SDK, scripted upstream: %s\n' "$client"
    "$work/venv/bin/python" "$here/python_$client.py" || status=1
done
printf '== Node SDK, scripted upstream\n'
node "$work/node_chat.mjs" || status=1
unset TOLLWARD_KEY

if [ "$mode" = --embedded ]; then
    export TOLLWARD_STATE_DIR=$state/embedded
    export TOLLWARD_MODELS_DIR=${TOLLWARD_MODELS_DIR:-$work/models}
    export TOLLWARD_MODEL=smollm2-135m-instruct
    "$binary" pull "$TOLLWARD_MODEL"
    serve embedded
    printf '== Python SDK, embedded model\n'
    "$work/venv/bin/python" "$here/python_embedded.py" || status=1
    printf '== Node SDK, embedded model\n'
    node "$work/node_chat.mjs" || status=1
fi
exit "$status"
