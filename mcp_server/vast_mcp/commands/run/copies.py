"""The files of a line: up before its command, down after it, and what their traffic costs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from vast_mcp.commands.run.desk import Desk, Failed
from vast_mcp.commands.run.line import Carried
from vast_mcp.commands.run.patience import Patience
from vast_mcp.errors import Json

TB, KIB = 1e12, 1024


async def copied(
    desk: Desk, instance_id: int, direction: str, one: Carried, *, overwrite: bool
) -> list[str]:
    """Copy until all is there; the names of what is not, and cannot be. Raises Lost, and Failed."""
    patience = Patience()
    desk.say(f"copying {one.local} {direction}")
    while True:
        try:
            told = await desk.call(
                "copy_files",
                instance_id=instance_id,
                direction=direction,
                local=str(one.local),
                remote=one.remote,
                overwrite=overwrite,
            )
        except Failed as exc:
            await patience.pause(exc)
            continue
        if told["state"] != "copying":
            return _missing(told, one)
        patience.renew()


def _missing(told: Json, one: Carried) -> list[str]:
    if told["state"] == "copied":
        return []
    return told.get("untrusted_names") or told.get("warnings") or [str(one.local)]


# ── traffic ────────────────────────────────────────────────────────────────────────────────────


def size_of(carried: Sequence[Carried]) -> int:
    """Bytes of what lies here."""
    return sum(_size(one.local) for one in carried)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(one.lstat().st_size for one in path.rglob("*"))


async def size_there(desk: Desk, instance_id: int, carried: Sequence[Carried], key: str) -> int:
    """Bytes of what lies in the machine, at the most; 0 where it does not say. It is asked once.
    Raises Lost, and Failed.
    """
    if not carried:
        return 0
    asked = f"cd && du -sk -- {' '.join(_quoted(one.remote) for one in carried)} 2>/dev/null"
    patience, told = Patience(), None
    while told is None:
        try:
            told = await desk.call(
                "run_command", instance_id=instance_id, command=asked, request_key=key
            )
        except Failed as exc:
            await patience.pause(exc)
    sizes = [line.split()[0] for line in told.get("untrusted_stdout", "").splitlines() if line]
    return sum(int(one) for one in sizes if one.isascii() and one.isdecimal()) * KIB


def _quoted(remote: str) -> str:
    return shlex.quote(remote.removeprefix("~/") or ".")


async def traffic_usd(desk: Desk, instance_id: int, *, up: int = 0, down: int = 0) -> float:
    """What so many bytes to and from a machine cost, in $."""
    if not up and not down:
        return 0.0
    told = await desk.call("show_instance", instance_id=instance_id)
    return usd_of(told.get("usd_per_tb") or [0.0], up=up, down=down)


def usd_of(prices: Sequence[float], *, up: int, down: int) -> float:
    """What so many bytes cost in $, by a row's prices a TB: to the machine and from it, or one
    where both are the same.
    """
    return (up * prices[0] + down * prices[-1]) / TB
