"""When leases end: the later of label and journal, within the life that the person allows a
machine.

A machine can write its own label, and a row's `start_date` was seen to move later: so a life counts
from the earliest birth that the journal or any row has named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vast_mcp.journal import Journal
from vast_mcp.journal.records import time_of
from vast_mcp.leases.labels import end_by, ends_at
from vast_mcp.vast.models import Instance


@dataclass(frozen=True)
class Leases:
    """What is known of leases beside the labels: by machine, in epoch seconds.

    `journalled`: when they end. `births`: the earliest that anything has named. `longest_s`: how
    long a machine may live; None without such a limit.
    """

    now: float
    journalled: Mapping[int, float] = field(default_factory=dict[int, float])
    births: Mapping[int, float] = field(default_factory=dict[int, float])
    longest_s: float | None = None

    def end_of(self, instance_id: int, row: Instance | None) -> float | None:
        """When a machine's lease ends, by the row too where there is one; None without a lease, and
        where it was handed over without an end. Under a longest life it has one: a machine can
        write into its own label that it has none.
        """
        until = ends_at(row, self.journalled.get(instance_id))
        if until is None or self.longest_s is None:
            return end_by(until)
        return min(until, self.birth_of(instance_id, row) + self.longest_s)

    def birth_of(self, instance_id: int, row: Instance | None) -> float:
        """The earliest birth that is known of a machine: now, where none is."""
        named = self.named_birth_of(instance_id, row)
        return self.now if named is None else named

    def named_birth_of(self, instance_id: int, row: Instance | None) -> float | None:
        """The earliest birth that anything names of the machine."""
        by_row = None if row is None else time_of(row.start_date)
        births = (self.births.get(instance_id), by_row)
        return min((birth for birth in births if birth is not None), default=None)

    def ends(self, listed: Iterable[Instance]) -> dict[int, float]:
        """When the leases of listed machines end, of those that have one."""
        found = {row.id: self.end_of(row.id, row) for row in listed}
        return {instance_id: until for instance_id, until in found.items() if until is not None}

    def new_births(self, listed: Iterable[Instance]) -> dict[int, float]:
        """Births that rows name and that are earlier than what was known, of machines with a
        lease under the limit; of a machine whose row names none, the first sight.
        """
        if self.longest_s is None:
            return {}
        found: dict[int, float] = {}
        for row in listed:
            if self.end_of(row.id, row) is None:
                continue
            birth = min(self.birth_of(row.id, row), self.now)
            if birth < self.births.get(row.id, birth + 1):
                found[row.id] = birth
        return found


def leases_of(
    journal: Journal,
    account: str | None,
    *,
    seen: Mapping[int, float],
    hours: float | None,
    now: float,
) -> Leases:
    """What is known of the leases of an account, None where it has no journal. `seen`: births that
    this process saw. `hours`: how long a machine may live. Raises JournalUnavailable.
    """
    longest_s = None if hours is None else hours * 3600
    ends = {} if account is None else journal.lease_ends(account)
    births = dict(seen)
    if account is not None and longest_s is not None:
        for instance_id, birth in journal.births(account):
            births[instance_id] = min(birth, births.get(instance_id, birth))
    return Leases(now, ends, births, longest_s)
