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
from collections.abc import Iterable
from pathlib import Path

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.journal.approvals import Approvals
from vast_mcp.journal.database import Database, immediate
from vast_mcp.journal.locks import Owner
from vast_mcp.journal.records import (
    COLUMNS,
    ENDED,
    LATE,
    RENTED,
    Approval,
    Intent,
    Verdict,
    Wish,
    intent_of,
)
from vast_mcp.journal.reservations import Reservations

_OPEN = "state IN ('intended', 'sending', 'unknown')"
_LIVING = "state = 'confirmed' AND gone_at IS NULL"


class Journal:
    """Every attempt to rent; beside it, the reservations and the approvals that its transactions
    count and spend.
    """

    def __init__(self, folder: Path | None) -> None:
        self._db = Database(folder)
        self._owner = Owner(
            self._db, lambda owner: bool(self._rows("owner = ? AND " + _OPEN, owner))
        )
        self._flying: set[str] = set()  # tokens that this process is sending right now
        self.reservations = Reservations(self._db)
        self.approvals = Approvals(self._db, self.digest)
        self.owner = self._owner.name
        self.path, self.exists, self.alone = self._db.path, self._db.exists, self._db.alone
        self.take_ownership, self.lease_lock = self._owner.take, self._owner.lease_lock

    def close(self) -> None:
        self._db.close()
        self._owner.close()

    # ── digests and accounts ───────────────────────────────────────────────────────────────────

    def digest(self, value: Json) -> str:
        """HMAC over canonical JSON with a key of this journal's own: equal wishes are equal, and
        nothing leaks.
        """
        text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hmac.new(self._local_key(), text.encode(), hashlib.sha256).hexdigest()

    def _local_key(self) -> bytes:
        db = self._db.open()
        with self._db.guard():
            row = db.execute("SELECT value FROM facts WHERE name = 'hmac_key'").fetchone()
            if row is None:
                with immediate(db):
                    db.execute(
                        "INSERT OR IGNORE INTO facts VALUES ('hmac_key', ?)",
                        (secrets.token_bytes(32),),
                    )
                row = db.execute("SELECT value FROM facts WHERE name = 'hmac_key'").fetchone()
        return bytes(row[0])

    def account(self, key_digest: str) -> str | None:
        """The account that a key was seen to belong to, and to be allowed to list."""
        db = self._db.open()
        with self._db.guard():
            row = db.execute(
                "SELECT account FROM accounts WHERE key_digest = ?", (key_digest,)
            ).fetchone()
        return str(row[0]) if row else None

    def remember_account(self, key_digest: str, account: str) -> None:
        self._db.write(
            "INSERT OR REPLACE INTO accounts VALUES (?, ?, ?)", key_digest, account, time.time()
        )

    # ── the life of an attempt ─────────────────────────────────────────────────────────────────

    def mark_landed(self, intent: Intent) -> None:
        """The sending is over, whatever became of it and whether or not that could be written
        down.
        """
        self._flying.discard(intent.token)

    def intend(
        self,
        wish: Wish,
        label: str,
        *,
        usd_per_hour: float | None = None,
        lease_until: float | None = None,
        approval: Approval | None = None,
        facts: Json | None = None,
    ) -> Intent:
        """Announce an attempt, in alone(), where consider() said "send". `usd_per_hour`: the
        most it may cost. `facts`: what the answer will say, so that a replay says the same.
        Raises NeedsConfirmation.
        """
        token = secrets.token_hex(8)
        self._db.write(
            "INSERT INTO intents"
            " (token, account, request_key, digest, offer_id, label, wanted, state, owner, "
            "made_at, usd_per_hour,"
            " lease_until, facts) VALUES (?, ?, ?, ?, ?, ?, ?, 'intended', ?, ?, ?, ?, ?)",
            token,
            wish.account,
            wish.request_key,
            wish.digest,
            wish.offer_id,
            f"{label}#{token}",
            wish.wanted,
            self.owner,
            time.time(),
            usd_per_hour,
            lease_until,
            json.dumps(facts or {}),
        )
        if approval is not None:
            self.approvals.spend(approval, token)
        self._flying.add(token)
        return self._rows("token = ?", token)[0]

    def consider(self, wish: Wish) -> Verdict:
        """What the wish meets here, changing nothing but the dead: attempts never sent become
        abandoned.
        """
        last = self.latest(wish.account, wish.request_key)
        if last is not None and last.digest != wish.digest:
            return Verdict("reused", last)
        live = self._rows(
            f"account = ? AND request_key = ? AND ({_OPEN} OR {_LIVING}) ORDER BY id DESC",
            wish.account,
            wish.request_key,
        )
        for intent in live:
            if intent.lives:
                return Verdict("replay", intent)
        for intent in live:
            if intent.state != "unknown" and not self.may_settle(intent):
                return Verdict("wait", intent)
        doubts = self.open_intents(wish.account)
        if wish.allow_unresolved:
            doubts = [doubt for doubt in doubts if doubt.request_key == wish.request_key]
        # Its own doubt first: settling that may answer the wish.
        for doubt in sorted(doubts, key=lambda doubt: doubt.request_key != wish.request_key):
            return Verdict("reconcile" if self.may_settle(doubt) else "wait", doubt)
        if wish.derived:
            for intent in self._rows(
                f"account = ? AND offer_id = ? AND {_LIVING}", wish.account, wish.offer_id
            ):
                return Verdict("already_rented", intent)
        return Verdict("send")

    def may_settle(self, intent: Intent) -> bool:
        """Only the owner settles its attempts, once it is done sending, or anyone once the owner
        is gone.
        """
        return (
            intent.token not in self._flying
            if intent.owner == self.owner
            else not self._owner.alive(intent.owner)
        )

    def open_intents(self, account: str) -> list[Intent]:
        """Attempts whose outcome is in doubt: unknown, or sending with nobody at it. Oldest
        first.

        Attempts that nobody will send any more become abandoned on the way.
        """
        found: list[Intent] = []
        for intent in self._rows("account = ? AND " + _OPEN + " ORDER BY id", account):
            if intent.state == "unknown":
                found.append(intent)
            elif self.may_settle(intent):
                if intent.state == "sending":
                    found.append(intent)
                else:
                    self._db.write(
                        "UPDATE intents SET state = 'abandoned' WHERE id = ? AND state = "
                        "'intended'",
                        intent.id,
                    )
        return found

    def mark_sending(self, intent: Intent) -> None:
        """Announced before the PUT leaves."""
        changed = self._db.write(
            "UPDATE intents SET state = 'sending', sent_at = ? WHERE id = ? AND state = 'intended'",
            time.time(),
            intent.id,
        )
        if not changed:
            raise errors.JournalUnavailable(
                "Nothing was sent: another process gave this attempt up. Repeat the call."
            )

    def mark_refused(self, intent: Intent, reason: str) -> None:
        """Refused: by us before it was sent, by the lack of a connection, or by Vast in so many
        words.
        """
        self._db.write(
            "UPDATE intents SET state = 'refused', reason = ?, settled_at = ? WHERE id = ? "
            "AND state IN ('intended', 'sending')",
            reason,
            time.time(),
            intent.id,
        )

    def mark_unknown(self, intent: Intent) -> None:
        """Sent, and no verdict came."""
        self._db.write(
            "UPDATE intents SET state = 'unknown' WHERE id = ? AND state = 'sending'", intent.id
        )

    def mark_confirmed(
        self,
        intent: Intent,
        instance_id: int,
        *,
        stopped: bool = False,
        announce: int = RENTED,
    ) -> None:
        """The machine is known by its id from here on, never by its label. It is announced until
        an answer names it.
        """
        self._db.write(
            "UPDATE intents SET state = 'confirmed', instance_id = ?, stopped = ?, announce = "
            "?, "
            "settled_at = ? "
            "WHERE id = ? AND state != 'confirmed'",
            instance_id,
            int(stopped),
            announce,
            time.time(),
            intent.id,
        )

    def mark_absent(self, intent: Intent) -> None:
        """The attempt is proven to have made nothing, by the rules of docs/protocol.md; its token
        stays watched.
        """
        self._db.write(
            "UPDATE intents SET state = 'absent', settled_at = ? WHERE id = ? AND state IN "
            "('unknown', 'sending')",
            time.time(),
            intent.id,
        )

    def was_absent(self, wish: Wish) -> bool:
        """Whether a request of this wish was sent once and proven to have made nothing."""
        return bool(
            self._rows(
                "account = ? AND request_key = ? AND state = 'absent' LIMIT 1",
                wish.account,
                wish.request_key,
            )
        )

    def reopen(self, wish: Wish, sent_after: float) -> bool:
        """Put the absent attempts of a wish back in doubt: somebody took the offer, and it may
        have been us.

        They become this process's: none of them is on its way any more, and whoever asks wants
        the answer.
        """
        changed = self._db.write(
            "UPDATE intents SET state = 'unknown', owner = ? WHERE account = ? AND request_key "
            "= ? "
            "AND state = 'absent' AND sent_at > ?",
            self.owner,
            wish.account,
            wish.request_key,
            sent_after,
        )
        return changed > 0

    def twin(self, intent: Intent, instance_id: int) -> None:
        """A second machine with the token of a confirmed one: something on the way repeated the
        request.
        """
        self._db.write(
            "INSERT OR IGNORE INTO intents (token, account, request_key, digest, offer_id, "
            "label, "
            "wanted, state,"
            " owner, made_at, sent_at, settled_at, instance_id, announce, lease_until)"
            " VALUES (?, ?, ?, '', ?, ?, ?, 'confirmed', ?, ?, ?, ?, ?, ?, ?)",
            f"{intent.token}+{instance_id}",
            intent.account,
            f"twin-{instance_id}",
            intent.offer_id,
            intent.label,
            intent.wanted,
            self.owner,
            intent.made_at,
            intent.sent_at,
            time.time(),
            instance_id,
            LATE,
            intent.lease_until,
        )

    def mark_started(self, instance_id: int) -> None:
        """A machine that was found stopped runs now: its wish came true after all."""
        self._db.write("UPDATE intents SET stopped = 0 WHERE instance_id = ?", instance_id)

    def mark_gone(self, account: str, instance_ids: Iterable[int]) -> None:
        """Proven gone: a wish for it may rent anew. Ids are an account's own: a sandbox's are no
        real machine's.
        """
        for instance_id in instance_ids:
            self._db.write(
                "UPDATE intents SET gone_at = ? WHERE account = ? AND instance_id = ? AND "
                "gone_at "
                "IS NULL",
                time.time(),
                account,
                instance_id,
            )
            self._db.write(
                "DELETE FROM holds WHERE account = ? AND instance_id = ?", account, instance_id
            )

    def set_lease(self, account: str, instance_id: int, until: float) -> bool:
        """A living machine's lease was read back at Vast as ending then. Only ever later: two
        calls may overtake each other. False where the journal does not know the machine.
        """
        return bool(
            self._db.write(
                "UPDATE intents SET lease_until = max(coalesce(lease_until, 0), ?) WHERE "
                "account = "
                "? "
                "AND instance_id = ? AND state = 'confirmed' AND gone_at IS NULL",
                until,
                account,
                instance_id,
            )
        )

    def lease_ends(self, account: str) -> dict[int, float]:
        """When the leases of an account's living machines end, in epoch seconds, by machine."""
        rows = self._rows(
            f"account = ? AND {_LIVING} AND lease_until IS NOT NULL ORDER BY id", account
        )
        return {
            row.instance_id: row.lease_until for row in rows if row.instance_id and row.lease_until
        }

    def any_lease(self) -> bool:
        """Whether a living machine of any account has one."""
        return bool(self._rows(f"{_LIVING} AND lease_until IS NOT NULL LIMIT 1"))

    def mark_ended(self, account: str, instance_id: int) -> bool:
        """Destroyed because its lease was over: announced until an answer says so. False where
        it is not known.
        """
        return bool(
            self._db.write(
                "UPDATE intents SET announce = ? WHERE account = ? AND instance_id = ? AND "
                "state = "
                "'confirmed'",
                ENDED,
                account,
                instance_id,
            )
        )

    def anything_open(self) -> bool:
        """Whether any attempt of any account is in doubt or on its way."""
        return bool(self._rows(_OPEN + " LIMIT 1"))

    def by_token(self, token: str) -> Intent | None:
        rows = self._rows("token = ?", token)
        return rows[0] if rows else None

    def by_instance(self, instance_id: int, account: str | None = None) -> Intent | None:
        """The newest attempt that holds a machine, of one account where it is given."""
        rows = self._rows(
            "instance_id = ? AND account = coalesce(?, account) ORDER BY id DESC LIMIT 1",
            instance_id,
            account,
        )
        return rows[0] if rows else None

    def latest(self, account: str, request_key: str) -> Intent | None:
        rows = self._rows(
            "account = ? AND request_key = ? ORDER BY id DESC LIMIT 1", account, request_key
        )
        return rows[0] if rows else None

    def living(self, account: str) -> list[Intent]:
        """Confirmed machines not proven gone."""
        return self._rows(f"account = ? AND {_LIVING} ORDER BY id", account)

    def underway(self, account: str) -> list[Intent]:
        """Attempts that may still become machines: announced, on their way, or in doubt."""
        return self._rows(f"account = ? AND {_OPEN} ORDER BY id", account)

    def tokens_of(self, wish: Wish) -> list[str]:
        """Every token that this wish was ever sent with."""
        return [
            i.token
            for i in self._rows("account = ? AND request_key = ?", wish.account, wish.request_key)
        ]

    def is_young(self, intent: Intent, seconds: float) -> bool:
        """Whether an attempt was made so lately that its machine's row may not be readable yet."""
        return time.time() - intent.made_at < seconds

    def unannounced(self, account: str) -> list[Intent]:
        """Machines nobody may have heard of: found late, rented by a process that died before it
        could answer, or ended with their lease.
        """
        return [
            intent
            for intent in self._rows("account = ? AND announce > 0 ORDER BY id", account)
            if intent.announce in {LATE, ENDED} or self.may_settle(intent)
        ]

    def mark_told(self, tokens: Iterable[str]) -> None:
        """An answer that names them has arrived."""
        for token in tokens:
            self._db.write("UPDATE intents SET announce = 0 WHERE token = ?", token)

    def _rows(self, where: str, *values: object) -> list[Intent]:
        db = self._db.open()
        with self._db.guard():
            return [
                intent_of(row)
                for row in db.execute(f"SELECT {COLUMNS} FROM intents WHERE {where}", values)  # noqa: S608
            ]
