"""Which of the person's files may be touched: those in a folder of VAST_MCP_FILES, whatever links
lead there, and none that holds a key.

Who calls over HTTP is not who owns the files here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from vast_mcp.settings import Settings

NOT_OVER_HTTP = (
    "is not touched by a server that is reached over HTTP: the files here are not the caller's"
)
NO_FOLDERS = (
    "needs a folder that the person allows: VAST_MCP_FILES names it, set where VAST_API_KEY is; "
    "then this server is restarted"
)
NOT_ABSOLUTE = "must be an absolute path, or one that begins with ~/"
NOTHING_THERE = "is no file: there is nothing at that path"
HOLDS_KEY = "holds a key of this server's own, and strangers own the machines"
_SSH_KEYS = "is where the person's SSH keys are, and strangers own the machines"
_API_KEYS = "is where Vast's own client keeps its key, and strangers own the machines"
_OURS = "is where vast-mcp keeps its own notes and settings"


class Forbidden(Exception):
    """A path may not be touched. Its text ends the sentence that begins with an argument's name,
    and holds neither the path nor a word of what lies there.
    """


@dataclass(frozen=True)
class Place:
    """Where a path leads: a folder that the person allows, by its real path, and the parts beneath
    it; none where it is that folder.
    """

    folder: Path
    parts: tuple[str, ...]


def check_served(settings: Settings) -> None:
    """Raises Forbidden where no file of this computer may be touched at all."""
    if settings.ssh_dir is None:
        raise Forbidden(NOT_OVER_HTTP)
    if not settings.files:
        raise Forbidden(NO_FOLDERS)


def place_of(path: str, settings: Settings) -> Place:
    """The place that a path names, which may not be there yet. Raises Forbidden."""
    real = _real(path)
    why = Shut(settings).why(real)
    if why is not None:
        raise Forbidden(why)
    for folder in settings.files:
        beneath = folder.resolve()
        if real.is_relative_to(beneath):
            return Place(beneath, real.relative_to(beneath).parts)
    raise Forbidden(is_outside(settings))


def is_outside(settings: Settings) -> str:
    """Why what lies in no folder of the person's is not touched."""
    named = ", ".join(map(str, settings.files))
    return f"is in no folder that the person allows (VAST_MCP_FILES: {named})"


class Shut:
    """The places that nobody touches, though their folder is allowed: a home that is allowed as a
    whole has keys in it, which nobody meant. They are found however a system lets them be spelled.

    Places and folders are looked at once, for as long as this is kept: one copy asks about
    thousands of files.
    """

    def __init__(self, settings: Settings) -> None:
        self._by_identity: dict[tuple[int, int], str] = {}
        self._by_spelling: dict[str, str] = {}
        self._folders: dict[str, str | None] = {}
        for why, places in (
            (_SSH_KEYS, (settings.ssh_dir, settings.ssh_key)),
            (_API_KEYS, settings.client_keys),
            (_OURS, (settings.state_dir, settings.env_file)),
        ):
            for place in places:
                if place is not None:
                    self._add(place, why)

    def _add(self, place: Path, why: str) -> None:
        identity = _identity(place)
        if identity is not None:
            self._by_identity.setdefault(identity, why)
        self._by_spelling.setdefault(str(place.resolve()).casefold(), why)

    def why(self, real: Path) -> str | None:
        """Why a file is one of these places, or lies beneath one. None where nothing speaks against
        touching it.
        """
        unknown = takewhile(lambda one: one not in self._folders, map(str, real.parents))
        for folder in reversed(list(unknown)):
            self._folders[folder] = self._why(folder)
        return self._why(str(real))

    def _why(self, path: str) -> str | None:
        """Of a path whose folder is known."""
        return self._folders.get(os.path.dirname(path)) or self._why_itself(path)

    def _why_itself(self, path: str) -> str | None:
        identity = _identity(path)
        found = None if identity is None else self._by_identity.get(identity)
        return found or self._by_spelling.get(path.casefold())  # it may not be there yet


def own_keys(settings: Settings) -> list[bytes]:
    """What no file that leaves this computer may hold."""
    ours = [settings.http_token] if settings.sandbox else [settings.api_key, settings.http_token]
    return [one.get_secret_value().encode() for one in ours if one is not None]


def _real(path: str) -> Path:
    """Where a path leads, links followed."""
    try:
        named = Path(path).expanduser()
        if not named.is_absolute():
            raise Forbidden(NOT_ABSOLUTE)
        return named.resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, no such home, a NUL
        raise Forbidden(NOTHING_THERE) from None


def _identity(path: Path | str) -> tuple[int, int] | None:
    """What a file is, whatever its name; None where it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
