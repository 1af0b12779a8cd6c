"""What the journal keeps, as values: an attempt, a wish, an approval, a reservation. Times are in
seconds since the epoch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, Literal

from vast_mcp.errors import Json

CODE_S = 600.0  # a code waits so long to be approved, and its approval so long to be used
State = Literal["intended", "sending", "confirmed", "refused", "unknown", "absent", "abandoned"]

# After the last "#" of a label, strictly: 16 hexadecimal digits and nothing else.
_TOKEN = re.compile(r"#([0-9a-f]{16})\Z")


def holds(number: int) -> bool:
    """Whether the journal can hold an id; none of Vast's comes near 63 bits."""
    return 0 <= number < 2**63


def token_of(label: str | None) -> str | None:
    """The token of the attempt that a machine was born of, where its label ends in one."""
    match = _TOKEN.search(label or "")
    if match is None:
        return None
    return match.group(1)


class Notice(IntEnum):
    """What the next answer has to say of a machine: `intents.announce`."""

    NOTHING = 0  # an answer that names it has arrived
    RENTED = 1  # its answer may not have arrived
    LATE = 2  # it was found after its attempt had been given up
    ENDED = 3  # it was destroyed, since its lease had ended

    @classmethod
    def _missing_(cls, value: object) -> Notice:  # noqa: ARG003
        """A newer vast-mcp may write others: the machine is told of all the same."""
        return cls.LATE


News = tuple[str, Notice]  # what there is to tell of the machine of the attempt with this token


@dataclass(frozen=True)
class Intent:
    """One attempt as the journal has it. Times are epoch seconds."""

    id: int
    token: str
    account: str
    request_key: str
    digest: str
    offer_id: int
    label: str
    wanted: str
    state: State
    owner: str
    made_at: float
    sent_at: float | None
    instance_id: int | None
    stopped: bool
    reason: str | None
    facts: Json
    gone_at: float | None
    announce: Notice
    usd_per_hour: float | None
    lease_until: float | None

    @property
    def lives(self) -> bool:
        """Confirmed and not proven gone."""
        return self.state == "confirmed" and self.gone_at is None

    @property
    def news(self) -> News:
        """What there is to tell of its machine."""
        return self.token, self.announce

    @property
    def tried_at(self) -> float:
        """When it was sent, or made where it was not sent yet."""
        return self.sent_at or self.made_at


@dataclass(frozen=True)
class Wish:
    """What is to be rented, as far as it is the same every time: whose, under which key, from which
    offer.
    """

    account: str
    request_key: str
    digest: str
    offer_id: int
    wanted: Literal["running", "stopped"]
    derived: bool  # the key was made from the arguments, not given
    allow_unresolved: bool  # doubts of other wishes do not stop it


@dataclass(frozen=True)
class Approval:
    """A person's yes, given in a shell: to what (a digest), and at most at which $/h. It is spent
    with the act.
    """

    asked: str
    usd_per_hour: float


@dataclass(frozen=True)
class Question:
    """What a code stands for. `used`: for an act that happened, or may have."""

    said: str
    usd_per_hour: float
    made_at: float
    approved_at: float | None
    used: bool

    def over(self, now: float) -> bool:
        """Whether its time has ended: to be approved, or, approved, to be used."""
        return now - (self.approved_at or self.made_at) > CODE_S


@dataclass(frozen=True)
class Reservation:
    """What an act on a machine may make it cost before any list shows it: on its way, in doubt, or
    seen to be so.
    """

    id: int
    account: str
    instance_id: int
    usd_per_hour: float
    made_at: float
    state: Literal["flying", "maybe", "true"]


@dataclass(frozen=True)
class Verdict:
    """What the journal says to a wish: `act` on `intent`."""

    act: Literal["send", "wait", "replay", "reconcile", "reused", "already_rented"]
    intent: Intent | None = None


_INTENT_COLUMNS = tuple(column.name for column in fields(Intent))


def intent_of(row: Mapping[str, Any]) -> Intent:
    """A row of `intents` as a value, by the names of its columns."""
    values = {name: row[name] for name in _INTENT_COLUMNS}
    values["stopped"] = bool(row["stopped"])
    values["facts"] = json.loads(row["facts"] or "{}")
    values["announce"] = Notice(row["announce"])
    return Intent(**values)
