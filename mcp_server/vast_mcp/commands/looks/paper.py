"""`vast-mcp costs --html FILE`: the money view with its data, as one file."""

from __future__ import annotations

import json
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from vast_mcp import __version__
from vast_mcp.commands.looks.asking import Desk
from vast_mcp.commands.statuses import as_text
from vast_mcp.errors import Json
from vast_mcp.host.limits import LOOKS_ALONE
from vast_mcp.views.paper import Kept, on_paper

LIMITS = "vast://limits"


class Unwritten(Exception):
    """There is no such file now, or no new one; the message says why. `misuse`: another name or
    option mends it.
    """

    def __init__(self, said: str, *, misuse: bool) -> None:
        super().__init__(said)
        self.misuse = misuse


def check(path: Path, *, overwrite: bool) -> None:
    """Raises Unwritten where a file would be lost that nobody gave up, or is none."""
    try:
        there = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as exc:
        raise Unwritten(f"{path} cannot be looked at: {exc.strerror}", misuse=False) from None
    if not stat.S_ISREG(there):
        raise Unwritten(f"{path} is there, and is no file", misuse=True)
    if not overwrite:
        raise Unwritten(f"{path} is there; --overwrite lets it be replaced", misuse=True)


async def kept_of(desk: Desk, costs: Json) -> Kept:
    """What the money view is given, read now; what a tool answered with an error is told as one."""
    answers = {
        "show_account": await desk.ask("show_account"),
        "show_instances": await desk.ask("show_instances"),
        "show_costs": costs,
    }
    limits = await _limits(desk)
    return Kept("show_account", answers, {LIMITS: limits} if limits else {}, time.time())


async def _limits(desk: Desk) -> str | None:
    """The limits as the person set them: that this command looks alone is none of them."""
    text = await desk.read(LIMITS)
    if text is None or desk.looks_alone:
        return text
    told: Json = json.loads(text)
    told["asks"] = [said for said in told.get("asks") or () if said != LOOKS_ALONE]
    return as_text(told)


def write(path: Path, kept: Kept, words: str, *, overwrite: bool) -> None:
    """Write the file whole, or leave what there was. Raises Unwritten."""
    text = on_paper("money", kept, by=f"vast-mcp {__version__}", words=words)
    check(path, overwrite=overwrite)
    if not overwrite:
        _put(path, path, text)
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    _put(beside, path, text)
    try:
        with suppress(FileNotFoundError):
            beside.chmod(stat.S_IMODE(path.lstat().st_mode))  # who may read it stays as it was
        beside.replace(path)
    except OSError as exc:
        beside.unlink()
        raise Unwritten(f"{path} cannot be replaced: {exc.strerror}", misuse=False) from None


def _put(at: Path, path: Path, text: str) -> None:
    """Make a file that nobody has; it is gone again where it cannot be written to its end."""
    try:
        with at.open("x", encoding="utf-8", newline="\n") as file:
            try:
                file.write(text)
                file.flush()
            except OSError:
                with suppress(OSError):
                    at.unlink()
                raise
    except FileExistsError:
        raise Unwritten(f"{at} is there", misuse=True) from None
    except OSError as exc:
        raise Unwritten(f"{path} cannot be written: {exc.strerror}", misuse=False) from None
