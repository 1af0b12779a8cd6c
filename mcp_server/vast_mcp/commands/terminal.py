"""What a person at a terminal sees: progress while something takes its time, and tables.

rich draws both and is loaded at a terminal only. Elsewhere progress is silent and a row is a plain
line, so that logs and scripts get results and errors only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from vast_mcp.errors import clean

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

Row = Mapping[str, object]

CELL = 200  # characters of one value


class Heard(Protocol):
    """An MCP call's progress callback."""

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        """Take a step of the call."""
        ...


def console_on(stream: TextIO) -> Console | None:
    """A console where a person reads a stream; None where a script or a log does."""
    if not stream.isatty():
        return None
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False)


# ── rows ───────────────────────────────────────────────────────────────────────────────────────


def show_rows(rows: Sequence[Row], names: Sequence[str] = (), indent: str = "") -> None:
    """Show rows on stdout: a table at a terminal, `name=value` elsewhere. `names` are the columns,
    or else those of the rows.
    """
    kept = [_kept(row, names) for row in rows]
    console = console_on(sys.stdout)
    if console is not None and kept:
        print_rows(console, kept, indent)
        return
    for row in kept:
        values = "  ".join(f"{name}={_plain(value)}" for name, value in row.items())
        print(f"{indent}{values}", flush=True)


def _plain(value: object) -> object:
    """A value in a plain line. Control characters of strangers are dropped from a text."""
    return clean(value, CELL) if isinstance(value, str) else value


def _kept(row: Row, names: Sequence[str]) -> Row:
    if not names:
        return row
    return {name: row[name] for name in names if name in row}


def print_rows(console: Console, rows: Sequence[Row], indent: str = "") -> None:
    """Print rows as a table. A column that a row does not have is empty there."""
    from rich.padding import Padding

    names = list(dict.fromkeys(name for row in rows for name in row))
    table = table_of(names)
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    console.print(Padding(table, (0, 0, 0, len(indent))))


def table_of(names: Sequence[str]) -> Table:
    """An empty table: a line below the names, and no others."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _cell(value: object) -> str:
    """A value as a cell. Control characters of strangers are dropped."""
    if value is None:
        return ""
    return clean(str(value), CELL)


# ── progress ───────────────────────────────────────────────────────────────────────────────────


class Progressing:
    """One line on stderr that says what is waited for and since when, gone at the end. Nothing
    is shown where nobody sees it, or where a terminal cannot rewrite a line.
    """

    def __init__(self, text: str, console: Console | None = None) -> None:
        self._text = text
        self._bar: Progress | None = None
        if console is None:
            console = console_on(sys.stderr)
        if console is not None and not console.is_dumb_terminal:
            self._bar = _bar_on(console)

    def __enter__(self) -> Progressing:
        if self._bar is not None:
            self._bar.add_task(self._text)
            self._bar.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, text: str) -> None:
        """Say what is waited for now. Control characters of strangers are dropped."""
        if self._bar is None:
            return
        for task in self._bar.task_ids:
            self._bar.update(task, description=clean(text, CELL))

    def callback(self) -> Heard | None:
        """What takes an MCP call's progress; None where nobody sees it."""
        if self._bar is None:
            return None
        return self.heard

    async def heard(
        self,
        progress: float,  # noqa: ARG002
        total: float | None,  # noqa: ARG002
        message: str | None,
    ) -> None:
        """Show an MCP call's progress."""
        if message:
            self.say(f"{self._text}: {message}")

    @contextmanager
    def hidden(self) -> Generator[None]:
        """Show nothing while the context lasts: somebody is being asked."""
        if self._bar is None:
            yield
            return
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()


def _bar_on(console: Console) -> Progress:
    """A line of rich's: a sign of life, the text, and the time so far."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    text = TextColumn(
        "{task.description}",
        markup=False,
        table_column=Column(no_wrap=True, overflow="ellipsis"),
    )
    # "line" is ASCII: a terminal without Unicode shows it too.
    return Progress(
        SpinnerColumn("line"),
        text,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        redirect_stdout=False,
    )


def silence_stdout() -> None:
    """Send what is still buffered for a closed stdout nowhere, or the interpreter tries again as
    it ends.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
