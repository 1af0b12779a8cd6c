"""The same six faults for `vastai create instance` and for create_instance, through one proxy and
one ledger.

The fault lasts for the first command; then it ends, and the agent does what agents do: the same
again.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storm import faults
from storm.faults import is_rent
from storm.judge import Wish, machines_of, puts_of
from storm.lane import Lane
from storm.process import PATIENCE_S, TESTS, least_env
from storm.proxy import Proxy

BOX = TESTS.parent / ".venv-vastai"
HURRIED = 0.02  # 120 s of waiting become 2.4 s, as the protocol's times do
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def installed() -> bool:
    return (BOX / "bin" / "python").exists()


@dataclass(frozen=True)
class Fault:
    """A row of the comparison: what every PUT meets while it lasts."""

    name: str
    arrange: Callable[[Proxy], object]


def _lost_then_gone(proxy: Proxy) -> None:
    proxy.add(is_rent, faults.resets(commits=True))
    proxy.add(is_rent, faults.answers(faults.gone), times=None)


def _always(act: faults.Act) -> Callable[[Proxy], object]:
    return lambda proxy: proxy.add(is_rent, act, times=None)


SIX = (
    Fault("504 after renting", _always(faults.answers(faults.page(504), commits=True))),
    Fault("connection dropped after renting", _always(faults.resets(commits=True))),
    Fault("server hangs after renting", _always(faults.hangs(commits=True))),
    Fault("429", _always(faults.answers(faults.TOO_MANY["plain text"]))),
    Fault("first lost after renting, then 410", _lost_then_gone),
    Fault("200 `success:false`, nothing rented", _always(faults.answers(faults.success_false))),
)


@dataclass(frozen=True)
class Step:
    """What had happened when one command or call was over."""

    puts: int
    machines: int
    status: str
    said: str


@dataclass(frozen=True)
class Line:
    """One client in one fault: under it, and after the same again."""

    fault: str
    client: str
    first: Step
    again: Step


async def _step(lane: Lane, wish: Wish, status: str, said: str) -> Step:
    await lane.proxy.settled()
    rentals = (await lane.sandbox.ledger())["rentals"]
    return Step(len(puts_of(wish, lane.proxy.seen)), len(machines_of(wish, rentals)), status, said)


# ── the official client ───────────────────────────────────────────────────────────────────────────


async def _vastai(lane: Lane, wish: Wish) -> tuple[str, str]:
    """Its exit status and the last line it printed. A process group of its own, so that its end is
    the end of it.
    """
    command = [
        str(BOX / "bin" / "python"),
        str(TESTS / "storm" / "hurried.py"),
        "create",
        "instance",
    ]
    command += [
        str(wish.offers[0]),
        "--image",
        "example/image",
        "--disk",
        "16",
        "--label",
        wish.label,
    ]
    env = least_env(lane.home) | {
        "VAST_URL": lane.proxy.url,
        "VAST_API_KEY": "storm",
        "VASTAI_NO_UPDATE_CHECK": "1",
    }
    del env["PYTHONPATH"]
    process = await asyncio.create_subprocess_exec(
        *command,
        env=env | {"HURRIED": str(HURRIED), "COLUMNS": "200"},
        start_new_session=True,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return f"exit {process.returncode}", _gist(output.decode("utf-8", "replace"))


def _gist(output: str) -> str:
    """The last line that says something, short enough for a table."""
    lines = [line.strip() for line in _COLOUR.sub("", output).splitlines() if line.strip()]
    said = lines[-1] if lines else "(nothing)"
    said = re.sub(r"30\d{6}", "ID", re.sub(r"127\.0\.0\.1:\d+|\b0x[0-9a-f]+", "…", said)).replace(
        "|", "/"
    )
    return f"“{said if len(said) <= 56 else said[:55] + '…'}”"


async def _official(lane: Lane, fault: Fault) -> Line:
    wish = lane.wish()
    fault.arrange(lane.proxy)
    first = await _step(lane, wish, *await _vastai(lane, wish))
    lane.proxy.calm()
    again = await _step(lane, wish, *await _vastai(lane, wish))
    return Line(fault.name, "vastai 1.9.1", first, again)


# ── ours ──────────────────────────────────────────────────────────────────────────────────────────


async def _ours(lane: Lane, fault: Fault) -> tuple[Line, Wish]:
    wish = lane.wish()
    fault.arrange(lane.proxy)
    answer = await lane.ask(wish)
    first = await _step(lane, wish, "ok" if answer.success else "error", f"`{answer.said}`")
    lane.proxy.calm()
    answer = await lane.pursue(wish)
    again = await _step(lane, wish, "ok" if answer.success else "error", f"`{answer.said}`")
    return Line(fault.name, "vast-mcp", first, again), wish


async def compare(folder: Path) -> tuple[list[Line], list[str]]:
    """Every fault with both clients; and what went wrong on our side, which fails a storm."""
    lines: list[Line] = []
    wrong: list[str] = []
    lane = Lane(folder, "compare", scale=HURRIED, whole_scale=True)
    try:
        await lane.open()
        for fault in SIX:
            lines.append(await _official(lane, fault))
            await lane.tidy()
            line, wish = await _ours(lane, fault)
            lines.append(line)
            figures = await lane.judge([wish])
            if figures.bad:
                wrong.append(f"comparison / {fault.name}: {figures.sentence()}")
            await lane.tidy()
    finally:
        await lane.close()
    return lines, wrong
