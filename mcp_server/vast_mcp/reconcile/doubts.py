"""What this process has seen of one attempt in doubt, and whether that proves its absence."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from vast_mcp.settings import Times


@dataclass
class Doubt:
    """What this process has seen of one attempt, in seconds on anyio's clock; never is infinity."""

    known: float = math.inf  # when this process first knew of the doubt
    lacking: float = math.inf  # first whole list without it
    machine: int | None = None  # that every list since `seen` showed with its token
    seen: float = math.inf
    ever_seen: bool = False
    twins: list[int] = field(default_factory=list[int])  # several machines with its token

    def note_known(self, now: float) -> None:
        self.known = min(self.known, now)

    def note_lacking(self, now: float) -> None:
        """A whole list lacks it."""
        self.note_known(now)
        self.lacking = min(self.lacking, now)
        self.machine = None

    def note_found(self) -> None:
        """A list has it, as one machine or several."""
        self.lacking = math.inf
        self.ever_seen = True

    def seen_since(self, machine: int, now: float) -> float:
        """Since when every list has shown this very machine, this one being the latest."""
        if self.machine != machine:
            self.machine, self.seen = machine, now
        return self.seen

    def was_lacking_long(self, now: float, times: Times) -> bool:
        """Whether two whole lists far enough apart lacked it, and long enough after this process
        first knew of the doubt.
        """
        return (
            now - self.lacking >= times.lists_apart_s and now - self.known >= times.absent_after_s
        )

    def is_old(self, now: float, tried_at: float | None, times: Times) -> bool:
        """Ten minutes since sending, by either clock: the wall's may have been set, ours began when
        we did.
        """
        if now - self.known >= times.taken_after_s:
            return True
        return tried_at is not None and time.time() - tried_at >= times.taken_after_s
