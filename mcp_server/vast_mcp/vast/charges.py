"""What Vast has charged for machines and volumes (docs/vast-api.md G)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import PlainValidator

from vast_mcp.vast import cells
from vast_mcp.vast.rows import Row

ROWS = 100  # of one reply: the most that the official client asks for


class Charge(Row):
    """What one thing was charged in a time: `source` is "instance-1", `amount` in $ with traffic,
    `start` and `end` in epoch seconds.
    """

    what: ClassVar[str] = "Charge"
    named_by: ClassVar[str] = "source"
    never_null: ClassVar[frozenset[str]] = frozenset({"start", "end", "amount"})

    source: Annotated[str, PlainValidator(cells.text)] = ""
    start: cells.Moment = None
    end: cells.Moment = None
    amount: cells.Number = None
