"""What a machine wrote, and the addresses where it can be read for a while (C.7)."""

import time
from dataclasses import dataclass, field
from typing import Any

from . import replies

DEFAULT_TAIL = 1_000


def _stamped(at: float, text: str) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at))} {text}"


@dataclass
class Log:
    """The two logs of one instance: the container's, and the daemon's of its host."""

    lines: list[str] = field(default_factory=list[str])
    daemon: list[str] = field(default_factory=list[str])
    planted: str | None = None
    planted_daemon: str | None = None

    def happened(self, at: float, what: str) -> None:
        """The lifecycle took a step."""
        self.lines.append(_stamped(at, what))
        self.daemon.append(_stamped(at, f"daemon: contract {what}"))

    def text(self, body: dict[str, Any]) -> str:
        """As asked: `tail` lines of those that hold `filter`, both sent as text."""
        if body.get("daemon_logs") in {"true", True}:
            held, planted = self.daemon, self.planted_daemon
        else:
            held, planted = self.lines, self.planted
        lines = [*held, *([] if planted is None else planted.split("\n"))]
        words = body.get("filter")
        if words:
            lines = [line for line in lines if words in line]
        tail = _read_tail(body.get("tail"))
        return "".join(f"{line}\n" for line in (lines[-tail:] if tail else []))


def check(body: dict[str, Any]) -> None:
    """Strings, as the official client sends them; numbers pass too."""
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
    """A log on its way to where it can be read: absent for some looks, then text."""

    text: str
    looks: int

    def look(self) -> str | None:
        """The text, once uploaded."""
        if self.looks > 0:
            self.looks -= 1
            return None
        return self.text
