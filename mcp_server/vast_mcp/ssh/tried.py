"""What trying to enter a machine came to, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vast_mcp.machines.keyfiles import fingerprint_of
from vast_mcp.machines.ways import Address

Way = Literal["direct", "proxy"]
WAYS: tuple[Way, ...] = ("direct", "proxy")
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
    tried": the machine was not connected to. `why` says why, of these two. `host_key`: the one that
    was shown; `pinned_key`: the one that is kept for this machine and way, both as `TYPE BASE64`.
    `through`: the jump host of the person's ssh config. `said`: one sentence. `heard`: an SSH
    server spoke. `here`: what kept it from more is the person's: their agent, jump host or config.
    """

    answer: Answer
    way: Way
    said: str
    to: Address | None = None
    why: str | None = None
    key: str | None = None
    host_key: str | None = None
    pinned_key: str | None = None
    through: str | None = None
    heard: bool = False
    here: bool = False

    @property
    def fingerprint(self) -> str | None:
        """SHA256 of the host key that was shown, as `ssh` shows it."""
        return fingerprint(self.host_key)

    @property
    def pinned(self) -> str | None:
        """SHA256 of the host key that is kept."""
        return fingerprint(self.pinned_key)

    @property
    def place(self) -> str:
        """Where it was tried."""
        return "nowhere" if self.to is None else f"{self.to.spelled}:{self.to.port}"


def fingerprint(host_key: str | None) -> str | None:
    """SHA256 of a host key, as `ssh` shows it."""
    return None if host_key is None else fingerprint_of(host_key.split()[1])
