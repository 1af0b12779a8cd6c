"""`python -m storm.plans [--plans N]`: plans in random markets beside what agents do without them;
the sentence with the figures comes last, and a broken promise exits 1.

`--world N` plays one of them and tells what happened in it, the same each time; the digest of all
that was asked and answered comes last.
"""

from __future__ import annotations

from storm.plans import virtual

virtual.begin()  # before anything of ours takes hold of the clock

import argparse  # noqa: E402
import asyncio  # noqa: E402
import itertools  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Iterator, Sequence  # noqa: E402
from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402

from storm.plans.callers import CALLERS  # noqa: E402
from storm.plans.judge import Verdict  # noqa: E402
from storm.plans.report import is_good, sentence, table  # noqa: E402
from storm.plans.wishes import callers_of  # noqa: E402
from storm.report import write  # noqa: E402

IN_A_ROW = 12  # worlds that one process plays
ALL = ",".join(CALLERS)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="storm.plans", description=str(__doc__))
    top.add_argument("--plans", type=int, default=1000)
    top.add_argument("--seed", type=int, default=0, help="of the first world")
    top.add_argument("--workers", type=int, default=2, help="processes side by side (default 2)")
    top.add_argument("--kinds", default=ALL, help="of callers, by comma")
    top.add_argument("--strict", action="store_true", help="the ratios must hold too")
    top.add_argument("--report", type=Path, help="a page between whose markers the table goes")
    top.add_argument("--lots", type=int, default=0, help="another number draws lots anew")
    top.add_argument("--world", type=int, help="play this one alone, and tell what happened")
    top.add_argument("--play", type=int, help="play so many worlds here, a line of JSON each")
    return top


def seeds_for(plans: int, first: int) -> list[int]:
    """The worlds in which so many are wanted."""
    found: list[int] = []
    wanted = 0
    for seed in itertools.count(first):
        if wanted >= plans:
            return found
        found.append(seed)
        wanted += callers_of(seed)
    raise AssertionError


def play(options: argparse.Namespace) -> None:
    """What a worker does."""
    from storm.plans.play import played

    for seed in range(options.seed, options.seed + options.play):
        for kind in options.kinds.split(","):
            verdict = played(seed, kind, options.lots)
            print(json.dumps({"kind": kind, **asdict(verdict)}), flush=True)


def tell(options: argparse.Namespace) -> int:
    """What happened in one world."""
    from storm.plans.play import played
    from storm.plans.story import Story

    bad = 0
    for kind in options.kinds.split(",") if options.kinds != ALL else ["provision"]:
        story = Story()
        bad += played(options.world, kind, options.lots, story).bad
        print("\n".join([*story.lines, story.digest]))
    return int(bad > 0)


def runs(seeds: Sequence[int]) -> Iterator[tuple[int, int]]:
    for at in range(0, len(seeds), IN_A_ROW):
        yield seeds[at], len(seeds[at : at + IN_A_ROW])


async def all_of_them(options: argparse.Namespace) -> dict[str, Verdict]:
    """The verdicts by kind, of workers side by side."""
    found = {kind: Verdict() for kind in options.kinds.split(",")}
    free = asyncio.Semaphore(options.workers)

    async def work(first: int, count: int) -> None:
        command = ["-m", "storm.plans", "--seed", str(first), "--play", str(count)]
        command += ["--lots", str(options.lots)]
        async with free:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                "--kinds",
                options.kinds,
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdout is not None
            async for line in process.stdout:
                told = json.loads(line)
                found[told.pop("kind")] += Verdict(**told)
            if await process.wait():
                raise RuntimeError(f"the worlds from {first} on were not played to their end")

    async with asyncio.TaskGroup() as tasks:
        for first, count in runs(seeds_for(options.plans, options.seed)):
            tasks.create_task(work(first, count))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if options.world is not None:
        return tell(options)
    if options.play:
        play(options)
        return 0
    began = virtual.real_time()
    found = asyncio.run(all_of_them(options))
    for kind, verdict in found.items():
        for note in verdict.notes:
            print(f"BAD {kind}: {note}", file=sys.stderr)
    print(table(found) + "\n")
    print(f"{virtual.real_time() - began:.0f} s\n")
    if options.report:
        write(options.report, {"plans": f"> {sentence(found)}\n\n{table(found)}"})
    print(sentence(found))
    return 0 if is_good(found, strict=options.strict) else 1


if __name__ == "__main__":
    sys.exit(main())
