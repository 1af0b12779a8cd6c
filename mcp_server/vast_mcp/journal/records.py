"""What the journal keeps, as values: an attempt, a wish, an approval, a reservation. Times are in
seconds since the epoch.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, Protocol, cast

from vast_mcp.errors import Json

CODE_S = 600.0  # a code waits so long to be approved, and its approval so long to be used
State = Literal["intended", "sending", "confirmed", "refused", "unknown", "absent", "abandoned"]

STOPPED_USD_PER_HOUR = "stopped_usd_per_hour"  # what bills of a machine that was to be stopped
NEW_VOLUME = "new_volume"  # the fact that an attempt makes a volume with its machine

TOKEN_DIGITS = 16
WISH_DIGITS = 8  # of a token: they name the wish, and the rest is random

# After the last "#" of a label, strictly: 16 hexadecimal digits and nothing else.
_TOKEN = re.compile(r"#([0-9a-f]{16})\Z")


VOLUME_MARK = "vast_mcp_"
_VOLUME_TOKEN = re.compile(rf"(?:[A-Za-z0-9_]+_)?{VOLUME_MARK}([0-9a-f]{{16}})")


def holds(number: int) -> bool:
    """Whether the journal can hold an id; none of Vast's comes near 63 bits."""
    return 0 <= number < 2**63


def canonical(value: Json) -> bytes:
    """The one text of equal values, to make digests of."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return text.encode()


def wish_digits_of(token: str) -> str:
    """The digits of a token that name its wish: those of an account's own memory
    (docs/protocol.md). They stop a request, and settle nothing.
    """
    return token[:WISH_DIGITS]


def token_of(label: str | None) -> str | None:
    """The token of the attempt that a machine was born of, where its label ends in one."""
    match = _TOKEN.search(label or "")
    if match is None:
        return None
    return match.group(1)


def volume_token_of(name: str | None) -> str | None:
    """The token of the attempt that made a volume, where its name ends in our mark and one."""
    match = _VOLUME_TOKEN.fullmatch(name or "")
    return None if match is None else match.group(1)


class Notice(IntEnum):
    """What the next answer has to say of a machine: `intents.announce`."""

    NOTHING = 0  # an answer that names it has arrived
    RENTED = 1  # its answer may not have arrived
    LATE = 2  # it was found after its attempt had been given up
    ENDED = 3  # it was destroyed, since its lease had ended
    JOB_OVER = 4  # of no machine, and never in that column: the job of this name came to its end
    PLAN = 5  # likewise: the machines of the plan of this name work, or it came to its end

    VOLUME = 6  # likewise: the volume of the attempt of this token was made
    VOLUME_ENDED = 7  # and it was deleted, since its lease had ended

    @classmethod
    def _missing_(cls, value: object) -> Notice:  # noqa: ARG003
        """A newer vast-mcp may write others: the machine is told of all the same."""
        return cls.LATE


# What there is to tell of the machine of the attempt with this token, or of the job or
# plan of this name.
News = tuple[str, Notice]


@dataclass(frozen=True)
class Allowed:
    """The limits in $/h that an attempt is sent under: of one machine, and of all; None is no
    limit.

    `counted`: what all machines come to with it. `volume`: a new volume's share of its price; None
    where it makes none.
    """

    machine: float | None = None
    total: float | None = None
    counted: float | None = None
    volume: float | None = None

    @property
    def is_limited(self) -> bool:
        return self.machine is not None or self.total is not None


class Attempt(Protocol):
    """What is asked of an attempt, to rent a machine or to make a volume: whose it is, how far it
    has come, and since when.
    """

    @property
    def token(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def state(self) -> State: ...
    @property
    def made_at(self) -> float | None: ...
    @property
    def tried_at(self) -> float | None: ...


@dataclass(frozen=True)
class Intent:
    """One attempt as the journal has it. Times are epoch seconds; None is also what cannot be
    read.
    """

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
    made_at: float | None
    sent_at: float | None
    instance_id: int | None
    stopped: bool  # as it was found at birth, and this server's acts have not started it since
    reason: str | None
    facts: Json
    gone_at: float | None
    announce: Notice
    usd_per_hour: float | None
    lease_until: float | None
    allowed: Allowed
    judged: bool
    over_usd_per_hour: float | None  # what it turned out to cost, where it is ended for that
    volume_left: int | None
    born_at: float | None  # made_at by Vast's clock

    @property
    def lives(self) -> bool:
        """Confirmed and not proven gone."""
        return self.state == "confirmed" and self.gone_at is None

    @property
    def stopped_as_asked(self) -> bool:
        """It rests as it was rented to."""
        return self.stopped and self.wanted == "stopped"

    @property
    def makes_volume(self) -> bool:
        """A volume is made with its machine: at `allowed.volume` $/h, where that is known."""
        return self.facts.get(NEW_VOLUME) is True

    @property
    def news(self) -> News:
        """What there is to tell of its machine."""
        return self.token, self.announce

    @property
    def tried_at(self) -> float | None:
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
    digits: str = ""  # the first of its tokens, on every computer; none where the account has no id


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
        since = self.made_at if self.approved_at is None else self.approved_at
        return now - since > CODE_S


@dataclass(frozen=True)
class Reservation:
    """What an act on a machine may make it cost before any list shows it: on its way, in doubt,
    agreed to from some day on, or seen to be so.
    """

    id: int
    account: str
    instance_id: int
    usd_per_hour: float
    made_at: float
    state: Literal["flying", "maybe", "true"]
    is_agreed: bool = False  # it comes for certain, and later than any look that proves an act


@dataclass(frozen=True)
class Verdict:
    """What the journal says to a wish: `act` on `intent`."""

    act: Literal["send", "wait", "replay", "reconcile", "reused", "already_rented"]
    intent: Intent | None = None


# ── rows that somebody edited ──────────────────────────────────────────────────────────────────
# A person may open the file, and a disk may spoil it. What cannot be read is unknown, and stops
# neither reading nor ending.

_OWNER = re.compile(r"[0-9a-f]{16}\Z")
# Epoch seconds. Before the first, in 2001, there was no Vast: a lease that ended then is no lease,
# and ends no machine. The second is the year 10000, which no text of a time has.
EARLIEST, LATEST = 1_000_000_000.0, 253402300800.0


def intent_of(row: Mapping[str, Any]) -> Intent:
    """A row of `intents` as a value. A confirmed attempt without its machine's id is in doubt."""
    instance_id = id_of(row["instance_id"])
    nameless = row["state"] == "confirmed" and instance_id is None
    owner = text_of(row["owner"])
    return Intent(
        id=row["id"],
        token=text_of(row["token"]),
        account=text_of(row["account"]),
        request_key=text_of(row["request_key"]),
        digest=text_of(row["digest"]),
        offer_id=id_of(row["offer_id"]) or 0,
        label=text_of(row["label"]),
        wanted=text_of(row["wanted"]),
        state="unknown" if nameless else row["state"],
        owner=owner if _OWNER.match(owner) else "",
        made_at=time_of(row["made_at"]),
        sent_at=time_of(row["sent_at"]),
        instance_id=instance_id,
        stopped=row["stopped"] == 1,
        reason=row["reason"],
        facts=facts_of(row["facts"]),
        gone_at=None if row["gone_at"] is None else time_of(row["gone_at"]) or 0.0,
        announce=Notice(row["announce"]),
        usd_per_hour=number_of(row["usd_per_hour"]),
        lease_until=time_of(row["lease_until"]),
        allowed=Allowed(
            machine=number_of(row["max_usd_per_hour"]),
            total=number_of(row["max_total_usd_per_hour"]),
            counted=number_of(row["counted_usd_per_hour"]),
            volume=number_of(row["volume_usd_per_hour"]),
        ),
        judged=row["judged_at"] is not None,
        over_usd_per_hour=number_of(row["over_usd_per_hour"]),
        volume_left=row["volume_left"] if isinstance(row["volume_left"], int) else None,
        born_at=time_of(row["born_at"]),
    )


def reservation_of(row: Mapping[str, Any]) -> Reservation:
    """A row of `holds` as a value: one whose price cannot be read holds nothing."""
    return Reservation(
        id=row["id"],
        account=text_of(row["account"]),
        instance_id=id_of(row["instance_id"]) or 0,
        usd_per_hour=number_of(row["usd_per_hour"]) or 0.0,
        made_at=time_of(row["made_at"]) or 0.0,
        state=row["state"],
        is_agreed=bool(row["agreed"]),
    )


def question_of(row: Mapping[str, Any]) -> Question:
    """A row of `approvals` as a value. One whose times cannot be read is over."""
    approved_at = None if row["approved_at"] is None else time_of(row["approved_at"]) or 0.0
    return Question(
        said=text_of(row["said"]),
        usd_per_hour=number_of(row["usd_per_hour"]) or 0.0,
        made_at=time_of(row["made_at"]) or 0.0,
        approved_at=approved_at,
        used=bool(row["used"]),
    )


def number_of(value: object) -> float | None:
    """A finite number that is not negative."""
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        return None
    return float(value)


def time_of(value: object) -> float | None:
    """Epoch seconds of a time that there may be."""
    seconds = number_of(value)
    if seconds is None or not EARLIEST <= seconds < LATEST:
        return None
    return seconds


def id_of(value: object) -> int | None:
    """An id that Vast may have given."""
    if not isinstance(value, int) or not value or not holds(value):
        return None
    return value


def text_of(value: object) -> str:
    return value if isinstance(value, str) else ""


def facts_of(text: object) -> Json:
    """What the first answer said, as far as it can be read."""
    try:
        facts: object = json.loads(text_of(text) or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(facts, dict):
        return {}
    kept = cast("Json", facts)
    for name in ("usd_per_hour", "disk_gb"):
        kept[name] = number_of(kept.get(name))
    return kept
