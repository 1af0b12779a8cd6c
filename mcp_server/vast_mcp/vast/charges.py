"""What Vast has charged, what was paid, and what it says that all costs now (docs/vast-api.md G).
Amounts are exact decimals of $: a sum of many is to be right to the cent.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import PlainValidator, ValidationInfo

from vast_mcp.vast import cells
from vast_mcp.vast.replies import as_list, as_object
from vast_mcp.vast.rows import Row

ROWS = 100  # of one reply: the most that the official client asks for
MOST_ROWS = 500  # of one reply: the most that Vast gives
_HOURS = re.compile(r"([0-9]{1,9}\.[0-9]{1,9}) hours at ")


def _shaped(shape: re.Pattern[str]) -> Any:
    """The reader of a name that has a shape: no other text is repeated in an answer."""

    def read(value: object) -> str:
        found = cells.text(value)
        if shape.fullmatch(found) is None:
            raise ValueError("another shape")
        return found

    return PlainValidator(read)


_SOURCE = _shaped(re.compile("[a-z]{2,20}-[0-9]{1,15}"))
_WORD = _shaped(re.compile("[a-z_]{2,20}"))


def money(value: object) -> Decimal:
    """An amount of $ as it is written."""
    number = cells.number(value)
    return Decimal(value if isinstance(value, str) else repr(number))


def _money_or_none(value: object) -> Decimal | None:
    return None if value is None else money(value)


class ChargePart(NamedTuple):
    """What of a charge is for one thing: Vast's kind of it (gpu, disk, bwd, bwu), and the hours of
    "96.000 hours at $0.389/hour" where it says so.
    """

    kind: str
    usd: Decimal
    hours: float | None = None


def _parts(value: object, info: ValidationInfo) -> tuple[ChargePart, ...]:
    """The parts of a charge. One that cannot be read is in no part, and its row says so."""
    found: list[ChargePart] = []
    for item in as_list(value) or ():
        part = as_object(item) or {}
        try:
            kind, usd = cells.text(part.get("type")), money(part.get("amount"))
            found.append(ChargePart(kind, usd, _hours(part.get("description"))))
        except ValueError:
            cells.note(info, "items")
    return tuple(found)


def _hours(description: object) -> float | None:
    said = _HOURS.match(description) if isinstance(description, str) else None
    return float(said[1]) if said else None


def _label(value: object) -> str | None:
    """The label among what a row says beside the charge."""
    label = (as_object(value) or {}).get("label")
    return label if isinstance(label, str) else None


Money = Annotated[Decimal | None, PlainValidator(_money_or_none)]


class Charge(Row):
    """What one thing was charged in some days: `source` is "instance-1", `amount` in $ with
    traffic, `start` and `end` the first and the last day, in epoch seconds.
    """

    what: ClassVar[str] = "Charge"
    named_by: ClassVar[str] = "source"
    never_null: ClassVar[frozenset[str]] = frozenset({"start", "end", "amount"})

    source: Annotated[str, _SOURCE] = ""
    type: cells.State = None
    start: cells.Moment = None
    end: cells.Moment = None
    amount: Money = None
    items: Annotated[tuple[ChargePart, ...], PlainValidator(_parts)] = ()
    metadata: Annotated[str | None, PlainValidator(_label)] = None

    @property
    def disk_hours(self) -> float | None:
        """For how long its disk was charged, where it says so."""
        hours = [part.hours for part in self.items if part.kind == "disk"]
        known = [one for one in hours if one is not None]
        return sum(known) if known and len(known) == len(hours) else None

    @property
    def label(self) -> str | None:
        """What a machine was called by its renter."""
        return self.metadata


class Payment(Row):
    """Money that came to the account or left it: of a `transfer` and a `payout` the amount is what
    came, of all others what went, so that a card's is below nothing (docs/vast-api.md G).
    """

    what: ClassVar[str] = "Payment"
    named_by: ClassVar[str] = "type"
    never_null: ClassVar[frozenset[str]] = frozenset({"amount"})

    type: Annotated[str, _WORD] = ""
    start: cells.Moment = None
    amount: Money = None

    @property
    def came_usd(self) -> Decimal | None:
        """What of it came to the account; below nothing where it left."""
        if self.amount is None or self.type in {"transfer", "payout"}:
            return self.amount
        return -self.amount


class SpendRate(Row):
    """What everything on the account costs now in $/h, by Vast, without traffic."""

    what: ClassVar[str] = "Spend rate"
    named_by: ClassVar[str] = "success"
    never_null: ClassVar[frozenset[str]] = frozenset(
        {
            "gpu_cost_per_hour",
            "container_storage_cost_per_hour",
            "volume_storage_cost_per_hour",
        }
    )

    success: Annotated[bool, PlainValidator(cells.flag)] = False
    gpu_cost_per_hour: cells.Amount = None
    container_storage_cost_per_hour: cells.Amount = None
    volume_storage_cost_per_hour: cells.Amount = None

    @property
    def storage_usd_per_hour(self) -> float | None:
        """What would bill on with all machines stopped; None where not all of it was read."""
        disks, volumes = self.container_storage_cost_per_hour, self.volume_storage_cost_per_hour
        return None if disks is None or volumes is None else disks + volumes

    @property
    def usd_per_hour(self) -> float | None:
        """Everything; None where not all of it was read."""
        gpus, rest = self.gpu_cost_per_hour, self.storage_usd_per_hour
        return None if gpus is None or rest is None else gpus + rest
