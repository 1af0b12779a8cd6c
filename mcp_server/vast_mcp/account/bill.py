"""What charges come to, by what was charged and by kind: exact sums of decimals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from vast_mcp.account.periods import day_of
from vast_mcp.vast.charges import Charge

Kind = Literal["gpu", "disk", "traffic", "volume", "other"]

NOTHING = Decimal(0)
_KINDS: dict[str, Kind] = {"gpu": "gpu", "disk": "disk", "bwd": "traffic", "bwu": "traffic"}


class Amounts(dict[Kind, Decimal]):
    """$ by kind. `other` is what no part of a charge accounts for: Vast rounds each of them, so it
    may be below nothing.
    """

    @property
    def total(self) -> Decimal:
        """All of it."""
        return sum(self.values(), NOTHING)

    def add(self, kind: Kind, usd: Decimal) -> None:
        """Count an amount of a kind."""
        self[kind] = self.get(kind, NOTHING) + usd


class Source(NamedTuple):
    """What is charged, by Vast's word for its kind (instance, volume, endpoint …) and its id."""

    kind: str
    id: int


@dataclass
class Line:
    """What one source was charged, from its first to its last day."""

    source: Source
    amounts: Amounts = field(default_factory=Amounts)
    label: str | None = None
    first: date | None = None
    last: date | None = None

    def add(self, charge: Charge) -> None:
        """Count a charge of this source."""
        self._count(charge)
        self.label = self.label or charge.label
        days = [day_of(at) for at in (charge.start, charge.end) if at is not None]
        self.first = min([*days, *_known(self.first)], default=None)
        self.last = max([*days, *_known(self.last)], default=None)

    def _count(self, charge: Charge) -> None:
        usd = charge.amount or NOTHING
        if self.source.kind == "volume":
            self.amounts.add("volume", usd)
            return
        for part in charge.items:
            self.amounts.add(_KINDS.get(part.kind, "other"), part.usd)
            usd -= part.usd
        self.amounts.add("other", usd)


@dataclass
class Bill:
    """What many charges come to."""

    lines: dict[Source, Line] = field(default_factory=dict[Source, Line])
    by_day: dict[date, Decimal] = field(default_factory=dict[date, Decimal])
    unsplit: set[date] = field(default_factory=set[date])  # days that a charge of several covers

    @property
    def amounts(self) -> Amounts:
        """All lines together."""
        found = Amounts()
        for line in self.lines.values():
            for kind, usd in line.amounts.items():
                found.add(kind, usd)
        return found

    def dearest(self) -> list[Line]:
        """All lines, the dearest first."""
        return sorted(self.lines.values(), key=lambda line: (-line.amounts.total, line.source))

    def _count_day(self, charge: Charge) -> None:
        if charge.start is None or charge.end is None:
            return
        first, last = day_of(charge.start), day_of(charge.end)
        if first == last:
            self.by_day[first] = self.by_day.get(first, NOTHING) + (charge.amount or NOTHING)
            return
        for ordinal in range(first.toordinal(), last.toordinal() + 1):
            self.unsplit.add(date.fromordinal(ordinal))

    def add(self, charge: Charge) -> None:
        """Count a charge."""
        source = source_of(charge)
        self.lines.setdefault(source, Line(source)).add(charge)
        self._count_day(charge)


def bill_of(charges: Iterable[Charge]) -> Bill:
    """The bill of these charges."""
    bill = Bill()
    for charge in charges:
        bill.add(charge)
    return bill


def sum_of(charges: Iterable[Charge]) -> Decimal:
    """What these charges come to."""
    return sum((charge.amount or NOTHING for charge in charges), NOTHING)


def source_of(charge: Charge) -> Source:
    """What a charge is for, by its `source`: "instance-1", "volume-2"."""
    kind, _, number = charge.source.partition("-")
    return Source(kind, int(number))


def _known(day: date | None) -> list[date]:
    return [] if day is None else [day]
