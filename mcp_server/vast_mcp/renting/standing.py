"""What the account holds and may yet come to hold: the machines of a whole list, those that the
journal knows and no list shows, the rentals in doubt, and all volumes, each at the most it may
cost.

The limits count it (limits.py); this module refuses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from vast_mcp.account.volumes import held_in_rows, prices_of
from vast_mcp.journal.records import Intent, token_of
from vast_mcp.machines import volumes
from vast_mcp.machines.costs import highest, price_of_row, reserved_price
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance
from vast_mcp.vast.rows import Listing, R
from vast_mcp.vast.storage import Volume


@dataclass(frozen=True)
class Standing:
    """What the account holds, as whole answers of Vast say: its machines and, where a limit asks,
    its credit in $ and its volumes. Not older than `read_at`, in epoch seconds.
    """

    rows: Listing[Instance]
    credit: float | None = None
    volumes: Listing[Volume] = field(default_factory=Listing[Volume])
    read_at: float = field(default_factory=time.time)

    @property
    def by_id(self) -> dict[int, Instance]:
        return {row.id: row for row in self.rows}

    @property
    def prices(self) -> dict[int, float | None]:
        """What each machine may cost by its row, in $/h."""
        return {row.id: price_of_row(row) for row in self.rows}

    def of_doubts(self, living: Sequence[Intent]) -> dict[str | None, int]:
        """The machines whose label ends in a token, by that. A machine that the journal knows by
        its id is no other's, whatever it wrote into its label.
        """
        known = {attempt.instance_id for attempt in living}
        return {token_of(row.label): row.id for row in self.rows if row.id not in known}


def prices_of_others(
    call: Call, seen: Standing, account: str, instance_id: int | None
) -> dict[str, float | None]:
    """Every other machine that bills or may come to, each once, at the most it may cost; None where
    that is not known.
    """
    journal, rows, young_s = call.journal, seen.by_id, call.times.young_s
    reservations = journal.reservations.of(account)
    living = journal.living(account)
    journalled = {intent.instance_id: intent.usd_per_hour for intent in living}

    found: dict[str, float | None] = {}
    for machine, usd in {**journalled, **seen.prices}.items():
        if machine is not None and machine != instance_id:
            held = reservations.get(machine, [])
            reserved = reserved_price(held, rows.get(machine), young_s)
            found[f"machine {machine}"] = None if usd is None else highest(usd, reserved)
    found |= _nameless(seen.rows, "machine")
    return found | _in_doubt(seen, living, journal.underway(account))


def _nameless(listed: Listing[R], what: str) -> dict[str, None]:
    """The rows without an id: each is one more, at a price that nobody knows."""
    return {f"row {n + 1} without an id among the {what}s": None for n in range(listed.nameless)}


def _in_doubt(
    seen: Standing, living: Sequence[Intent], underway: Sequence[Intent]
) -> dict[str, float | None]:
    """The attempts that may still become a machine, and whose machine no list shows."""
    listed = seen.of_doubts(living)
    return {
        f"the rental {intent.token} in doubt": intent.usd_per_hour
        for intent in underway
        if intent.token not in listed
    }


# ── volumes ────────────────────────────────────────────────────────────────────────────────────


def prices_of_volumes(
    call: Call, seen: Standing, account: str, whole: int | None = None
) -> dict[str, float | None]:
    """Every volume that bills and that no other price holds, at what it costs; None where that is
    not known.

    A volume that an attempt makes is in the attempt's price until its machine is listed, and is
    counted by itself from then on, listed or not; also where the machine went after the lists were
    read. `whole`: a machine that counts as it runs, even if it is listed as stopped.
    """
    journal = call.journal
    attempts = [*journal.living(account), *journal.underway(account)]
    machines = _listed_machines(seen, attempts)
    counted_whole = {one.token for one in attempts} - machines.keys()
    makers = [
        one
        for one in (*attempts, *journal.gone_since(account, seen.read_at))
        if one.makes_volume and one.token not in counted_whole
    ]
    found = _of_listed(call, seen, counted_whole, whole) | _nameless(seen.volumes, "volume")
    return found | _of_unlisted(seen, makers, machines) | _made_alone(call, seen, account)


def _made_alone(call: Call, seen: Standing, account: str) -> dict[str, float | None]:
    """The volumes that were made by themselves, or may have been, and that no list shows."""
    tokens = {volumes.token_of(volume) for volume in seen.volumes}
    ids = {volume.id for volume in seen.volumes}
    return {
        f"volume {one.volume_id}" if one.volume_id else f"the volume {one.token} in doubt": (
            one.usd_per_hour
        )
        for one in call.journal.volumes.standing(account)
        if one.token not in tokens and one.volume_id not in ids and one.room_id
    }


def _of_listed(
    call: Call, seen: Standing, counted_whole: Container[str | None], whole: int | None
) -> dict[str, float | None]:
    """The volumes that a list shows."""
    prices = prices_of(call, seen.volumes)
    at_whole = [row for row in seen.rows if row.id == whole or price_of_row(row) == row.dph_total]
    held = held_in_rows(at_whole, seen.volumes, prices)
    return {
        f"volume {volume.id}": prices[volume.id]
        for volume in seen.volumes
        if volume.id not in held and volumes.token_of(volume) not in counted_whole
    }


def _of_unlisted(
    seen: Standing, makers: Sequence[Intent], machines: Mapping[str, int]
) -> dict[str, float | None]:
    """The volumes of these attempts that no list shows."""
    listed = {volumes.token_of(volume) for volume in seen.volumes}
    mounted = {machine for volume in seen.volumes for machine in volumes.attached_to(volume)}
    found: dict[str, float | None] = {}
    for one in makers:
        machine = machines.get(one.token, one.instance_id)
        if one.token not in listed and machine not in mounted:
            found[f"the volume of machine {machine}"] = one.allowed.volume
    return found


def _listed_machines(seen: Standing, attempts: Sequence[Intent]) -> Mapping[str, int]:
    """The listed machines of these attempts, by token."""
    rows = seen.by_id
    labelled = seen.of_doubts(attempts)
    machines = {one.token: one.instance_id or labelled.get(one.token) for one in attempts}
    return {token: machine for token, machine in machines.items() if machine in rows}
