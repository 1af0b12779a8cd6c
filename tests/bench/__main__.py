"""`python -m bench [PAGE] [--only NAME]`: every row, printed as it is measured and then written
between the marks of PAGE. With --only, the measures whose name contains it, and no page.

Exits 1 when a row misses its bound.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.copying import copies
from bench.rows import ALL, KEY_LINE, Box, Row, machine
from bench.tokens import exact
from served_sandbox import served_sandbox
from storm.report import write

HEAD = ("what", "figure", "against", "must be", "")


def table(rows: Sequence[Row]) -> str:
    lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
    for row in rows:
        cells = (row.what, row.figure, row.against, row.bound, "ok" if row.ok else "**MISSED**")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="bench", description="How fast and how light.")
    top.add_argument("page", nargs="?", type=Path)
    top.add_argument("--only", default="", help="measures whose name contains this")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    measures = [one for one in (*ALL, copies) if options.only in one.__name__]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for measure in measures:
            # A world of its own for each: what one row leaves behind is not measured with the next.
            with served_sandbox(Path(folder)) as url:
                home = Path(folder) / measure.__name__
                home.mkdir()
                box = Box(url, home)
                box.set(rent_again=True, credit=1_000_000, keys=[KEY_LINE])
                for row in measure(box):
                    rows.append(row)
                    print(
                        f"{'ok' if row.ok else 'MISSED':<6}  {row.what}: {row.figure}; "
                        f"{row.against}; {row.bound}",
                        flush=True,
                    )
    counted = (
        "o200k_base, by gpt-tokenizer"
        if exact()
        else "characters over 3.6, which is more than o200k_base counts"
    )
    if options.page and not options.only:
        write(options.page, {"bench": f"{machine()}. Tokens: {counted}.\n\n{table(rows)}"})
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
