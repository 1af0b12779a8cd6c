"""The durable record of every attempt to rent, shared by all servers of one user
(docs/protocol.md).

intended → sending → confirmed | refused | unknown;  unknown → confirmed | absent;  absent →
confirmed (found late) or unknown (reopened);  intended with a dead owner → abandoned, since it
was never sent.

Every change is committed, to the disk, before the act that it announces. No transaction is open
across a request. Each process that rents holds an OS file lock for its life; only the owner
settles its attempts while that lock is held.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.journal.answers import Answers
from vast_mcp.journal.approvals import Approvals
from vast_mcp.journal.copies import Copies
from vast_mcp.journal.database import Database
from vast_mcp.journal.deposits import Deposits
from vast_mcp.journal.elsewhere import Elsewhere
from vast_mcp.journal.host_keys import HostKeys
from vast_mcp.journal.jobs import Jobs
from vast_mcp.journal.looks import metered, watched
from vast_mcp.journal.met import Met
from vast_mcp.journal.plan_records import TryOf
from vast_mcp.journal.plans import Plans
from vast_mcp.journal.pulled import Pulled
from vast_mcp.journal.questions import Questions
from vast_mcp.journal.records import (
    TOKEN_DIGITS,
    Allowed,
    Approval,
    Intent,
    News,
    Notice,
    Wish,
    canonical,
    holds,
)
from vast_mcp.journal.reservations import Reservations
from vast_mcp.journal.runs import Runs
from vast_mcp.journal.volumes import MadeVolumes
from vast_mcp.settings import Times


class Journal(Questions):
    """Every attempt to rent; beside it, the reservations and the approvals that its transactions
    count and spend. What is here changes something; what only reads is in Questions.

    The storm stops here: it wraps mark_sending, mark_unknown, mark_confirmed, mark_refused and
    mark_absent to kill the process before and after each commit (tests/storm/served.py).
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        put_s: float = Times.put_s,
        driver_s: float = Times.driver_s,
    ) -> None:
        super().__init__(Database(folder), put_s)
        self.reservations = Reservations(self._db)
        self.deposits = Deposits(self._db, put_s)
        self.elsewhere = Elsewhere(self._db)
        self.watched = watched(self._db)
        self.host_keys = HostKeys(self._db)
        self.met = Met(self._db)
        self.pulled = Pulled(self._db)
        self.metered = metered(self._db)
        self.approvals = Approvals(self._db, self.digest)
        self.answers = Answers(self._db)
        self.jobs = Jobs(self._db)
        self.copies = Copies(self._db)
        self.plans = Plans(self._db, self.owner, self._owner.alive, driver_s)
        self.runs = Runs(self._db, self.owner, self._owner.alive)
        self.volumes = MadeVolumes(self._db, self, self._flying)
        self.path, self.exists, self.alone = self._db.path, self._db.exists, self._db.alone
        self.take_ownership, self.lease_lock = self._owner.take, self._owner.lease_lock

    @property
    def file(self) -> tuple[int, int] | None:
        """The open file, as the system numbers it; None in memory."""
        return self._db.file

    def lost(self) -> str | None:
        """A sentence about the journal that was here before, where this one is not the first."""
        return self._db.lost()

    def close(self) -> None:
        self._db.close()
        self._owner.close()

    # ── digests and accounts ───────────────────────────────────────────────────────────────────

    def digest(self, value: Json) -> str:
        """HMAC over canonical JSON with a key of this journal's own: equal wishes are equal, and
        nothing leaks.
        """
        return hmac.new(self._local_key(), canonical(value), hashlib.sha256).hexdigest()

    def _local_key(self) -> bytes:
        rows = self._db.rows("local_key")
        if not rows:
            with self._db.alone():
                self._db.write("make_local_key", key=secrets.token_bytes(32))
            rows = self._db.rows("local_key")
        key = rows[0]["value"]
        if not isinstance(key, bytes) or not key:
            raise errors.JournalUnavailable(
                "The journal of rentals has lost the key that its digests are made with: somebody "
                "edited it. Reading still works; a copy of the file from before mends it."
            )
        return key

    def account(self, key_digest: str) -> str | None:
        """The account that a key was seen to belong to, and to be allowed to list."""
        for row in self._db.rows("account_of_key", key_digest=key_digest):
            return str(row["account"])
        return None

    def remember_account(self, key_digest: str, account: str) -> None:
        self._db.write("remember_account", key_digest=key_digest, account=account, now=time.time())

    # ── the life of an attempt ─────────────────────────────────────────────────────────────────

    def intend(
        self,
        wish: Wish,
        label: str,
        *,
        usd_per_hour: float | None = None,
        lease_until: float | None = None,
        approval: Approval | None = None,
        facts: Json | None = None,
        allowed: Allowed | None = None,
        born_at: float | None = None,
        try_of: TryOf | None = None,
    ) -> Intent:
        """Announce an attempt, in alone(), where consider() said "send". `usd_per_hour`: the
        most it may cost, under the limits `allowed`. `facts`: what the answer will say, so that a
        replay says the same. `born_at`: now, by Vast's clock. `try_of`: the try of a plan that it
        is. Raises NeedsConfirmation, and as Plans.claim_try.
        """
        under = allowed or Allowed()
        token = (wish.digits + secrets.token_hex(8))[:TOKEN_DIGITS]
        self._db.write(
            "intend",
            token=token,
            account=wish.account,
            request_key=wish.request_key,
            digest=wish.digest,
            offer_id=wish.offer_id,
            label=f"{label}#{token}",
            wanted=wish.wanted,
            owner=self.owner,
            now=time.time(),
            usd_per_hour=usd_per_hour,
            lease_until=lease_until,
            facts=json.dumps(facts or {}),
            max_usd_per_hour=under.machine,
            max_total_usd_per_hour=under.total,
            counted_usd_per_hour=under.counted,
            volume_usd_per_hour=under.volume,
            born_at=born_at,
        )
        if approval is not None:
            self.approvals.spend(approval, token)
        intent = self._found("by_token", token=token)[0]
        if try_of is not None:
            self.plans.claim_try(try_of, intent)
        self._flying.add(token)
        return intent

    def abandon_unsent(self, account: str) -> None:
        """Give up the attempts that were announced and that nobody will send any more, so that the
        limits need not count them: their owner died, or stood still for longer than a request may
        take, and then sends nothing as it wakes.
        """
        for intent in self.underway(account):
            if self._was_orphaned(intent):
                self._db.write("abandon", id=intent.id)

    def mark_sending(self, intent: Intent) -> None:
        """Announce that the PUT leaves now. Raises NotRented where it must not."""
        changed = self._db.write("mark_sending", id=intent.id, now=time.time())
        if not changed:
            raise errors.NotRented(
                "Another process gave this attempt up, since it was not sent in "
                "time. The same call is safe to repeat."
            )

    def mark_landed(self, intent: Intent) -> None:
        """The sending is over, whatever became of it and whether or not that could be written
        down.
        """
        self._flying.discard(intent.token)

    def mark_refused(self, intent: Intent, reason: str) -> None:
        """The attempt was refused: by us before it was sent, by the lack of a connection, or by
        Vast in so many words.
        """
        self._db.write("mark_refused", id=intent.id, reason=reason, now=time.time())

    def mark_unknown(self, intent: Intent) -> None:
        """The request was sent, and no verdict came."""
        self._db.write("mark_unknown", id=intent.id)

    def mark_confirmed(
        self,
        intent: Intent,
        instance_id: int,
        *,
        stopped: bool = False,
        announce: Notice = Notice.RENTED,
    ) -> None:
        """The machine is known by its id from here on, never by its label. It is announced until
        an answer names it.
        """
        self._db.write(
            "mark_confirmed",
            id=intent.id,
            instance_id=instance_id,
            stopped=stopped,
            announce=announce,
            now=time.time(),
        )

    def mark_absent(self, intent: Intent) -> None:
        """The attempt is proven to have made nothing, by the rules of docs/protocol.md; its token
        stays watched.
        """
        self._db.write("mark_absent", id=intent.id, now=time.time())

    def reopen(self, wish: Wish, sent_after: float) -> bool:
        """Put the absent attempts of a wish back in doubt: somebody took the offer, and it may
        have been us.

        They become this process's: none of them is on its way any more, and whoever asks wants
        the answer.
        """
        return self._db.changes(
            "reopen",
            owner=self.owner,
            account=wish.account,
            request_key=wish.request_key,
            sent_after=sent_after,
        )

    # ── the life of a machine ──────────────────────────────────────────────────────────────────

    def adopt(self, intent: Intent) -> Intent:
        """Take a machine that another journal rented for a wish of ours as that wish's, in alone(),
        where consider() said "send". What the journal has of it then.
        """
        self._db.write(
            "adopt",
            token=intent.token,
            account=intent.account,
            request_key=intent.request_key,
            digest=intent.digest,
            offer_id=intent.offer_id,
            label=intent.label,
            wanted=intent.wanted,
            owner=self.owner,
            now=time.time(),
            instance_id=intent.instance_id,
            stopped=intent.stopped,
            announce=Notice.RENTED,
            usd_per_hour=intent.usd_per_hour,
            lease_until=intent.lease_until,
            facts=json.dumps(intent.facts),
        )
        self.elsewhere.drop(intent.account, intent.instance_id or 0)
        return self._found("by_token", token=intent.token)[0]

    def add_twin(self, intent: Intent, instance_id: int) -> None:
        """Record a second machine with the token of a confirmed one: something on the way
        repeated the request.
        """
        self._db.write(
            "add_twin",
            token=f"{intent.token}+{instance_id}",
            account=intent.account,
            request_key=f"twin-{instance_id}",
            offer_id=intent.offer_id,
            label=intent.label,
            wanted=intent.wanted,
            owner=self.owner,
            made_at=intent.made_at or time.time(),
            sent_at=intent.sent_at,
            now=time.time(),
            instance_id=instance_id,
            announce=Notice.LATE,
            lease_until=intent.lease_until,
            usd_per_hour=intent.usd_per_hour,
            max_usd_per_hour=intent.allowed.machine,
        )

    def mark_started(self, instance_id: int) -> None:
        """A machine that was found stopped runs now: its wish came true after all."""
        self._db.write("mark_started", instance_id=instance_id)

    def mark_gone(self, account: str, instance_ids: Iterable[int]) -> None:
        """The machines are proven gone: a wish for one may rent anew. Ids are an account's own: a
        sandbox's are no real machine's.
        """
        for instance_id in filter(holds, instance_ids):
            self._db.write("mark_gone", account=account, instance_id=instance_id, now=time.time())
            self.reservations.drop(account, instance_id)
            self.elsewhere.drop(account, instance_id)

    def set_lease(self, account: str, instance_id: int, until: float) -> bool:
        """A living machine's lease was read back at Vast as ending then. Only ever later: two
        calls may overtake each other. False where the journal does not know the machine.
        """
        if not holds(instance_id):
            return False
        return self._db.changes("set_lease", account=account, instance_id=instance_id, until=until)

    def note_facts(self, intent: Intent, facts: Json) -> None:
        """What is said of a machine from here on: it was made anew since it was rented."""
        self._db.write("note_facts", token=intent.token, facts=json.dumps(facts))

    def begin_lease(self, account: str, instance_id: int, until: float) -> None:
        """A machine that was handed over without an end has a lease again, as read back at Vast."""
        if holds(instance_id):
            self._db.write("begin_lease", account=account, instance_id=instance_id, until=until)

    def note_births(self, account: str, births: Mapping[int, float]) -> None:
        """Rows of Vast's named these births, in epoch seconds: only ever earlier ones count."""
        for instance_id, born_at in births.items():
            if holds(instance_id):
                self._db.write(
                    "note_birth", account=account, instance_id=instance_id, born_at=born_at
                )

    def mark_ended(self, account: str, instance_id: int) -> bool:
        """The machine was destroyed because its lease was over: announced until an answer says
        so. False where it is not known.
        """
        if not holds(instance_id):
            return False
        return self._db.changes(
            "mark_ended", account=account, instance_id=instance_id, announce=Notice.ENDED
        )

    def mark_judged(self, intent: Intent) -> None:
        """The machine's price was read, and it may live by the limits that it was sent under."""
        self._db.write("mark_judged", id=intent.id, now=time.time())

    def mark_over(self, intent: Intent, usd_per_hour: float, volume_left: int | None) -> bool:
        """Announce that the machine is ended now, since it costs more than a limit that it was
        sent under. False where an answer has named it since.
        """
        return self._db.changes(
            "mark_over",
            token=intent.token,
            usd_per_hour=usd_per_hour,
            volume_left=volume_left,
            announce=Notice.ENDED,
        )

    def mark_volume_gone(self, intent: Intent) -> None:
        """The new volume of a machine that was ended is gone too."""
        self._db.write("mark_volume_gone", token=intent.token)

    def mark_told(self, news: Iterable[News]) -> None:
        """An answer that told these has arrived. What has become of a machine since is still to be
        told.
        """
        for token, told in news:
            if told is Notice.JOB_OVER:
                self.jobs.mark_told(token)
            elif told is Notice.PLAN:
                self.plans.mark_told(token)
            elif told in {Notice.VOLUME, Notice.VOLUME_ENDED}:
                self.volumes.mark_told(token, ended=told is Notice.VOLUME_ENDED)
            else:
                self._db.write("mark_told", token=token, told=told, announce=Notice.NOTHING)
