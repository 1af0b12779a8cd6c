"""Which of the person's files may be touched: those in a folder of VAST_MCP_FILES, whatever links
lead there, and none that holds a key.

Who calls over HTTP is not who owns the files here.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    why = why_shut(real, settings)
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


def why_shut(real: Path, settings: Settings) -> str | None:
    """Why a file is touched by nobody, though its folder is allowed: a home that is allowed as a
    whole has keys in it, which nobody meant. None where nothing speaks against it.
    """
    if _is_in_any(real, settings.ssh_dir, settings.ssh_key):
        return _SSH_KEYS
    if _is_in_any(real, *settings.client_keys):
        return _API_KEYS
    if _is_in_any(real, settings.state_dir, settings.env_file):
        return _OURS
    return None


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


def _is_in_any(real: Path, *places: Path | None) -> bool:
    """Whether a file is one of these places or lies beneath it, however a system lets both be
    spelled.
    """
    return any(_is_in(real, one) for one in places if one is not None)


def _is_in(real: Path, place: Path) -> bool:
    for one in (real, *real.parents):
        try:
            if one.samefile(place):
                return True
        except OSError:  # one of them is not there
            continue
    return _spelled(real).is_relative_to(_spelled(place.resolve()))  # while it is not there


def _spelled(path: Path) -> Path:
    """As a system reads it to which large and small letters are the same."""
    return Path(str(path).casefold())
