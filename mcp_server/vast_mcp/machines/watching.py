"""What was seen of a machine, look after look, and when that proves a failure."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from vast_mcp.journal.records import Intent
from vast_mcp.machines.failures import PASSING
from vast_mcp.machines.patience import Patience
from vast_mcp.machines.phases import (
    REASONS,
    Phase,
    Reason,
    State,
    has_run,
    shown_by,
    state_of,
    unmoved_since,
)
from vast_mcp.vast.models import Instance

LOOKS_TO_FAIL = 2  # a row can be missing or stale once
LOOKS_OFFLINE = 3  # offline and unknown pass by themselves during a boot (docs/vast-api.md C.4)
AT_REST: frozenset[Phase | None] = frozenset({"running", "stopped", "halted", "outbid"})
_HIDES_A_RUN: frozenset[Phase] = frozenset({"offline", "outbid"})
MOST_SHOWN = 500  # different looks of one start; what goes on beyond them is none


@dataclass
class Watch:
    """What was seen of one machine; times in epoch seconds."""

    phase: Phase | None = None
    since: float = 0.0  # of this phase without a break
    entered: bool = False  # this phase while somebody looked, so that it began then
    looks: int = 0  # at this phase, of those that were apart
    counted: float = 0.0  # the last of them
    first: float = 0.0  # the first look of all
    began: float = 0.0  # the first look at this start
    last: float = 0.0
    moved: float = 0.0  # when a look last showed what none had shown
    shown: set[str] = field(default_factory=set[str])  # digests of what looks have shown
    lapsed: bool = False  # nobody looked for long since it moved
    started_at: float = 0.0  # when this process last started or rebooted it
    seen: bool = False  # its row was ever read
    ran: bool = False  # it was seen to run, or may have run while nobody looked
    stopped: bool = False  # this process was the last to change that, and stopped it

    def look(
        self,
        phase: Phase,
        now: float,
        patience: Patience,
        row: Instance | None = None,
    ) -> None:
        """Count on while the phase is the same; after a long gap anything may have happened
        meanwhile, and what begins after a long rest is another start. `row`: what the look showed.
        """
        gap = self.last > 0 and now - self.last > patience.exited
        if phase != self.phase and self.phase in AT_REST and now - self.since > patience.exited:
            self.began, self.shown = 0.0, set()
        may_have_run = gap or self._may_have_run(phase, now, patience, row)
        self.ran = self.ran or may_have_run or has_run(row)
        if phase != self.phase or gap:
            self.entered = self.phase not in {None, phase} and not gap
            self.phase, self.since, self.looks = phase, now, 0
        self.first = self.first or now
        self.began = self.began or now
        self._note(f"{phase} {shown_by(row)}", now, patience)
        unmoved = unmoved_since(row)
        if unmoved is not None:
            self.moved = min(self.moved, unmoved)
        if not self.looks or now - self.counted >= patience.apart:
            self.looks, self.counted = self.looks + 1, now
        self.last = now
        self.seen = self.seen or phase != "missing"

    def _may_have_run(
        self, phase: Phase, now: float, patience: Patience, row: Instance | None
    ) -> bool:
        """Whether a container may have come and gone since the last look, in a phase that hides
        whether one ever did.
        """
        if phase == self.phase or phase not in _HIDES_A_RUN or unmoved_since(row) is not None:
            return False
        return now - self.last > patience.sick

    def _note(self, shows: str, now: float, patience: Patience) -> None:
        """Whether it moved: what flips to and fro, or repeats itself, does not.

        A long gap is believed once to hide that it moved: who looks seldom gets an end as well.
        """
        digest = hashlib.blake2b(shows.encode("utf-8", "replace"), digest_size=6).hexdigest()
        if digest not in self.shown and len(self.shown) < MOST_SHOWN:
            self.shown.add(digest)
            self.moved, self.lapsed = now, False
        elif now - self.last > patience.stuck and not self.lapsed:
            self.moved, self.lapsed = now, True

    def as_json(self) -> str:
        """What the next process goes on with."""
        kept = {name: getattr(self, name) for name in _KEPT}
        return json.dumps({**kept, "shown": sorted(self.shown)})

    @classmethod
    def of_json(cls, text: str) -> Watch | None:
        """The watch of an earlier process; None where the text is none of ours."""
        try:
            return _watches().validate_json(text)
        except ValueError:
            return None

    def lasts(self, now: float, began: float | None) -> float | None:
        """Seconds that the phase has lasted, as far as looks tell; None after one look that says
        nothing of before. `began`: when the start began of which nothing else was seen, in epoch
        seconds.
        """
        if self.phase is None:
            return None
        since = self.since
        if began is not None and self.since == self.began and not self.entered:
            since = min(began, since)
        elif self.looks < 2 and not self.entered:
            return None
        return max(0.0, now - since)

    def still(self, now: float) -> float:
        """Seconds since anything moved."""
        return now - max(self.moved, self.started_at)

    def failure(self, born: float | None, patience: Patience) -> Reason | None:
        """The reason, once the sign of failure was seen often and long enough. `born` in epoch
        seconds.
        """
        if self.phase is None:
            return None
        enough = self.looks >= _looks_wanted(self.phase)
        if enough and self._left(self.phase, born or 0.0, patience) <= 0:
            return REASONS.get(self.phase)
        if not self.stands_still(patience):
            return None
        return "no_progress" if self.phase in PASSING else REASONS.get(self.phase)

    def stands_still(self, patience: Patience) -> bool:
        """Whether nothing moved for so long that it never will."""
        return self.last - self.began >= patience.sick and self.still(self.last) >= patience.stuck

    def until_failure(self, born: float | None, patience: Patience) -> float | None:
        """Seconds from the last look on until this phase is a failure, if nothing moves; None where
        it comes to none.
        """
        if self.phase is None or self.phase not in REASONS:
            return None
        sign = self._left(self.phase, born or 0.0, patience)
        still = patience.stuck - self.still(self.last)
        return max(0.0, min(sign, max(still, patience.sick - (self.last - self.began))))

    def _left(self, phase: Phase, born: float, patience: Patience) -> float:
        """Seconds that a sign of failure has still to last; one that has lasted leaves none."""
        if phase != "missing":
            return self._wanted(phase, patience) - self._lasted(phase)
        young = patience.exited - (self.last - born)  # what was just made is not shown at once
        return min(young, patience.sick - (self.last - self.since)) if self.seen else young

    def _lasted(self, phase: Phase) -> float:
        """Seconds that a sign of failure counts for, up to the last look."""
        if phase in {"stopped", "outbid"}:
            return self.last - self.started_at  # the row may still be that of before our start
        return self.last - max(self.since, self.started_at)

    def _wanted(self, phase: Phase, patience: Patience) -> float:
        """Seconds that a phase must last before it is a failure."""
        if phase in PASSING:
            return patience.network
        match phase:
            case "starting":
                return math.inf  # by what moves alone
            case "exited":
                return patience.exited
            case "stopped" | "halted" | "outbid" | "offline" | "scheduling" | "frozen":
                return patience.sick
            case "host_gpu":
                return patience.sick  # it may be of before, beside a container that runs
            case _:
                # What was said before our start may stand there a while.
                return patience.sick if self.started_at else 0.0


_KEPT = (
    *("phase", "since", "entered", "looks", "first", "began", "last", "moved", "lapsed", "seen"),
    *("ran", "stopped"),
)


@functools.cache
def _watches() -> TypeAdapter[Watch]:
    """Read kept texts by this; it is built with the first, not while a host waits for the tools."""
    return TypeAdapter(Watch)


def _looks_wanted(phase: Phase) -> int:
    return LOOKS_OFFLINE if phase == "offline" else LOOKS_TO_FAIL


class Watches:
    """This process's memory of machines: it lets several calls see together what one is too short
    for.
    """

    def __init__(self) -> None:
        self._by_id: dict[int, Watch] = {}

    def of(self, instance_id: int) -> Watch:
        return self._by_id.setdefault(instance_id, Watch())

    def knows(self, instance_id: int) -> bool:
        """Whether this process looked at a machine, or started it."""
        return instance_id in self._by_id

    def take_up(self, instance_id: int, seen: str) -> None:
        """Go on with what an earlier process saw."""
        watch = Watch.of_json(seen)
        if watch is not None:
            self._by_id[instance_id] = watch

    def mark_started(self, instance_id: int, now: float) -> None:
        """A start or reboot was sent at `now`: `exited` means nothing for a while."""
        self._by_id[instance_id] = Watch(started_at=now, seen=True, ran=True)

    def mark_stopped(self, instance_id: int) -> None:
        """A stop was sent and seen: what the row shows next is no lost bid."""
        self._by_id[instance_id] = Watch(seen=True, ran=True, stopped=True)

    def started_at(self, instance_id: int) -> float:
        """When this process last started a machine, in epoch seconds; 0 for never."""
        watch = self._by_id.get(instance_id)
        return 0.0 if watch is None else watch.started_at

    def judged(self, phase: Phase, row: Instance | None, record: Intent | None) -> Phase:
        """The phase that a look shows, with what is known of the machine in mind: a bid that
        stands still as it was asked to has lost nothing, whatever its row looks like.
        """
        if phase != "outbid" or row is None or row.intended_status != "stopped":
            return phase
        watch = self._by_id.get(row.id)
        asked = record is not None and record.stopped_as_asked
        return "stopped" if asked or (watch is not None and watch.stopped) else phase

    def state_of(
        self, row: Instance, now: float, patience: Patience, phase: Phase | None = None
    ) -> State:
        """The state of a machine by one look, with what this process did to it in mind. `now` in
        epoch seconds.
        """
        return state_of(row, now, patience, phase=phase, started_at=self.started_at(row.id))
