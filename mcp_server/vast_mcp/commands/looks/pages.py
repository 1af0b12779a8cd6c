"""What a command shows, once for every reader: lines and tables. A terminal gets columns as far as
they fit, in colours where it has them; a pipe and a file get plain text with all columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vast_mcp.commands.statuses import stdout_is_unicode
from vast_mcp.commands.terminal import CELL, table_of
from vast_mcp.errors import clean

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

LINE = 2_000  # characters of a line, which may be a command to run
_BETWEEN = "  "
_NOTHING = "-"
_APART, _EDGES = 3, 2  # blanks beside a column, and at the sides, of terminal.table_of
# For a stdout that cannot write them.
_ASCII = str.maketrans(
    {"▁": "_", "▂": ".", "▃": ":", "▄": "-", "▅": "=", "▆": "+", "▇": "*", "█": "#", "·": " "}
    | {"…": "..."}
)


def shown(text: str, limit: int = CELL) -> str:
    """Text as this stdout can write it, without what strangers would move or hide with."""
    plain = clean(text, limit)
    return plain if stdout_is_unicode() else plain.translate(_ASCII)


@dataclass(frozen=True)
class Words:
    """A line. `style` as rich names it. One that is to be copied is never broken."""

    text: str
    style: str = ""
    whole: bool = False

    def plain(self) -> str:
        """The line without its style."""
        return shown(self.text, LINE)

    def drawn(self, width: int) -> RenderableType:  # noqa: ARG002
        """The line for a terminal."""
        from rich.text import Text

        return Text(self.plain(), self.style)


@dataclass(frozen=True)
class Cell:
    """One value of a table."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Column:
    """One fact of every row. Where not all fit, the one of the highest `rank` goes first; 0 always
    stays. `most`: characters of it that a terminal shows.
    """

    name: str
    cells: Sequence[Cell]
    rank: int = 0
    right: bool = False
    most: int | None = None

    def texts(self) -> list[str]:
        """Every value as it is written."""
        return [shown(cell.text) for cell in self.cells]


@dataclass(frozen=True)
class Grid:
    """A table. What no row tells has no column."""

    columns: Sequence[Column]

    def told(self) -> list[Column]:
        """The columns that tell anything."""
        return [one for one in self.columns if any(one.texts())]

    def plain(self) -> str:
        """The whole table, in columns as wide as what stands in them."""
        parts = [_as_wide(column) for column in self.told()]
        return "\n".join(_BETWEEN.join(row).rstrip() for row in zip(*parts, strict=True))

    def drawn(self, width: int) -> RenderableType:
        """The table for a terminal of this width."""
        kept = fitting(self.told(), width)
        table = table_of([column.name for column in kept])
        for column, there in zip(kept, table.columns, strict=True):
            there.justify = "right" if column.right else "left"
            there.no_wrap, there.overflow = True, "ellipsis"
            there.max_width = column.most
        for row in zip(*(column.cells for column in kept), strict=True):
            table.add_row(*(_cell(one) for one in row))
        return table


def _cell(one: Cell) -> RenderableType:
    from rich.text import Text

    return Text(shown(one.text), one.style)


def _as_wide(column: Column) -> list[str]:
    """A column's name and values, filled up with blanks to one width."""
    nothing = _NOTHING if column.name else ""
    texts = [column.name, *(text or nothing for text in column.texts())]
    width = max(map(len, texts))
    return [text.rjust(width) if column.right else text.ljust(width) for text in texts]


def fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns that fit a terminal of this width, in their order: by rank, and of two of a rank
    the first.
    """
    from rich.cells import cell_len

    left, kept = width - _EDGES, set[int]()
    for place, column in sorted(enumerate(columns), key=lambda one: (one[1].rank, one[0])):
        wide = max(map(cell_len, (column.name, *column.texts())))
        wide = min(wide, column.most or wide) + _APART
        if column.rank and wide > left:
            break
        left -= wide
        kept.add(place)
    return [column for place, column in enumerate(columns) if place in kept]


Block = Words | Grid


@dataclass
class Page:
    """What is shown, from top to bottom."""

    blocks: list[Block] = field(default_factory=list[Block])

    def say(self, text: str | None, style: str = "", *, whole: bool = False) -> None:
        """Add a line, where there is one."""
        if text:
            self.blocks.append(Words(text, style, whole))

    def add(self, columns: Sequence[Column]) -> None:
        """Add a table."""
        self.blocks.append(Grid(columns))

    def plain(self) -> str:
        """The page as plain text, with an empty line around a table."""
        lines: list[str] = []
        for number, one in enumerate(self.blocks):
            beside = self.blocks[max(0, number - 1) : number + 1]
            if number and any(isinstance(block, Grid) for block in beside):
                lines.append("")
            lines.append(one.plain())
        return "\n".join(lines) + "\n"

    def print_on(self, console: Console) -> None:
        """Write the page to a terminal."""
        for one in self.blocks:
            whole = isinstance(one, Words) and one.whole
            console.print(one.drawn(console.width), soft_wrap=whole)
