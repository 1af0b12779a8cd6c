"""A script that the person keeps in a file (`onstart_file`): read here, sent to the machine, and
shown to nobody.

Only what lies in a folder of VAST_MCP_FILES is read, whatever links lead there: every part of the
real path is opened beneath that folder and may be no link, so that nothing swapped meanwhile leads
out. No key goes with it, neither this server's own nor one of ~/.ssh. Who calls over HTTP is not
who owns the files here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import anyio.to_thread

from vast_mcp import errors
from vast_mcp.errors import Problem
from vast_mcp.settings import Settings

FIELD = "onstart_file"

_NOT_OVER_HTTP = (
    "is not read by a server that is reached over HTTP: the files here are not the caller's. Give "
    "the text as onstart"
)
_NO_FOLDERS = (
    "needs a folder that the person allows: VAST_MCP_FILES names it, set where VAST_API_KEY is; "
    "then this server is restarted. Or give the text as onstart"
)
_NOT_ABSOLUTE = "must be an absolute path, or one that begins with ~/"
_UNREADABLE = "may not be read by this server"
_NO_FILE = "is no file: there is nothing at that path"
_NOT_PLAIN = "is no plain file"
_NOT_TEXT = "is no text in UTF-8, so no shell could run it"
_EMPTY = "is empty"
_IN_SSH_DIR = "is where the person's SSH keys are, and strangers own the machines"
_HOLDS_KEY = "holds a key of this server's own, and strangers own the machines"

# Never waits for the other end of a pipe, takes no terminal, follows no link.
_PLAIN = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_NOFOLLOW", "O_CLOEXEC")
)
_FOLDER = _PLAIN | getattr(os, "O_DIRECTORY", 0)


async def script_in(path: str, settings: Settings, most: int, *, instead_of: bool) -> str:
    """The text of the person's file, of at most so many characters. `instead_of`: an onstart was
    given too. Raises BadArguments, without the path and without a word of what the file holds.
    """
    if instead_of:
        raise _bad("an alternative to onstart: give one of them")
    if settings.ssh_dir is None:
        raise _bad(_NOT_OVER_HTTP)
    if not settings.files:
        raise _bad(_NO_FOLDERS)
    held = await anyio.to_thread.run_sync(_read, path, settings, 4 * most, abandon_on_cancel=True)
    text = _text(held, most)
    ours = [settings.http_token] if settings.sandbox else [settings.api_key, settings.http_token]
    if any(one.get_secret_value() in text for one in ours if one is not None):
        raise _bad(_HOLDS_KEY)
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
    """The first bytes of the file, one more than `most` where there are more. A home that is
    allowed as a whole has keys in it, which nobody meant.
    """
    real = _real(path)
    keys = (settings.ssh_dir, settings.ssh_key)
    if any(_is_in(real, one) for one in keys if one is not None):
        raise _bad(_IN_SSH_DIR)
    for folder in settings.files:
        beneath = folder.resolve()
        if real != beneath and real.is_relative_to(beneath):
            return _read_beneath(beneath, real.relative_to(beneath).parts, most)
    named = ", ".join(map(str, settings.files))
    raise _bad(f"is in no folder that the person allows (VAST_MCP_FILES: {named})")


def _real(path: str) -> Path:
    """Where a path leads, links followed."""
    try:
        named = Path(path).expanduser()
        if not named.is_absolute():
            raise _bad(_NOT_ABSOLUTE)
        return named.resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, no such home, a NUL
        raise _bad(_NO_FILE) from None


def _is_in(real: Path, place: Path) -> bool:
    """Whether a file is a place or lies beneath it, however a system lets both be spelled."""
    try:
        return any(one.samefile(place) for one in (real, *real.parents))
    except OSError:  # one of them is not there
        return False


def _read_beneath(folder: Path, parts: tuple[str, ...], most: int) -> bytes:
    try:
        with os.fdopen(_opened(folder, parts), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _bad(_NOT_PLAIN)
            return file.read(most + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise _bad(_NO_FILE) from None
    except IsADirectoryError:
        raise _bad(_NOT_PLAIN) from None
    except OSError:
        raise _bad(_UNREADABLE) from None


def _opened(folder: Path, parts: tuple[str, ...]) -> int:
    """The file, each folder on the way opened beneath the one before, where the system can."""
    if os.open not in os.supports_dir_fd:
        return os.open(folder.joinpath(*parts), _PLAIN)
    *between, name = parts
    at = os.open(folder, _FOLDER)
    try:
        for part in between:
            inner = os.open(part, _FOLDER, dir_fd=at)
            os.close(at)
            at = inner
        return os.open(name, _PLAIN, dir_fd=at)
    finally:
        os.close(at)
