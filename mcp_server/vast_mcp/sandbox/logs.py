"""A machine writes a log, which can be read for a while at an address (docs/vast-api.md C.7)."""

import time
from dataclasses import dataclass, field
from typing import Any

from . import replies
from .shapes import Json

DEFAULT_TAIL = 1_000


def _stamped(at: float, text: str) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at))} {text}"


@dataclass
class Log:
    """An instance has two logs: the container's, and the daemon's of its host."""

    lines: list[str] = field(default_factory=list[str])
    daemon: list[str] = field(default_factory=list[str])
    planted: str | None = None
    planted_daemon: str | None = None

    def happened(self, at: float, what: str) -> None:
        """Write in both logs that the lifecycle took a step."""
        self.lines.append(_stamped(at, what))
        self.daemon.append(_stamped(at, f"daemon: contract {what}"))

    def text(self, body: Json) -> str:
        """Read as asked: `tail` lines of those that hold `filter`, both sent as text."""
        lines = self._lines_of(daemon=body.get("daemon_logs") in {"true", True})
        words = body.get("filter") or ""
        found = [line for line in lines if words in line]
        tail = _read_tail(body.get("tail"))
        first = max(0, len(found) - tail)
        return "".join(f"{line}\n" for line in found[first:])

    def _lines_of(self, *, daemon: bool) -> list[str]:
        lines, planted = self.lines, self.planted
        if daemon:
            lines, planted = self.daemon, self.planted_daemon
        if planted is None:
            return lines
        return [*lines, *planted.split("\n")]


def check(body: Json) -> None:
    """Refuse what is no text, as the official client sends; numbers pass too."""
    _read_tail(body.get("tail"))
    if not isinstance(body.get("filter", ""), str | None):
        raise replies.invalid_args("filter: Input should be a valid string")
    if body.get("daemon_logs") not in (None, "true", "false", True, False):
        raise replies.invalid_args("daemon_logs: Input should be true or false")


def _read_tail(tail: Any) -> int:
    if tail is None:
        return DEFAULT_TAIL
    if isinstance(tail, bool) or not str(tail).isdecimal() or len(str(tail)) > 9:
        raise replies.invalid_args("tail: Input should be a number of lines")
    return int(tail)


@dataclass
class Upload:
    """An upload is on its way to where it can be read: absent for some looks, then text."""

    text: str
    looks: int

    def look(self) -> str | None:
        """Look once: the text, once it is uploaded."""
        if self.looks > 0:
            self.looks -= 1
            return None
        return self.text
