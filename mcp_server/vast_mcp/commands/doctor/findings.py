"""What a check found, and how it is shown: plain lines, a table at a terminal, JSON."""

from __future__ import annotations

import shlex
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vast_mcp.commands.terminal import console_on, table_of
from vast_mcp.errors import Json, clean

if TYPE_CHECKING:
    from rich.console import Console

Status = Literal["ok", "warn", "fail", "differs", "not seen", "not asked"]

COLOURS: dict[Status, str] = {
    "ok": "green",
    "warn": "yellow",
    "fail": "red",
    "differs": "red",
    "not seen": "dim",
    "not asked": "yellow",
}
NAME_WIDTH = 12
SAID_WIDTH = 60
SAID_LIMIT = 2_000  # characters


@dataclass(frozen=True)
class Finding:
    """What one check found; `fix` is a command, or what a person must do. Vast's own words stand
    apart from ours.
    """

    name: str
    status: Status
    said: str
    fix: str | None = None
    untrusted_vast_message: str | None = None

    def as_json(self) -> Json:
        """`{"name", "status", "said", "fix"?, "untrusted_vast_message"?}`."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def text(self) -> str:
        """What a person reads of it, without the fix."""
        if self.untrusted_vast_message is None:
            return self.said
        return f"{self.said} (Vast: {self.untrusted_vast_message})"


def quoted(path: Path) -> str:
    """A path for a command that is to be run."""
    return shlex.quote(str(path))


def none_failed(findings: Sequence[Finding]) -> bool:
    """Whether nothing failed; a warning is no failure."""
    return all(finding.status != "fail" for finding in findings)


def as_json(findings: Sequence[Finding]) -> Json:
    """`{"ok", "checks": [...]}`, each as its own JSON."""
    checks = [finding.as_json() for finding in findings]
    return {"ok": none_failed(findings), "checks": checks}


def show(findings: Sequence[Finding]) -> None:
    """Show the findings on stdout."""
    console = console_on(sys.stdout)
    if console is not None:
        print_table(console, findings)
        return
    print_lines(findings)


def print_lines(findings: Sequence[Finding]) -> None:
    """Print the findings in plain lines."""
    arrow = arrow_on(sys.stdout.encoding)
    width = max((4, *(len(finding.status) for finding in findings)))
    for finding in findings:
        print("\n".join(lines_of(finding, arrow, width)))


def arrow_on(encoding: str | None) -> str:
    """The arrow before a fix, as an encoding can write it."""
    if "→".encode(encoding or "ascii", "ignore"):
        return "→"
    return ">"


def lines_of(finding: Finding, arrow: str, width: int) -> list[str]:
    """A finding in plain lines, its status so wide. A fix stands in one line of its own, to be
    copied.
    """
    said = textwrap.wrap(
        finding.text, SAID_WIDTH, break_long_words=False, break_on_hyphens=False
    ) or [""]
    head = f"{finding.status:<{width}}  {finding.name:<{NAME_WIDTH}}  "
    lines = [f"{head}{said[0]}", *(" " * len(head) + more for more in said[1:])]
    if finding.fix:
        lines.append(" " * (len(head) - 2) + f"{arrow} {finding.fix}")
    return lines


def print_table(console: Console, findings: Sequence[Finding]) -> None:
    """Print the findings as a table. The fixes stand below it, each in a line that the terminal
    wraps and not a cell, so that a command can be copied whole.
    """
    from rich.text import Text

    table = table_of(["check", "", "found"])
    for finding in findings:
        status = Text(finding.status, COLOURS[finding.status])
        table.add_row(finding.name, status, clean(finding.text, SAID_LIMIT))
    console.print(table)
    for finding in findings:
        if finding.fix:
            console.print(Text(f"{finding.name}:", COLOURS[finding.status]))
            console.print(Text(f"  {finding.fix}"), soft_wrap=True)
