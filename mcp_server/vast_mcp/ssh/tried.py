"""What trying to enter a machine came to, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vast_mcp.machines.ways import Address

Way = Literal["direct", "proxy"]
Answer = Literal[
    "entered",
    "name_not_found",
    "refused",
    "timed_out",
    "no_ssh",
    "key_refused",
    "host_key_changed",
    "answers",
    "not_tried",
]


@dataclass(frozen=True)
class Tried:
    """One try of one way into a machine.

    `answer` "answers": an SSH server is heard, and this server has no key to log in with; "not
    tried": the machine was not connected to. `why` says why, of these two. `fingerprint`: of the
    host key that was shown; `pinned`: of the one that is kept for this machine and way. `through`:
    the jump host of the person's ssh config. `said`: one sentence.
    """

    answer: Answer
    way: Way
    said: str
    to: Address | None = None
    why: str | None = None
    key: str | None = None
    fingerprint: str | None = None
    pinned: str | None = None
    through: str | None = None
