"""What a machine's log says: of what is waited for, of its onstart, and of the watchdog of its
lease.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

import anyio

from vast_mcp import errors
from vast_mcp.errors import clean_or_none
from vast_mcp.leases.packing import BEGAN, ENDED
from vast_mcp.session import Call
from vast_mcp.vast.log_text import plain_lines

TAIL = 1_000  # lines
APART = 2.5  # times the first pause between looks: a log is asked for, uploaded, and fetched
FETCH_S = 12.0  # the longest that one log is waited for
LINE_SHOWN = 300  # characters
LAST_LINES = 5  # of an onstart that failed


_ENDED = re.compile(re.escape(ENDED) + r"([0-9]{1,3})\b")

Onstart = Literal["running", "done", "failed", "unknown"]


@dataclass
class Log:
    """The end of a machine's log as it was last read; `at` is on anyio's clock."""

    lines: list[str] = field(default_factory=list[str])
    at: float | None = None
    trouble: str | None = None  # the code of what kept it from being read

    async def read(self, instance_id: int, call: Call, end: float) -> None:
        """Read it anew, unless it was read a moment ago. What cannot be read changes nothing.
        `end`: on anyio's clock.
        """
        now = anyio.current_time()
        if self.at is not None and now - self.at < APART * call.times.look_s:
            return
        self.at = now
        try:
            self.lines = await _fetched(instance_id, call, min(end, now + FETCH_S))
            self.trouble = None
        except errors.VastMcpError as exc:
            self.trouble = exc.code

    @property
    def last_line(self) -> str | None:
        """Its last line, as it may be shown."""
        return shown(next((line for line in reversed(self.lines) if line.strip()), None))

    def find(self, text: str) -> str | None:
        """The last line that has a text in it, as it may be shown."""
        return next((shown(line) for line in reversed(self.lines) if text in line), None)

    @property
    def onstart(self) -> tuple[Onstart, list[str]] | None:
        """What the start script came to, by the last that is said of it, and of one that failed the
        lines before its end. None where nothing is said.
        """
        for at in range(len(self.lines) - 1, -1, -1):
            ended = _ENDED.search(self.lines[at])
            if ended is not None and int(ended.group(1)) == 0:
                return "done", []
            if ended is not None:
                return "failed", self.lines[max(0, at - LAST_LINES) : at + 1]
            if BEGAN in self.lines[at]:
                return "running", []
        return None


async def _fetched(instance_id: int, call: Call, deadline: float) -> list[str]:
    from vast_mcp.vast.logs import fetch_log

    seconds = max(0.1, deadline - anyio.current_time())
    vast = call.within(seconds)
    address = await vast.request_logs(instance_id, TAIL, words=None, daemon=False)
    found = await fetch_log(call.session.link, address, deadline, _no_word)
    return plain_lines(found.text, call.settings.mask)


async def _no_word() -> None:
    """The host hears of the wait as a whole."""


def shown(line: str | None) -> str | None:
    """A stranger's line, bounded, from its begin."""
    return clean_or_none(line, LINE_SHOWN)
