"""What the account holds and may yet come to hold: the machines of a whole list, those that the
journal knows and no list shows, and the rentals in doubt, each at the most it may cost.

The limits count it (limits.py); this module refuses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vast_mcp.journal import Journal
from vast_mcp.journal.records import token_of
from vast_mcp.machines.costs import highest, price_of_row, reserved_price
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance


@dataclass(frozen=True)
class Standing:
    """What the account holds, as whole answers of Vast say: its machines and, where a limit asks,
    its credit in $.
    """

    rows: Sequence[Instance]
    credit: float | None = None

    @property
    def by_id(self) -> dict[int, Instance]:
        return {row.id: row for row in self.rows}

    @property
    def prices(self) -> dict[int, float | None]:
        """What each machine may cost by its row, in $/h."""
        return {row.id: price_of_row(row) for row in self.rows}

    @property
    def tokens(self) -> set[str | None]:
        """The tokens that labels end in; None where a label has none."""
        return {token_of(row.label) for row in self.rows}


def prices_of_others(
    call: Call, seen: Standing, account: str, instance_id: int | None
) -> dict[str, float | None]:
    """Everything else that bills or may come to, each once, at the most it may cost; None where
    that is not known.
    """
    journal, rows, young_s = call.journal, seen.by_id, call.times.young_s
    reservations = journal.reservations.of(account)
    journalled = {intent.instance_id: intent.usd_per_hour for intent in journal.living(account)}

    found: dict[str, float | None] = {}
    for machine, usd in {**journalled, **seen.prices}.items():
        if machine is not None and machine != instance_id:
            held = reservations.get(machine, [])
            reserved = reserved_price(held, rows.get(machine), young_s)
            found[f"machine {machine}"] = highest(usd, reserved)
    return found | _in_doubt(journal, seen, account)


def _in_doubt(journal: Journal, seen: Standing, account: str) -> dict[str, float | None]:
    """The attempts that may still become a machine, and whose machine no list shows."""
    return {
        f"the rental {intent.token} in doubt": intent.usd_per_hour
        for intent in journal.underway(account)
        if intent.token not in seen.tokens
    }
