# What the scripts with real clients have in common: $binary behind a scripted upstream.
# To be sourced; everything that is started ends with the script.
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

# upstream FOLDER: starts the provider there, fills in the configuration and makes a key.
upstream() {
    python3 "$1/upstream.py" >"$state/upstream" &
    children+=("$!")
    local url
    url=$(wait_for "$state/upstream" '(http://.+)')
    sed "s#UPSTREAM#$url#" "$1/tollward.yaml" >"$state/tollward.yaml"
    TOLLWARD_KEY=$("$binary" key create sdk)
    export TOLLWARD_KEY
}

# No load balancer has to notice that a gateway ends.
export TOLLWARD__SERVER__DRAIN_ACCEPT=0s
