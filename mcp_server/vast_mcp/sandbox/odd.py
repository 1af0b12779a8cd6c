"""Odd cells stand in rows where others belong: null, text, NaN, another type (docs/vast-api.md
C.3).
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from starlette.responses import Response

from .shapes import Json

ABSENT = object()  # a cell that is not there

# What an endpoint's rows are of, and the key that they stand under; none is the reply itself.
ROWS: dict[str, tuple[str, str | None]] = {
    "list": ("instance", "instances"),
    "show": ("instance", "instances"),
    "search": ("offer", "offers"),
    "volumes": ("volume", "volumes"),
    "search_volumes": ("room", "offers"),
    "templates": ("template", "templates"),
    "keys": ("key", None),
    "user": ("account", None),
}
KINDS = frozenset(kind for kind, _ in ROWS.values())


@dataclass(frozen=True)
class Oddity:
    """One odd thing about rows of a kind: the value of a cell, or of the whole row where `cell` is
    None. `row`: the id of the only row that has it. `only`: the one endpoint that says so.
    """

    kind: str
    cell: str | None
    value: Any
    row: object = None
    only: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a kind or an endpoint without rows."""
        if self.kind not in KINDS:
            raise ValueError(f"no rows of {self.kind!r}; one of {sorted(KINDS)}")
        if self.only is not None and self.only not in ROWS:
            raise ValueError(f"no rows at {self.only!r}; one of {sorted(ROWS)}")

    def meets(self, kind: str, endpoint: str, name: object) -> bool:
        return self.kind == kind and self.only in {None, endpoint} and self.row in {None, name}


class Oddities:
    """Oddities in force are in every reply from now on, until they are cleared."""

    def __init__(self) -> None:
        self.here: list[Oddity] = []

    def add(
        self,
        kind: str,
        cell: str | None,
        value: Any,
        *,
        row: object = None,
        only: str | None = None,
    ) -> None:
        """Make a cell odd: in every row of this kind, or in one."""
        self.here.append(Oddity(kind, cell, value, row, only))

    def clear(self) -> None:
        """Have every row be as it is."""
        self.here.clear()

    def spoil(self, endpoint: str, said: Any) -> Any:
        """What an endpoint says, with what is odd about it."""
        if not self.here or endpoint not in ROWS:
            return said
        kind, key = ROWS[endpoint]
        reply: Any = copy.deepcopy(said)
        if endpoint == "keys" and isinstance(reply, dict):
            key = "key"  # the one that was made
        if key is None:
            return self._spoilt(kind, endpoint, cast("Any", reply))
        if key in reply:
            reply[key] = self._spoilt(kind, endpoint, reply[key])
        return cast("Any", reply)

    def _spoilt(self, kind: str, endpoint: str, rows: Any) -> Any:
        if isinstance(rows, list):
            return [self._row(kind, endpoint, row) for row in cast("list[Json]", rows)]
        if isinstance(rows, dict):
            return self._row(kind, endpoint, cast("Json", rows))
        return rows

    def _row(self, kind: str, endpoint: str, row: Json) -> Any:
        odd: Any = row
        for one in self._meeting(kind, endpoint, row):
            if one.cell is None:
                odd = one.value
            elif one.value is ABSENT:
                row.pop(one.cell, None)
            else:
                row[one.cell] = one.value
        return odd

    def _meeting(self, kind: str, endpoint: str, row: Json) -> Iterator[Oddity]:
        name = row.get("id")
        return (one for one in list(self.here) if one.meets(kind, endpoint, name))


class OddJSON(Response):
    """JSON as a careless server writes it: with NaN and Infinity, which are none."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
