"""What could not be read of Vast's answers to one call, told once in its answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from vast_mcp.vast.rows import Listing, R, Row

LINES = 6  # warnings of one answer
NAMED = 8  # rows or cells in one

_NAMELESS = {
    "Machine": "may be yours and bill nobody knows how much, and no machine counts as gone for "
    "not being listed",
    "Volume": "may bill nobody knows how much, and no volume counts as gone for not being listed",
}
_NOT_SHOWN = "is not shown"


@dataclass
class Unread:
    """The cells by the row that they stand in, and the rows without a name by what they are of."""

    _cells: dict[tuple[str, str], set[str]] = field(
        default_factory=lambda: defaultdict[tuple[str, str], set[str]](set)
    )
    _nameless: dict[str, int] = field(default_factory=dict[str, int])

    def note(self, row: Row) -> None:
        """Note what a row holds that could not be read."""
        if row.unread:
            name = str(getattr(row, row.named_by))
            self._cells[row.what, name] |= row.unread

    def note_all(self, model: type[R], listed: Listing[R]) -> Listing[R]:
        """The same list, with what it holds that could not be read noted."""
        for row in listed:
            self.note(row)
        if listed.nameless:
            before = self._nameless.get(model.what, 0)
            self._nameless[model.what] = max(listed.nameless, before)
        return listed

    def warnings(self) -> list[str]:
        """What to warn of, the rows without a name first."""
        found = [_of_nameless(what, count) for what, count in self._nameless.items()]
        alike: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
        for (what, name), cells in self._cells.items():
            alike[what, tuple(sorted(cells))].append(name)
        found += [_of_rows(what, rows, cells) for (what, cells), rows in alike.items()]
        left = len(found) - LINES
        if left <= 0:
            return found
        return [*found[:LINES], f"{left} more such warnings are left out."]


def _of_nameless(what: str, count: int) -> str:
    rows = f"{count} rows" if count > 1 else "1 row"
    fate = _NAMELESS.get(what, _NOT_SHOWN)
    return f"{what}s: {rows} of Vast's list had no id that can be read: such a row {fate}."


def _of_rows(what: str, rows: list[str], cells: Iterable[str]) -> str:
    names = _listed([f"`{name}`" for name in cells])
    several = "s" if len(rows) > 1 else ""
    return f"{what}{several} {_listed(rows)}: Vast's {names} could not be read and is unknown."


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:NAMED])
    more = len(names) - NAMED
    return f"{shown} and {more} more" if more > 0 else shown
