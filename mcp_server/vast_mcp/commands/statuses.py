"""TODO: one line."""

from __future__ import annotations

import json
import sys
from typing import Any

EXIT_OK, EXIT_ERROR, EXIT_USAGE, EXIT_MAYBE_BILLING = 0, 1, 2, 3


def as_text(value: Any, indent: int | None = None) -> str:
    """JSON as this stdout can write it."""
    unicode = (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    return json.dumps(value, ensure_ascii=not unicode, indent=indent)


def exit_status(payload: dict[str, Any]) -> int:
    """What a script needs to know of a result."""
    error = payload.get("error")
    if error is None:
        return EXIT_OK
    if error["billing_possible"]:
        return EXIT_MAYBE_BILLING
    return EXIT_USAGE if error["code"] in {"bad_arguments", "unknown_tool"} else EXIT_ERROR
