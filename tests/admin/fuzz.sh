#!/usr/bin/env bash
# The admin API against what its description allows, and what it does not: schemathesis makes the requests.
# Usage: tests/admin/fuzz.sh BINARY [SEED]
# Needs python3 with venv; installs the pinned client below target/. Ends within two minutes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "$1")
seed=${2:-1}
work=${CARGO_TARGET_DIR:-$here/../../target}/fuzz
mkdir -p "$work"
work=$(realpath "$work")
. "$here/../sdk/gateway.sh"

if ! [ -x "$work/venv/bin/pip" ]; then
    python3 -m venv "$work/venv"
fi
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"

export TOLLWARD_STATE_DIR=$state/fuzz
cat >"$state/tollward.yaml" <<'YAML'
models:
  chat:
    deployments: [nobody/m]
providers:
  nobody:
    kind: openai-compatible
    base_url: http://127.0.0.1:9/v1
    api_key: sk-nobody
YAML
token=$("$binary" token create fuzz --role owner)
"$binary" org create acme
"$binary" team create web --org acme
"$binary" key create app --team web >/dev/null
serve fuzz --config "$state/tollward.yaml"
admin=$(wait_for "$state/fuzz.log" 'admin +(http://[^ ]+)')

# Names are unique, so data that is well may be refused; what was revoked or closed stays to be shown; and
# who sends many bad tokens is told to wait; a team that a body names may be what is not found. The binary's own
# tests look at all four.
unfit=positive_data_acceptance,use_after_free,ignored_auth,ensure_resource_availability

cd "$state"
"$work/venv/bin/schemathesis" run "$admin/admin/v1/openapi.json" --url "$admin" \
    --header "Authorization: Bearer $token" \
    --seed "$seed" --max-examples 40 --max-time 80 --warnings off --continue-on-failure --no-shrink \
    --exclude-checks "$unfit"
