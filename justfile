# One line per habit. `scripts/test` is the whole of it, as CI runs it.

default: check

# What must be green before a commit; never compiles the embedded engine.
check: fmt clippy test

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --all-targets -- -D warnings

# Tests of the default members, tidy among them.
test:
    cargo test

# Only the style rules: no crate of ours is compiled.
tidy:
    mkdir -p target
    CARGO_MANIFEST_DIR="$PWD" rustc --edition 2024 --test tests/tidy/main.rs -o target/tidy
    target/tidy

# The embedded engine's own tests.
engine:
    cargo test -p tollward-engine

# Official SDKs against the binary.
sdk:
    cargo build
    tests/sdk/run.sh target/debug/tollward

deny:
    cargo deny check

# Everything, as CI does it.
all:
    scripts/test
