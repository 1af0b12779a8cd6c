"""TODO: one line."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

from vast_mcp.commands import terminal
from vast_mcp.commands.composing import with_sandbox
from vast_mcp.commands.statuses import EXIT_ERROR, EXIT_OK, as_text
from vast_mcp.settings import Settings, SettingsError


async def examine_once(settings: Settings | SettingsError, as_json: bool, command: str) -> int:
    """Look at everything once; 1 where something failed. `command`: with the options that say which
    settings hold.
    """
    from vast_mcp.commands import doctor

    app = None
    if isinstance(settings, Settings):
        settings, app = with_sandbox(settings)
    line = terminal.Line(sys.stderr, os.environ)
    patient = doctor.Patient(settings, Path.home(), Path.cwd(), app, command)
    try:
        rows = await doctor.examine(patient, lambda what: line.show(f"looking at {what} …"))
    finally:
        line.clear()
    found = doctor.as_json(rows)
    if as_json:
        print(as_text(found, indent=2))
        return EXIT_OK if found["ok"] else EXIT_ERROR
    colours = {"ok": 32, "warn": 33, "fail": 31}
    for row in rows:
        status = terminal.painted(f"{row.status:<4}", colours[row.status], os.environ, sys.stdout)
        first, *rest = textwrap.wrap(
            row.said, 60, break_long_words=False, break_on_hyphens=False
        ) or [""]
        print(f"{status}  {row.name:<12}  {first}")
        for more in rest:
            print(" " * 20 + more)
        if row.mend:
            print(
                " "
                * 18
                + f"{'→' if '→'.encode(sys.stdout.encoding or 'ascii', 'ignore') else '>'} "
                f"{row.mend}"
            )
    return EXIT_OK if found["ok"] else EXIT_ERROR
