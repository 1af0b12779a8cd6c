# ruff: noqa: T201  a harness that prints its report
"""`python -m attack [--ci] [--only TEXT] [--report PAGE]`: the wire under
attack; its sentence comes last, and anything but zeros exits 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from attack.rows import ROWS, Row
from storm.report import write

HEAD = ("attack", "tried", "calls", "starved", "unanswered", "keys", "peak MiB", "slowest s")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="attack", description="Attack the wire, and count.")
    top.add_argument("--ci", action="store_true", help="less of everything: half a minute")
    top.add_argument("--only", default="", help="groups whose name contains this")
    top.add_argument("--report", type=Path, help="a page between whose markers the table goes")
    return top


def line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def table(rows: Sequence[Row]) -> str:
    lines = [line(*HEAD), "|" + " --- |" * len(HEAD)]
    for row in rows:
        counts = (row.tried, row.calls, row.starved, row.unanswered, row.keys)
        lines.append(line(row.name, *counts, f"{row.peak_mib:.0f}", f"{row.slowest_s:.2f}"))
    return "\n".join(lines)


def sentence(rows: Sequence[Row]) -> str:
    calls = sum(row.calls for row in rows)
    starved = sum(row.starved for row in rows)
    grown = sum(row.over_memory for row in rows)
    unanswered = sum(row.unanswered for row in rows)
    keys = sum(row.keys for row in rows)
    return (
        f"{sum(row.tried for row in rows):,} attacks, {calls:,} real calls beside them: "
        f"{starved} starved, {grown} servers over 200 MiB, {unanswered} unanswered, "
        f"{keys} keys sent to unverified addresses."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    began = time.monotonic()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="attack-") as folder:
        for group in ROWS:
            if options.only not in group.__name__:
                continue
            for row in group(Path(folder), 1 if options.ci else 3):
                rows.append(row)
                bad = f"  BAD:{row.said}" if row.bad else ""
                print(f"{time.monotonic() - began:6.1f} s  {row.name}{bad}", flush=True)
    print("\n" + table(rows) + "\n")
    if options.report:
        write(options.report, {"attack": f"> {sentence(rows)}\n\n{table(rows)}"})
    print(sentence(rows))
    return 1 if any(row.bad for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
