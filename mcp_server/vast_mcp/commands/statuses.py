"""Exit statuses, and how a result is written for a script."""

from __future__ import annotations

import json
import sys
from typing import Any

from vast_mcp.errors import VastMcpError

EXIT_OK, EXIT_ERROR, EXIT_USAGE, EXIT_MAYBE_BILLING = 0, 1, 2, 3

# Of `vast-mcp run`, which else ends with its command's own: from 120 up, and below what shells use.
NO_MACHINE, OVER_BUDGET, REPEAT, JOB_LOST, FILES_MISSING, NOT_BEGUN = range(120, 126)

MISUSE = frozenset({"bad_arguments", "unknown_tool"})


def as_text(value: Any, indent: int | None = None) -> str:
    """JSON as this stdout can write it."""
    return json.dumps(value, ensure_ascii=not stdout_is_unicode(), indent=indent)


def stdout_is_unicode() -> bool:
    """Whether every character can be written; where the encoding is not known, none but ASCII."""
    encoding = getattr(sys.stdout, "encoding", None) or ""
    return encoding.lower().startswith("utf")


def exit_status(payload: dict[str, Any]) -> int:
    """What a script needs to know of a result."""
    error = payload.get("error")
    if error is None:
        return EXIT_OK
    if error["billing_possible"]:
        return EXIT_MAYBE_BILLING
    if error["code"] in MISUSE:
        return EXIT_USAGE
    return EXIT_ERROR


def print_error(command: str, exc: VastMcpError, *, as_json: bool) -> None:
    """Print the error that ended a command."""
    if as_json:
        print(as_text({"error": exc.as_json()}))
    else:
        print(f"vast-mcp {command}: {exc}")
