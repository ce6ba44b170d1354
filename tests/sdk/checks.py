"""The smallest test runner that can say which check failed and why."""

import asyncio
import inspect
import sys
import traceback

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def run():
    passed = failed = 0
    for function in CHECKS:
        name = function.__name__.replace("_", " ")
        try:
            outcome = function()
            if inspect.isawaitable(outcome):
                asyncio.run(outcome)
        except Exception:
            failed += 1
            print(f"FAILED  {name}")
            traceback.print_exc(file=sys.stdout)
        else:
            passed += 1
            print(f"ok      {name}")
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


def raises(kind, call):
    """Returns the exception of exactly this class that `call` raises."""
    try:
        call()
    except Exception as error:
        assert type(error) is kind, f"{type(error).__name__}: {error}"
        return error
    raise AssertionError(f"no {kind.__name__}")
