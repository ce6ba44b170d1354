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
state=$(mktemp -d)
children=()

cleanup() {
    for child in "${children[@]}"; do
        kill "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    done
    rm -rf "$state"
}
trap cleanup EXIT

# wait_for FILE PATTERN: prints what the pattern's group matched, within 30 s.
wait_for() {
    local found=
    for _ in $(seq 300); do
        found=$(sed -nE "s#.*$2.*#\1#p" "$1" | head -n 1)
        [ -n "$found" ] && break
        sleep 0.1
    done
    if [ -z "$found" ]; then
        printf 'nothing like %s in %s:\n' "$2" "$1" >&2
        cat "$1" >&2
        return 1
    fi
    printf '%s\n' "$found"
}

# serve NAME ARGUMENT...: starts the gateway and sets TOLLWARD_BASE_URL.
serve() {
    local log=$state/$1.log
    shift
    "$binary" serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 "$@" >"$log" 2>"$log.err" &
    children+=("$!")
    TOLLWARD_BASE_URL=$(wait_for "$log" 'listening +(http://[^ ]+)') || {
        cat "$log.err" >&2
        return 1
    }
    export TOLLWARD_BASE_URL
}

if ! [ -x "$work/venv/bin/pip" ]; then
    python3 -m venv "$work/venv"
fi
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
cp "$here"/package.json "$here"/package-lock.json "$here"/node_chat.mjs "$work"
(cd "$work" && npm ci --silent --no-audit --no-fund)

# No load balancer has to notice that a gateway ends.
export TOLLWARD__SERVER__DRAIN_ACCEPT=0s
export TOLLWARD_STATE_DIR=$state/scripted
python3 "$here/upstream.py" >"$state/upstream" &
children+=("$!")
upstream=$(wait_for "$state/upstream" '(http://.+)')
sed "s#UPSTREAM#$upstream#" "$here/tollward.yaml" >"$state/tollward.yaml"
TOLLWARD_KEY=$("$binary" key create sdk)
export TOLLWARD_KEY

status=0
serve scripted --config "$state/tollward.yaml"
printf '== Python SDK, scripted upstream\n'
"$work/venv/bin/python" "$here/python_chat.py" || status=1
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
