"""The attempts to make a volume by itself, in the states of an attempt to rent (docs/protocol.md),
and the leases of volumes, which stand here alone.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.journal.database import Database
from vast_mcp.journal.records import (
    TOKEN_DIGITS,
    Allowed,
    News,
    Notice,
    State,
    facts_of,
    holds,
    id_of,
    number_of,
    text_of,
    time_of,
)

if TYPE_CHECKING:
    from vast_mcp.journal.questions import Questions

BEFORE = "before"  # the fact which volumes there were as it was announced


@dataclass(frozen=True)
class VolumeWish:
    """What is to be made, as far as it is the same every time: whose, under which key, where.

    `digits`: the first of its tokens, on every computer; none where the account has no id.
    """

    account: str
    key: str
    digest: str
    room_id: int
    clone_of: int | None = None
    digits: str = ""
    file: tuple[int, int] | None = None  # of the journal that it was read against


@dataclass(frozen=True)
class MadeVolume:
    """One attempt as the journal has it. Times are epoch seconds; None is also what cannot be
    read.
    """

    token: str
    account: str
    wish: str
    digest: str
    room_id: int
    clone_of: int | None
    state: State
    owner: str
    made_at: float | None
    sent_at: float | None
    volume_id: int | None
    usd_per_hour: float | None
    lease_until: float | None
    gone_at: float | None
    announce: Notice
    facts: Json
    allowed: Allowed
    judged: bool
    over_usd_per_hour: float | None

    @property
    def lives(self) -> bool:
        """Confirmed and not proven gone."""
        return self.state == "confirmed" and self.gone_at is None

    @property
    def news(self) -> News:
        """What there is to tell of it."""
        ended = self.announce is Notice.ENDED
        return self.token, Notice.VOLUME_ENDED if ended else Notice.VOLUME

    @property
    def tried_at(self) -> float | None:
        """When it was sent, or made where it was not sent yet."""
        return self.sent_at or self.made_at

    @property
    def size_gb(self) -> float | None:
        return number_of(self.facts.get("size_gb"))

    @property
    def machine_id(self) -> int | None:
        return id_of(self.facts.get("machine_id"))

    @property
    def before(self) -> set[int]:
        """The volumes that a whole list showed before it was announced."""
        listed: object = self.facts.get(BEFORE)
        if not isinstance(listed, list):
            return set()
        return {one for one in cast("list[object]", listed) if isinstance(one, int)}


class MadeVolumes:
    """Every volume that a server of this user made by itself, or was about to."""

    def __init__(self, db: Database, questions: Questions, flying: set[str]) -> None:
        self._db = db
        self._questions = questions
        self._flying = flying

    # ── questions ──────────────────────────────────────────────────────────────────────────────

    def by_token(self, token: str) -> MadeVolume | None:
        """The attempt of this token."""
        return next(iter(self._found("volume_by_token", token=token)), None)

    def by_id(self, volume_id: int, account: str | None) -> MadeVolume | None:
        """The newest attempt that holds a volume, of one account where that is known."""
        if not holds(volume_id):
            return None
        found = self._found("volume_by_id", volume_id=volume_id, account=account)
        return next(iter(found), None)

    def of_wish(self, wish: VolumeWish) -> list[MadeVolume]:
        """The attempts of a wish, the newest first."""
        return self._found("volumes_of_wish", account=wish.account, wish=wish.key)

    def standing(self, account: str) -> list[MadeVolume]:
        """What bills, and what may come to."""
        return self._found("volumes_standing", account=account)

    def living(self, account: str) -> list[MadeVolume]:
        """Confirmed volumes that are not proven gone."""
        return [one for one in self.standing(account) if one.lives]

    def in_doubt(self, account: str) -> list[MadeVolume]:
        """Attempts whose outcome nobody knows: unknown, or sending with nobody at it."""
        return [one for one in self.standing(account) if self._is_in_doubt(one)]

    def _is_in_doubt(self, one: MadeVolume) -> bool:
        is_left = one.state == "sending" and self._questions.may_confirm(one)
        return is_left or one.state == "unknown"

    def lease_ends(self, account: str) -> dict[int, float]:
        """When the leases of an account's living volumes end, by volume."""
        return {
            one.volume_id: one.lease_until
            for one in self.living(account)
            if one.volume_id and one.lease_until
        }

    def unannounced(self, account: str) -> list[MadeVolume]:
        """Volumes that nobody may have heard of, or whose end nobody has."""
        return [
            one
            for one in self._found("volumes_announced", account=account)
            if one.announce is not Notice.RENTED or self._questions.may_settle(one)
        ]

    def any_open(self) -> bool:
        """Whether any attempt of any account is in doubt or on its way."""
        return bool(self._db.rows("any_volume_open"))

    def any_unjudged(self) -> bool:
        """Whether a volume of any account was made under a limit, and nobody has compared its price
        with that or told of it.
        """
        return bool(self._db.rows("any_volume_unjudged"))

    def any_lease(self) -> bool:
        """Whether a living volume of any account has a lease."""
        return bool(self._db.rows("any_volume_leased"))

    # ── the life of an attempt ─────────────────────────────────────────────────────────────────

    def intend(
        self,
        wish: VolumeWish,
        *,
        usd_per_hour: float | None,
        lease_until: float | None,
        facts: Json,
        allowed: Allowed,
    ) -> MadeVolume:
        """Announce an attempt, in alone(), under a fresh token."""
        token = (wish.digits + secrets.token_hex(8))[:TOKEN_DIGITS]
        self._db.write(
            "intend_volume",
            token=token,
            account=wish.account,
            wish=wish.key,
            digest=wish.digest,
            room_id=wish.room_id,
            clone_of=wish.clone_of,
            owner=self._questions.owner,
            now=time.time(),
            usd_per_hour=usd_per_hour,
            lease_until=lease_until,
            facts=json.dumps(facts),
            max_usd_per_hour=allowed.machine,
            max_total_usd_per_hour=allowed.total,
            counted_usd_per_hour=allowed.counted,
        )
        self._flying.add(token)
        return self._found("volume_by_token", token=token)[0]

    def abandon_unsent(self, account: str) -> None:
        """Give up what was announced and nobody will send any more."""
        for one in self.standing(account):
            if one.state == "intended" and self._questions.may_confirm(one):
                self._db.write("abandon_volume", token=one.token)

    def mark_sending(self, one: MadeVolume) -> None:
        """Announce that the request leaves now. Raises NotRented where it must not."""
        if not self._db.changes("mark_volume_sending", token=one.token, now=time.time()):
            raise errors.NotRented(
                "Another process gave this attempt up, since it was not sent in time. The same "
                "call is safe to repeat."
            )

    def mark_landed(self, one: MadeVolume) -> None:
        """The sending is over, whatever became of it."""
        self._flying.discard(one.token)

    def mark_refused(self, one: MadeVolume) -> None:
        """Nothing was made, for certain."""
        self._db.write("mark_volume_refused", token=one.token, now=time.time())

    def mark_unknown(self, one: MadeVolume) -> None:
        """The request was sent, and no verdict came."""
        self._db.write("mark_volume_unknown", token=one.token)

    def mark_made(
        self, one: MadeVolume, volume_id: int, *, announce: Notice = Notice.RENTED
    ) -> None:
        """The volume is known by its id from here on, and announced until an answer names it."""
        self._db.write(
            "mark_volume_made",
            token=one.token,
            volume_id=volume_id,
            announce=announce,
            now=time.time(),
        )

    def mark_judged(self, one: MadeVolume) -> None:
        """Its price was read, and it may live by the limits that it was sent under."""
        self._db.write("mark_volume_judged", token=one.token, now=time.time())

    def mark_over(self, one: MadeVolume, usd_per_hour: float) -> bool:
        """Announce that it is deleted now, since it costs more than a limit that it was sent under.
        False where an answer has named it since.
        """
        return self._db.changes(
            "mark_volume_over",
            token=one.token,
            usd_per_hour=usd_per_hour,
            announce=Notice.ENDED,
        )

    def mark_absent(self, one: MadeVolume) -> None:
        """The attempt made nothing: proven, or a person says so. Its token stays watched."""
        self._db.write("mark_volume_absent", token=one.token, now=time.time())

    # ── the life of a volume ───────────────────────────────────────────────────────────────────

    def hold(
        self,
        account: str,
        volume_id: int,
        *,
        token: str,
        wish: VolumeWish | None = None,
        usd_per_hour: float | None = None,
        lease_until: float | None = None,
        announce: Notice = Notice.NOTHING,
        facts: Json | None = None,
    ) -> None:
        """Take a volume into the journal that none of its attempts made."""
        self._db.write(
            "hold_volume",
            token=token,
            account=account,
            wish="" if wish is None else wish.key,
            digest="" if wish is None else wish.digest,
            room_id=0 if wish is None else wish.room_id,
            owner=self._questions.owner,
            now=time.time(),
            volume_id=volume_id,
            usd_per_hour=usd_per_hour,
            lease_until=lease_until,
            announce=announce,
            facts=json.dumps(facts or {}),
        )

    def mark_gone(self, account: str, volume_id: int) -> None:
        """The volume is proven gone."""
        if holds(volume_id):
            self._db.write(
                "note_volume_gone", account=account, volume_id=volume_id, now=time.time()
            )

    def set_lease(self, account: str, volume_id: int, until: float | None) -> None:
        """Move the end of a living volume's lease, or take it away. One that the journal does not
        hold is held from here on.
        """
        values = {"account": account, "volume_id": volume_id, "until": until}
        if not self._db.changes("set_volume_lease", **values) and until is not None:
            token = f"held+{volume_id}+{secrets.token_hex(4)}"
            self.hold(account, volume_id, token=token, lease_until=until)

    def mark_ended(self, account: str, volume_id: int) -> None:
        """It was deleted because its lease was over: announced until an answer says so."""
        self._db.write(
            "mark_volume_ended", account=account, volume_id=volume_id, announce=Notice.ENDED
        )

    def mark_told(self, token: str, *, ended: bool) -> None:
        """An answer that told of it, or of its end, has arrived."""
        self._db.write("mark_volume_told", token=token, ended=ended)

    def _found(self, query: str, **values: object) -> list[MadeVolume]:
        return [_made_of(row) for row in self._db.rows(query, **values)]


def _made_of(row: Mapping[str, Any]) -> MadeVolume:
    """A row as a value. A confirmed attempt without its volume's id is in doubt."""
    volume_id = id_of(row["volume_id"])
    nameless = row["state"] == "confirmed" and volume_id is None
    return MadeVolume(
        token=text_of(row["token"]),
        account=text_of(row["account"]),
        wish=text_of(row["wish"]),
        digest=text_of(row["digest"]),
        room_id=id_of(row["room_id"]) or 0,
        clone_of=id_of(row["clone_of"]),
        state="unknown" if nameless else row["state"],
        owner=text_of(row["owner"]),
        made_at=time_of(row["made_at"]),
        sent_at=time_of(row["sent_at"]),
        volume_id=volume_id,
        usd_per_hour=number_of(row["usd_per_hour"]),
        lease_until=time_of(row["lease_until"]),
        gone_at=None if row["gone_at"] is None else time_of(row["gone_at"]) or 0.0,
        announce=Notice(row["announce"]),
        facts=facts_of(row["facts"]),
        allowed=Allowed(
            machine=number_of(row["max_usd_per_hour"]),
            total=number_of(row["max_total_usd_per_hour"]),
            counted=number_of(row["counted_usd_per_hour"]),
        ),
        judged=row["judged_at"] is not None,
        over_usd_per_hour=number_of(row["over_usd_per_hour"]),
    )
