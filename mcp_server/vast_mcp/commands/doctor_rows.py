"""TODO: one line."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Row:
    """One finding; `mend` is a command, or what a person must do."""

    name: str
    status: Status
    said: str
    mend: str | None = None


def quoted(path: Path) -> str:
    return shlex.quote(str(path))
