"""`python -m storm [--creates N] [--only TEXT]`: a storm; its sentence comes last, and non-zero
exits 1.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from storm.compare import Line, compare, installed
from storm.report import compared, short_table, table, write
from storm.rows import ALL, REAL
from storm.run import Outcome, Storm


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="storm", description="Rent through everything that can break, and count."
    )
    top.add_argument("--creates", type=int, default=1000)
    top.add_argument("--lanes", type=int, default=6, help="agents side by side (default 6)")
    top.add_argument(
        "--scale", type=float, default=0.01, help="of the protocol's times (default 0.01)"
    )
    top.add_argument("--seed", type=int, default=0)
    top.add_argument("--only", default="", help="scenarios whose row or name contains this")
    top.add_argument("--quick", action="store_true", help="without the slow scenarios")
    top.add_argument("--mutation", help="remove a safeguard: token, owner lock, fresh connection")
    top.add_argument("--times", action="store_true", help="print where the time went")
    top.add_argument(
        "--real",
        action="store_true",
        help="beside it, a few creates with the protocol's real times",
    )
    top.add_argument(
        "--compare",
        action="store_true",
        help="afterwards, six faults for the official client and for us",
    )
    top.add_argument("--report", type=Path, help="a page between whose markers the tables go")
    top.add_argument("--keep", type=Path, help="work in this folder and leave it")
    return top


async def shortened(options: argparse.Namespace, folder: Path) -> Outcome:
    """The storm itself."""
    chosen = [
        one
        for one in ALL
        if options.only in f"{one.row} / {one.name}" and not (options.quick and one.slow)
    ]
    made = Storm(
        folder,
        chosen,
        options.creates,
        lanes=options.lanes,
        scale=options.scale,
        seed=options.seed,
        mutation=options.mutation,
    )
    return await made.run()


async def with_real_times(options: argparse.Namespace, folder: Path) -> Outcome:
    """Side by side, since each takes minutes in which nothing happens."""
    if not options.real:
        return Outcome()
    return await Storm(folder / "real", REAL, len(REAL), lanes=len(REAL), scale=1.0).run()


async def beside_the_official_client(
    options: argparse.Namespace, folder: Path, outcome: Outcome
) -> list[Line]:
    if not options.compare:
        return []
    if not installed():
        print(
            "No comparison: the official client is not there (scripts/compat makes its "
            "environment).\n"
        )
        return []
    lines, wrong = await compare(folder)
    outcome.broken += wrong
    print(compared(lines) + "\n")
    return lines


def end_well_when_told() -> None:
    """A storm that is told to end still ends its children."""
    task = asyncio.current_task()
    if task is not None and sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def storm(options: argparse.Namespace, folder: Path) -> int:
    end_well_when_told()
    outcome, real = await asyncio.gather(
        shortened(options, folder), with_real_times(options, folder)
    )
    spent = outcome.spent
    outcome.merge(real)
    print(table(outcome) + "\n")
    lines = await beside_the_official_client(options, folder, outcome)
    for line in outcome.broken:
        print(f"broken: {line}")
    if options.times:
        for row, seconds in sorted(spent.items(), key=lambda item: -item[1]):
            print(f"{seconds:7.1f} s  {row}")
    print(f"{outcome.seconds:.0f} s, slowest call {outcome.total.slowest_s:.1f} s\n")
    if options.real:
        print(f"Of these with the real times: {real.total.sentence()}\n")
    if options.report:
        parts = {"storm": f"> {outcome.total.sentence()}\n\n{short_table(outcome)}"}
        write(options.report, parts | ({"comparison": compared(lines)} if lines else {}))
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
