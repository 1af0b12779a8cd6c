"""Work on this computer's files: done in a thread, and what the system says of it in words."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Generator
from typing import TypeVar

import anyio.to_thread

from vast_mcp.working.files.sides import AllTrouble, Taken, Trouble

T = TypeVar("T")

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_WORDS = {
    errno.EACCES: "may not be touched by this server",
    errno.EPERM: "may not be touched by this server",
    errno.ENOENT: "is gone",
    errno.ELOOP: "is a link by now",
    errno.ENOTDIR: "lies beneath a link, or beneath a file",
    errno.EISDIR: "is no plain file by now",
    errno.ENAMETOOLONG: "has too long a name",
    errno.EFBIG: "is larger than this disk takes",
}


async def aside(work: Callable[..., T], *given: object) -> T:
    """Do it in a thread, so that others are answered meanwhile."""
    return await anyio.to_thread.run_sync(work, *given)


@contextlib.contextmanager
def told() -> Generator[None]:
    """Tell what the system says as a Trouble."""
    try:
        yield
    except FileExistsError:
        raise Taken("has come to be there meanwhile") from None
    except OSError as exc:
        if exc.errno in _FULL:
            raise AllTrouble("local", "leads to a disk that is full") from None
        raise Trouble(_WORDS.get(exc.errno or 0, "could not be read or written")) from None


def or_trouble(work: Callable[..., T], *given: object) -> T | Trouble:
    """What it comes to, or why it does not."""
    try:
        with told():
            return work(*given)
    except Trouble as exc:
        return exc


def trouble_of(work: Callable[..., None], *given: object) -> Trouble | None:
    """Why it does not come to anything, if so."""
    return or_trouble(work, *given)
