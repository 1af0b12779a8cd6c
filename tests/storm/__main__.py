"""`python -m storm [--creates N] [--only TEXT]`: a storm; its sentence comes last, and non-zero exits 1."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from storm.report import table
from storm.run import Storm
from storm.scenarios import ALL


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="storm", description="Rent through everything that can break, and count.")
    top.add_argument("--creates", type=int, default=1000)
    top.add_argument("--lanes", type=int, default=6, help="agents side by side (default 6)")
    top.add_argument("--scale", type=float, default=0.01, help="of the protocol's times (default 0.01)")
    top.add_argument("--seed", type=int, default=0)
    top.add_argument("--only", default="", help="scenarios whose row or name contains this")
    top.add_argument("--quick", action="store_true", help="without the slow scenarios")
    top.add_argument("--mutation", help="remove a safeguard: token, owner lock, fresh connection")
    top.add_argument("--times", action="store_true", help="print where the time went")
    top.add_argument("--keep", type=Path, help="work in this folder and leave it")
    return top


async def storm(options: argparse.Namespace, folder: Path) -> int:
    chosen = [one for one in ALL if options.only in f"{one.row} / {one.name}" and not (options.quick and one.slow)]
    made = Storm(
        folder, chosen, options.creates, lanes=options.lanes, scale=options.scale, seed=options.seed,
        mutation=options.mutation,
    )  # fmt: skip
    outcome = await made.run()
    print(table(outcome))
    for line in outcome.broken:
        print(f"broken: {line}")
    if options.times:
        for row, spent in sorted(outcome.spent.items(), key=lambda item: -item[1]):
            print(f"{spent:7.1f} s  {row}")
    print(f"\n{outcome.seconds:.0f} s, slowest call {outcome.total.slowest_s:.1f} s\n")
    print(outcome.total.sentence())
    return 0 if outcome.good else 1


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if options.keep:
        return asyncio.run(storm(options, options.keep))
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        return asyncio.run(storm(options, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
