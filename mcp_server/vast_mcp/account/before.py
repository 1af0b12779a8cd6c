"""What a machine's earlier rentals come to, in a few words. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vast_mcp.journal.met import Event, What
from vast_mcp.machines.phases import BY_THE_REQUEST

UNUSED = "unused"  # destroyed before it ran, sooner than a start usually takes
MOST_REASONS = 3
_NO_FAULT = frozenset({UNUSED, *BY_THE_REQUEST})


@dataclass(frozen=True)
class Before:
    """What became of one machine's rentals, the oldest event first."""

    events: Sequence[Event]

    @property
    def newest(self) -> float:
        """When anything of it was last noted, in epoch seconds."""
        return max(one.at for one in self.events)

    @property
    def failed(self) -> bool:
        """Whether a rental failed by what is the machine's own, or the newest check found less
        than was promised.
        """
        return self._check_failed or any(one.detail not in _NO_FAULT for one in self._failures)

    @property
    def worked(self) -> bool:
        """Whether a rental was ready, or as promised, and nothing of the machine's own has failed
        since.
        """
        good = self._of("ready", "check_passed")
        if not good or self._check_failed:
            return False
        since = max(one.at for one in good)
        return not any(one.at >= since and one.detail not in _NO_FAULT for one in self._failures)

    @property
    def times_failed(self) -> int:
        """How many rentals failed by what is the machine's own; a check that found less is one."""
        failed = sum(one.detail not in _NO_FAULT for one in self._failures)
        return failed + self._check_failed

    @property
    def times_ready(self) -> int:
        """How many rentals were seen ready."""
        return len({one.instance_id for one in self._of("ready")})

    @property
    def words(self) -> str:
        """`failed twice (image), ready once in 94 s`: codes of ours and numbers, and no name."""
        told = [*self._failed_words(), *self._ready_words(), *self._check_words()]
        if not told:
            told = [f"rented {_times(len({one.instance_id for one in self.events}))}"]
        return ", ".join(told)

    @property
    def _failures(self) -> list[Event]:
        """A failure each rental, unless it was ready after all."""
        ready = {one.instance_id: one.at for one in self._of("ready")}
        return [one for one in self._of("failed") if not ready.get(one.instance_id, 0.0) > one.at]

    @property
    def _check_failed(self) -> bool:
        checks = self._of("check_passed", "check_failed")
        return bool(checks) and checks[-1].what == "check_failed"

    def _of(self, *kinds: What) -> list[Event]:
        return [one for one in self.events if one.what in kinds]

    def _failed_words(self) -> list[str]:
        failures = self._failures
        unused = [one for one in failures if one.detail == UNUSED]
        others = [one.detail for one in failures if one.detail != UNUSED]
        told: list[str] = []
        if others:
            told.append(f"failed {_times(len(others))}{_reasons(others)}")
        if unused:
            told.append(f"given back unused {_times(len(unused))}")
        return told

    def _ready_words(self) -> list[str]:
        ready = self._of("ready")
        if not ready:
            return []
        return [f"ready {_times(len(ready))}{_span([one.seconds for one in ready])}"]

    def _check_words(self) -> list[str]:
        checks = self._of("check_passed", "check_failed")
        if not checks:
            return []
        newest = checks[-1]
        if newest.what == "check_passed":
            return ["check passed"]
        return [f"check failed{_reasons([newest.detail])}"]


def told_by(events: Iterable[Event]) -> dict[int, Before]:
    """What these events, oldest first, tell of each machine."""
    by_machine: dict[int, list[Event]] = defaultdict(list)
    for one in events:
        if one.what == "copied":  # says nothing of the machine
            continue
        by_machine[one.machine_id].append(one)
    return {machine_id: Before(told) for machine_id, told in by_machine.items()}


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _reasons(details: Iterable[str]) -> str:
    """Each reason once, the newest first."""
    named = list(dict.fromkeys(one for one in reversed(list(details)) if one))[:MOST_REASONS]
    return f" ({', '.join(named)})" if named else ""


def _span(seconds: Iterable[float | None]) -> str:
    """In how many seconds, as far as that is known."""
    known = sorted(round(one) for one in seconds if one is not None)
    if not known:
        return ""
    if known[0] == known[-1]:
        return f" in {known[0]} s"
    return f" in {known[0]} to {known[-1]} s"
