"""What a copy remembers from one call to the next, and over a break: what arrived, and what was
compared. It lives in the process; without it, what lies there is compared anew.
"""

from __future__ import annotations

import hashlib
import itertools
import weakref
from collections.abc import Hashable
from dataclasses import dataclass, field

from vast_mcp.session import Session
from vast_mcp.working.files import names
from vast_mcp.working.files.sides import PIECE, Digest, Part, Seen

MOST = 50  # copies that are remembered


@dataclass(frozen=True)
class Job:
    """One file to move: its paths on both sides, and what it is on the first."""

    source: bytes
    target: bytes
    seen: Seen

    @property
    def partial(self) -> bytes:
        """Where it lies until it is whole."""
        return names.partial(self.target, self.seen.size, self.seen.mtime)


@dataclass(eq=False)
class Piece:
    """A piece of a large file: how far it arrived, and the digest of that."""

    number: int
    at: int
    end: int
    digest: Digest = field(default_factory=hashlib.sha256)
    verified: bool = False

    @property
    def has_arrived(self) -> bool:
        """Whether all of it was written."""
        return self.at >= self.end


@dataclass(eq=False)
class Large:
    """A large file under way."""

    job: Job
    pieces: list[Piece]

    @classmethod
    def of(cls, job: Job) -> Large:
        """Nothing of it has arrived."""
        size = job.seen.size
        return cls(
            job,
            [
                Piece(number, start, min(start + PIECE, size))
                for number, start in enumerate(range(0, size, PIECE))
            ],
        )

    @property
    def reaches(self) -> int:
        """Bytes that lie there at least, if nobody took them away."""
        begun = [one.at for one in self.pieces if one.at > one.number * PIECE]
        return max(begun, default=0)

    @property
    def is_verified(self) -> bool:
        """Whether all of it was compared."""
        return all(one.verified for one in self.pieces)

    def part(self, path: bytes, piece: Piece) -> Part:
        """The piece as it is digested; a file of one piece as a whole, which is quicker."""
        return Part(path, None if len(self.pieces) == 1 else piece.number)


@dataclass(eq=False)
class Kept:
    """Of one copy."""

    large: dict[Job, Large] = field(default_factory=dict[Job, Large])
    same: set[tuple[Job, int]] = field(default_factory=set[tuple[Job, int]])
    compared: dict[tuple[Job, int], int] = field(default_factory=dict[tuple[Job, int], int])
    breaks: int = 0
    is_busy: bool = False

    def mark(self, job: Job, stands: Seen) -> None:
        """What stands in its place is the same."""
        self.same.add((job, stands.mtime))

    def is_same(self, job: Job, stands: Seen) -> bool:
        """Whether that is known."""
        return job.seen.size == stands.size and (job, stands.mtime) in self.same


_ALL: weakref.WeakKeyDictionary[Session, dict[Hashable, Kept]] = weakref.WeakKeyDictionary()


def kept_of(session: Session, copy: Hashable) -> Kept:
    """What is remembered of a copy."""
    copies = _ALL.setdefault(session, {})
    kept = copies.pop(copy, None) or Kept()
    copies[copy] = kept
    for old in list(itertools.islice(copies, max(0, len(copies) - MOST))):
        if not copies[old].is_busy:
            del copies[old]
    return kept


def forget(session: Session, copy: Hashable) -> None:
    """Nothing more is to be remembered: it is done."""
    _ALL.get(session, {}).pop(copy, None)
