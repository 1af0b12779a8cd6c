"""A place that Vast copies from or to, as a call names it: `7:/data` is a machine's, `V.5:/data` a
volume's, `s3.101:bucket/data` a connected cloud's (docs/vast-api.md C.10). Pure.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Literal

FORM = "ID:/PATH of a machine, V.ID:/PATH of a volume, or TYPE.ID:PATH of a connected cloud"

_PLACE = re.compile(
    r"(?:(?:C\.)?(?P<machine>[1-9][0-9]{0,17})|V\.(?P<volume>[1-9][0-9]{0,17})"
    r"|(?P<service>[a-z][a-z0-9_]{0,30})\.(?P<cloud>[1-9][0-9]{0,17}))(?::(?P<path>.*))?",
    re.S,
)
_LONGEST = 1024  # characters of a path
_NOT_INTO = ("/", "/root")  # Vast's own access lies there (docs/vast-api.md C.10)
WHOLE = "/"  # a VM's disk


Kind = Literal["machine", "volume", "cloud"]
_KINDS: tuple[Kind, ...] = ("machine", "volume", "cloud")


@dataclass(frozen=True)
class Place:
    """A machine, a volume or a cloud, by its number, and a path there; None where none was said."""

    kind: Kind
    number: int
    service: str | None = None
    path: str | None = None

    @property
    def id(self) -> str:
        """What Vast calls it."""
        prefix = {"machine": "C", "volume": "V", "cloud": self.service}[self.kind]
        return f"{prefix}.{self.number}"

    @property
    def named(self) -> str:
        """It as a sentence names it, without the path."""
        kind = {"machine": "machine", "volume": "volume", "cloud": self.service}[self.kind]
        return f"{kind} {self.number}"


def place_of(text: str) -> Place:
    """The place that a text names. Raises ValueError saying what is wrong."""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise ValueError(f"must be {FORM}")
    path: str | None = found["path"]
    if path is not None:
        _check_path(path)
    kind: Kind = next(kind for kind in _KINDS if found[kind] is not None)
    place = Place(kind, int(found[kind]), found["service"], path)
    if place.kind != "cloud" and path is not None and not path.startswith("/"):
        raise ValueError("has a path that does not begin with /")
    if place.kind != "machine" and path is None:
        raise ValueError("needs a path behind a colon")
    return place


def _check_path(path: str) -> None:
    if not path or len(path) > _LONGEST or not path.isprintable() or ":" in path:
        raise ValueError(f"needs a printable path of 1 to {_LONGEST} characters without a colon")
    if ".." in path.split("/"):
        raise ValueError("has .. in its path")


def problem_of_target(place: Place) -> str | None:
    """Why nothing is copied to a place."""
    if place.kind != "machine" or place.path is None:
        return None
    if posixpath.normpath(f"/{place.path.lstrip('/')}") in _NOT_INTO:
        return "not to / or /root: that breaks SSH and later copies; name a folder below"
    return None
