"""What the journal is asked about attempts and their machines. Nothing here changes anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from vast_mcp.journal.database import Database
from vast_mcp.journal.locks import Owner
from vast_mcp.journal.records import (
    Attempt,
    Intent,
    Notice,
    Verdict,
    Wish,
    holds,
    id_of,
    intent_of,
    time_of,
)

LEAST_UNSENT_S = 1.0  # a busy computer needs so long to send, however short the times are made


class Questions:
    """The half of the journal that reads. `put_s`: the longest that a request to rent may take.
    `_flying`: tokens that this process is sending now.
    """

    def __init__(self, db: Database, put_s: float) -> None:
        self._db = db
        self._put_s, self._unsent_s = put_s, max(put_s, LEAST_UNSENT_S)
        self._owner = Owner(db, self._left_anything_open)
        self._flying: set[str] = set()

    @property
    def owner(self) -> str:
        """The name under which this process owns its attempts."""
        return self._owner.name

    # ── one wish ───────────────────────────────────────────────────────────────────────────────

    def consider(self, wish: Wish) -> Verdict:
        """What the wish meets here: the first rule that has something to say decides."""
        rules: tuple[Callable[[Wish], Verdict | None], ...] = (
            self._reused_key,
            self._standing_attempt,
            self._doubt,
            self._offer_already_rented,
        )
        for rule in rules:
            verdict = rule(wish)
            if verdict is not None:
                return verdict
        return Verdict("send")

    def _reused_key(self, wish: Wish) -> Verdict | None:
        """The key was used before, for another wish."""
        last = self.latest(wish.account, wish.request_key)
        if last is None or last.digest == wish.digest:
            return None
        return Verdict("reused", last)

    def _standing_attempt(self, wish: Wish) -> Verdict | None:
        """The wish came true already, or somebody is sending it right now."""
        standing = self._found(
            "standing_of_wish", account=wish.account, request_key=wish.request_key
        )
        for intent in standing:
            if intent.lives:
                return Verdict("replay", intent)
        for intent in standing:
            if intent.state != "unknown" and not self.may_confirm(intent):
                return Verdict("wait", intent)
        return None

    def _doubt(self, wish: Wish) -> Verdict | None:
        """Something may have been rented and nobody knows: the wish's own doubt comes first, since
        settling that may answer the wish.
        """
        others: list[Intent] = []
        for intent in self.open_intents(wish.account):
            if intent.request_key == wish.request_key:
                return self._of_doubt(intent)
            others.append(intent)
        if wish.allow_unresolved or not others:
            return None
        return self._of_doubt(others[0])

    def _of_doubt(self, intent: Intent) -> Verdict:
        if self.may_confirm(intent):
            return Verdict("reconcile", intent)
        return Verdict("wait", intent)

    def _offer_already_rented(self, wish: Wish) -> Verdict | None:
        """A machine of ours came from this offer, and the caller gave no key that tells the two
        wishes apart.
        """
        if not wish.derived:
            return None
        for intent in self._found(
            "living_from_offer", account=wish.account, offer_id=wish.offer_id
        ):
            return Verdict("already_rented", intent)
        return None

    def was_absent(self, wish: Wish) -> bool:
        """Whether a request of this wish was sent once and proven to have made nothing."""
        return bool(
            self._found("absent_of_wish", account=wish.account, request_key=wish.request_key)
        )

    def tokens_of(self, wish: Wish) -> list[str]:
        """Every token that this wish was ever sent with."""
        sent = self._found("attempts_of_wish", account=wish.account, request_key=wish.request_key)
        return [intent.token for intent in sent]

    def ended_of(self, wish: Wish) -> list[Intent]:
        """The attempts of a wish whose machines were ended for their price."""
        sent = self._found("attempts_of_wish", account=wish.account, request_key=wish.request_key)
        return [intent for intent in sent if intent.over_usd_per_hour is not None]

    def latest(self, account: str, request_key: str) -> Intent | None:
        """The newest attempt under a key."""
        return self._first("latest_of_wish", account=account, request_key=request_key)

    # ── one attempt ────────────────────────────────────────────────────────────────────────────

    def by_token(self, token: str) -> Intent | None:
        """The attempt that was sent with this token."""
        return self._first("by_token", token=token)

    def by_instance(self, instance_id: int, account: str | None) -> Intent | None:
        """The newest attempt that holds a machine, of one account where that is known."""
        if not holds(instance_id):
            return None
        return self._first("by_instance", instance_id=instance_id, account=account)

    def may_settle(self, intent: Attempt) -> bool:
        """Whether this process may say what became of an attempt: its owner may, once it is done
        sending, and anyone once the owner is gone.
        """
        if intent.owner == self.owner:
            return intent.token not in self._flying
        return not self._owner.alive(intent.owner)

    def may_confirm(self, intent: Attempt) -> bool:
        """Whether this process may say that a machine came of an attempt: whoever may settle it,
        and anyone once it has taken longer than a request may, since its owner may stand still.
        """
        return self.may_settle(intent) or self._is_overdue(intent)

    def _is_overdue(self, intent: Attempt) -> bool:
        """Whether a request to rent that was made or sent then has had its whole time, by a clock
        that may have been set.
        """
        longest = self._unsent_s if intent.state == "intended" else self._put_s
        return intent.tried_at is None or abs(time.time() - intent.tried_at) > longest

    def may_leave(self, intent: Attempt, claimed: float) -> bool:
        """Whether an attempt of ours may still be sent. It was announced at `claimed`, on the
        monotonic clock, which stands still while a computer sleeps; the other one may be set.
        """
        made_at = intent.made_at or 0.0
        waited = max(abs(time.time() - made_at), time.monotonic() - claimed)
        return waited <= self._unsent_s

    def is_young(self, intent: Attempt, seconds: float) -> bool:
        """Whether an attempt was made so lately that its machine's row may not be readable yet."""
        return intent.made_at is not None and time.time() - intent.made_at < seconds

    def is_new(self, account: str, seconds: float) -> bool:
        """Whether the journal may lack what was rented before it: it has no attempt of this
        account that is older, or took the place of another file since then. One in memory is as
        old as its world.
        """
        if self._db.folder is None:
            return False
        before = time.time() - seconds
        if self._db.replaced_since(before):
            return True
        return self._first("old_attempt", account=account, before=before) is None

    # ── an account ─────────────────────────────────────────────────────────────────────────────

    def open_intents(self, account: str) -> list[Intent]:
        """Attempts whose outcome is in doubt: unknown, or sending with nobody at it, or for longer
        than a request may take. Oldest first.
        """
        return [intent for intent in self.underway(account) if self._is_in_doubt(intent)]

    def _is_in_doubt(self, intent: Intent) -> bool:
        is_left = intent.state == "sending" and self.may_confirm(intent)
        return is_left or intent.state == "unknown"

    def _was_orphaned(self, intent: Intent) -> bool:
        """Whether an attempt was announced, and its owner died or stood still before sending it."""
        return intent.state == "intended" and self.may_confirm(intent)

    def underway(self, account: str) -> list[Intent]:
        """Attempts that may still become machines: announced, on their way, or in doubt."""
        return self._found("underway", account=account)

    def living(self, account: str) -> list[Intent]:
        """Confirmed machines not proven gone."""
        return self._found("living", account=account)

    def gone_since(self, account: str, since: float) -> list[Intent]:
        """Machines of the newest attempts that were proven gone at this time, in epoch seconds, or
        later.
        """
        return self._found("gone_since", account=account, since=since)

    def lease_ends(self, account: str) -> dict[int, float]:
        """When the leases of an account's living machines end, in epoch seconds, by machine."""
        return {
            intent.instance_id: intent.lease_until
            for intent in self._found("leased", account=account)
            if intent.instance_id and intent.lease_until
        }

    def births(self, account: str) -> Iterator[tuple[int, float]]:
        """Births of an account's machines, in epoch seconds: as its attempts were made, and as
        rows of Vast's have named them.
        """
        for intent in self.living(account):
            born_at = intent.born_at or intent.tried_at
            if intent.instance_id and born_at:
                yield intent.instance_id, born_at
        for row in self._db.rows("births", account=account):
            instance_id, born_at = id_of(row["instance_id"]), time_of(row["born_at"])
            if instance_id and born_at:
                yield instance_id, born_at

    def unannounced(self, account: str) -> list[Intent]:
        """Machines nobody may have heard of: found late, rented by a process that died before it
        could answer, or ended with their lease.
        """
        return [
            intent
            for intent in self._found("announced", account=account)
            if intent.announce is not Notice.RENTED or self.may_settle(intent)
        ]

    # ── the whole journal ──────────────────────────────────────────────────────────────────────

    def any_lease(self) -> bool:
        """Whether a living machine of any account has a lease."""
        return bool(self._found("any_lease"))

    def anything_open(self) -> bool:
        """Whether any attempt of any account is in doubt or on its way."""
        return bool(self._found("anything_open"))

    def any_unjudged(self) -> bool:
        """Whether a machine of any account was rented under a limit, and nobody has compared its
        price with that or told of it.
        """
        return bool(self._found("any_unjudged"))

    def _left_anything_open(self, owner: str) -> bool:
        return bool(self._found("open_of_owner", owner=owner))

    def _found(self, query: str, **values: object) -> list[Intent]:
        return [intent_of(row) for row in self._db.rows(query, **values)]

    def _first(self, query: str, **values: object) -> Intent | None:
        found = self._found(query, **values)
        if not found:
            return None
        return found[0]
