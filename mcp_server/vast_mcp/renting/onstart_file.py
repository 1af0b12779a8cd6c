"""A script that the person keeps in a file (`onstart_file`): read here, sent to the machine, and
shown to nobody. Which files that may be is said in `files/allowed.py`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import anyio.to_thread

from vast_mcp import errors
from vast_mcp.errors import Problem
from vast_mcp.files import allowed
from vast_mcp.files.allowed import Forbidden, Place
from vast_mcp.files.beneath import spot
from vast_mcp.settings import Settings

FIELD = "onstart_file"

_INSTEAD = {
    allowed.NOT_OVER_HTTP: ". Give the text as onstart",
    allowed.NO_FOLDERS: ". Or give the text as onstart",
}
_UNREADABLE = "may not be read by this server"
_NOT_PLAIN = "is no plain file"
_NOT_TEXT = "is no text in UTF-8, so no shell could run it"
_EMPTY = "is empty"


async def script_in(path: str, settings: Settings, most: int, *, instead_of: bool) -> str:
    """The text of the person's file, of at most so many characters. `instead_of`: an onstart was
    given too. Raises BadArguments, without the path and without a word of what the file holds.
    """
    if instead_of:
        raise _bad("an alternative to onstart: give one of them")
    try:
        allowed.check_served(settings)
        read = anyio.to_thread.run_sync(_read, path, settings, 4 * most, abandon_on_cancel=True)
        held = await read
    except Forbidden as exc:
        raise _bad(f"{exc}{_INSTEAD.get(str(exc), '')}") from None
    text = _text(held, most)
    if any(one in held for one in allowed.own_keys(settings)):
        raise _bad(allowed.HOLDS_KEY)
    return text


def named_as_spoken(problems: Sequence[Problem]) -> list[Problem]:
    """The problems of an onstart as those of the file that it was read from."""
    return [
        replace(problem, field=FIELD) if problem.field == "onstart" else problem
        for problem in problems
    ]


def _bad(why: str) -> errors.BadArguments:
    return errors.bad("create_instance", [Problem(FIELD, why)])


def _text(held: bytes, most: int) -> str:
    try:
        text = held.decode("utf-8")
    except UnicodeDecodeError:
        # A character may be cut where the reading stopped.
        raise _bad(_too_long(most) if len(held) > 4 * most else _NOT_TEXT) from None
    if len(text) > most:
        raise _bad(_too_long(most))
    if "\0" in text:
        raise _bad(_NOT_TEXT)
    if not text.strip("\ufeff \t\r\n"):
        raise _bad(_EMPTY)
    return text


def _too_long(most: int) -> str:
    return f"has more than {most} characters. Let it download the rest"


def _read(path: str, settings: Settings, most: int) -> bytes:
    """The first bytes of the file, one more than `most` where there are more. Raises Forbidden."""
    place = allowed.place_of(path, settings)
    if not place.parts:
        raise Forbidden(allowed.is_outside(settings))
    return _read_beneath(place, most)


def _read_beneath(place: Place, most: int) -> bytes:
    *between, name = place.parts
    try:
        with spot(place.folder, between) as at, os.fdopen(at.open_to_read(name), "rb") as file:
            return file.read(most + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise Forbidden(allowed.NOTHING_THERE) from None
    except IsADirectoryError:
        raise Forbidden(_NOT_PLAIN) from None
    except OSError:
        raise Forbidden(_UNREADABLE) from None
