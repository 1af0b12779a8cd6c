"""The durable record of every attempt to rent, shared by all servers of one user (renting.md).

intended → sending → confirmed | refused | unknown;  unknown → confirmed | absent;  absent → confirmed (found late) or
unknown (reopened);  intended with a dead owner → abandoned, since it was never sent.

Every change is committed, to the disk, before the act that it announces. No transaction is open across a request.
Each process that rents holds an OS file lock for its life; only the owner settles its attempts while that lock is held.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import anyio

from vast_mcp import errors
from vast_mcp.errors import Json

# Loaded where they are used, with the first rental: a server that only lists its tools needs neither.
if TYPE_CHECKING:
    import sqlite3

    from filelock import FileLock

VERSION = 2
# `announce`: its answer may not have arrived; found after it had been given up; destroyed since its lease ended
RENTED, LATE, ENDED = 1, 2, 3
BUSY_S = 5.0
BUSY_LOOK_S = 0.01
SWEEP_AFTER_S = 3600.0
CODE_S = 600.0  # a code waits so long to be approved, and its approval so long to be used
QUESTIONS_KEPT_S = 86_400.0
FLIGHT_S = 600.0  # no call lasts so long
LEASES_LOOK_S = 0.05
LEASES_S = 30.0  # how long another process may need to move or end a lease
State = Literal["intended", "sending", "confirmed", "refused", "unknown", "absent", "abandoned"]

_COLUMNS = (
    "id, token, account, request_key, digest, offer_id, label, wanted, state, owner, made_at, sent_at, instance_id, "
    "stopped, reason, facts, gone_at, announce, usd_per_hour, lease_until"
)

# After the last "#" of a label, strictly: 16 hexadecimal digits and nothing else.
_TOKEN = re.compile(r"#([0-9a-f]{16})\Z")


def token_of(label: str | None) -> str | None:
    """The token of the attempt that a machine was born of, where its label ends in one."""
    match = _TOKEN.search(label or "")
    return match.group(1) if match else None


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
    announce: int
    usd_per_hour: float | None
    lease_until: float | None

    @property
    def lives(self) -> bool:
        """Confirmed and not proven gone."""
        return self.state == "confirmed" and self.gone_at is None


@dataclass(frozen=True)
class Wish:
    """What is to be rented, as far as it is the same every time: whose, under which key, from which offer."""

    account: str
    request_key: str
    digest: str
    offer_id: int
    wanted: Literal["running", "stopped"]
    derived: bool  # the key was made from the arguments, not given
    allow_unresolved: bool  # doubts of other wishes do not stop it


@dataclass(frozen=True)
class Approval:
    """A person's yes, given in a shell: to what (a digest), and at most at which $/h. It is spent with the act."""

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
class Hold:
    """What an act on a machine may make it cost before any list shows it: on its way, in doubt, or seen to be so."""

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


class Journal:
    """One connection. `folder` None keeps it in memory: the in-process sandbox's journal dies with its world."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._db: sqlite3.Connection | None = None
        self._lock: FileLock | None = None
        self._flying: set[str] = set()  # tokens that this process is sending right now
        self._damaged: str | None = None  # where the damaged file went: this process rents nothing more
        self.owner = secrets.token_hex(8)

    # ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def path(self) -> Path | None:
        return self._folder / "journal.db" if self._folder else None

    def exists(self) -> bool:
        """Whether anything was ever written, without making it so. A damaged journal was, though its file is away.

        Raises JournalUnavailable where its folder may not be looked into.
        """
        if self._db is not None or self._damaged is not None:
            return True
        try:
            return self.path is not None and self.path.exists()
        except OSError as exc:
            raise _unusable(exc) from exc

    def _open(self) -> sqlite3.Connection:
        if self._damaged is not None:
            raise errors.JournalUnavailable(
                f"The journal of rentals was damaged and is kept as {self._damaged}. Look at show_instances; after a "
                "restart of this server a new journal begins."
            )
        if self._db is None:
            with self._guard():
                self._db = self._connect()
        return self._db

    def _connect(self) -> sqlite3.Connection:
        import sqlite3

        path = self.path
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Created before SQLite opens it, so that it and its WAL are never readable by others.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        give_up_at = time.monotonic() + BUSY_S
        while True:
            db = sqlite3.connect(path or ":memory:", timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=FULL")
                _migrate(db)
            except BaseException as exc:
                db.close()
                # SQLite does not wait by itself where a neighbour is just switching a new file to WAL, or closing it.
                if not _busy(exc) or time.monotonic() > give_up_at:
                    raise
                time.sleep(BUSY_LOOK_S)
            else:
                return db

    def hold(self) -> None:
        """Become an owner: from here to the end of the process, a lock says that we live."""
        if self._folder is None or self._lock is not None:
            return
        from filelock import FileLock

        owners = self._folder / "owners"
        with self._guard():
            owners.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(owners / f"{self.owner}.lock", mode=0o600, thread_local=False)
            lock.acquire(timeout=BUSY_S)  # somebody may be probing it at this moment
            self._lock = lock
        self._sweep(owners)

    def _sweep(self, owners: Path) -> None:
        """Remove the locks of processes that died long ago and left nothing open."""
        for path in owners.glob("*.lock"):
            owner = path.stem
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime < SWEEP_AFTER_S:
                    continue  # it may be about to be locked for the first time
            if not self._alive(owner) and not self._rows("owner = ? AND " + _OPEN, owner):
                path.unlink(missing_ok=True)

    def _alive(self, owner: str) -> bool:
        """Whether a process still runs. A lock that nobody holds means that it does not."""
        if owner == self.owner:
            return True
        if self._folder is None:
            return False
        path = self._folder / "owners" / f"{owner}.lock"
        if not path.exists():
            return False
        from filelock import FileLock, Timeout

        probe = FileLock(path, thread_local=False)
        try:
            probe.acquire(blocking=False)
        except Timeout:
            return True
        probe.release()
        return False

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # ── digests and accounts ─────────────────────────────────────────────────────────────────────────────────────────

    def digest(self, value: Json) -> str:
        """HMAC over canonical JSON with a key of this journal's own: equal wishes are equal, and nothing leaks."""
        text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hmac.new(self._local_key(), text.encode(), hashlib.sha256).hexdigest()

    def _local_key(self) -> bytes:
        db = self._open()
        with self._guard():
            row = db.execute("SELECT value FROM facts WHERE name = 'hmac_key'").fetchone()
            if row is None:
                with _immediate(db):
                    db.execute("INSERT OR IGNORE INTO facts VALUES ('hmac_key', ?)", (secrets.token_bytes(32),))
                row = db.execute("SELECT value FROM facts WHERE name = 'hmac_key'").fetchone()
        return bytes(row[0])

    def account(self, key_digest: str) -> str | None:
        """The account that a key was seen to belong to, and to be allowed to list."""
        db = self._open()
        with self._guard():
            row = db.execute("SELECT account FROM accounts WHERE key_digest = ?", (key_digest,)).fetchone()
        return str(row[0]) if row else None

    def remember_account(self, key_digest: str, account: str) -> None:
        self._write("INSERT OR REPLACE INTO accounts VALUES (?, ?, ?)", key_digest, account, time.time())

    # ── the life of an attempt ───────────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """The one writer among all processes of this folder: what is read inside still holds as it is committed."""
        db = self._open()
        with self._guard(), _immediate(db):
            yield

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
        """Announce an attempt, in alone(), where consider() said "send". `usd_per_hour`: the most it may cost. `facts`:
        what the answer will say, so that a replay says the same. Raises NeedsConfirmation.
        """
        token = secrets.token_hex(8)
        self._write(
            "INSERT INTO intents"
            " (token, account, request_key, digest, offer_id, label, wanted, state, owner, made_at, usd_per_hour,"
            " lease_until, facts) VALUES (?, ?, ?, ?, ?, ?, ?, 'intended', ?, ?, ?, ?, ?)",
            token, wish.account, wish.request_key, wish.digest, wish.offer_id, f"{label}#{token}", wish.wanted,
            self.owner, time.time(), usd_per_hour, lease_until, json.dumps(facts or {}),
        )  # fmt: skip
        if approval is not None:
            self.spend(approval, token)
        self._flying.add(token)
        return self._rows("token = ?", token)[0]

    def landed(self, intent: Intent) -> None:
        """The sending is over, whatever became of it and whether or not that could be written down."""
        self._flying.discard(intent.token)

    def consider(self, wish: Wish) -> Verdict:
        """What the wish meets here, changing nothing but the dead: attempts never sent become abandoned."""
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
            for intent in self._rows(f"account = ? AND offer_id = ? AND {_LIVING}", wish.account, wish.offer_id):
                return Verdict("already_rented", intent)
        return Verdict("send")

    def may_settle(self, intent: Intent) -> bool:
        """Only the owner settles its attempts, once it is done sending, or anyone once the owner is gone."""
        return intent.token not in self._flying if intent.owner == self.owner else not self._alive(intent.owner)

    def open_intents(self, account: str) -> list[Intent]:
        """Attempts whose outcome is in doubt: unknown, or sending with nobody at it. Oldest first.

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
                    self._write("UPDATE intents SET state = 'abandoned' WHERE id = ? AND state = 'intended'", intent.id)
        return found

    def sending(self, intent: Intent) -> None:
        """Announced before the PUT leaves."""
        changed = self._write(
            "UPDATE intents SET state = 'sending', sent_at = ? WHERE id = ? AND state = 'intended'",
            time.time(),
            intent.id,
        )
        if not changed:
            raise errors.JournalUnavailable("Nothing was sent: another process gave this attempt up. Repeat the call.")

    def withdrawn(self, intent: Intent, reason: str) -> None:
        """Refused: by us before it was sent, by the lack of a connection, or by Vast in so many words."""
        self._write(
            "UPDATE intents SET state = 'refused', reason = ?, settled_at = ? WHERE id = ? "
            "AND state IN ('intended', 'sending')",
            reason, time.time(), intent.id,
        )  # fmt: skip

    def unknown(self, intent: Intent) -> None:
        """Sent, and no verdict came."""
        self._write("UPDATE intents SET state = 'unknown' WHERE id = ? AND state = 'sending'", intent.id)

    def confirmed(
        self,
        intent: Intent,
        instance_id: int,
        *,
        stopped: bool = False,
        announce: int = RENTED,
    ) -> None:
        """The machine is known by its id from here on, never by its label. It is announced until an answer names it."""
        self._write(
            "UPDATE intents SET state = 'confirmed', instance_id = ?, stopped = ?, announce = ?, settled_at = ? "
            "WHERE id = ? AND state != 'confirmed'",
            instance_id, int(stopped), announce, time.time(), intent.id,
        )  # fmt: skip

    def absent(self, intent: Intent) -> None:
        """Proven not to exist, as far as renting.md goes; its token stays watched."""
        self._write(
            "UPDATE intents SET state = 'absent', settled_at = ? WHERE id = ? AND state IN ('unknown', 'sending')",
            time.time(), intent.id,
        )  # fmt: skip

    def was_absent(self, wish: Wish) -> bool:
        """Whether a request of this wish was sent once and proven to have made nothing."""
        return bool(
            self._rows("account = ? AND request_key = ? AND state = 'absent' LIMIT 1", wish.account, wish.request_key)
        )

    def reopen(self, wish: Wish, sent_after: float) -> bool:
        """Put the absent attempts of a wish back in doubt: somebody took the offer, and it may have been us.

        They become this process's: none of them is on its way any more, and whoever asks wants the answer.
        """
        changed = self._write(
            "UPDATE intents SET state = 'unknown', owner = ? WHERE account = ? AND request_key = ? "
            "AND state = 'absent' AND sent_at > ?",
            self.owner, wish.account, wish.request_key, sent_after,
        )  # fmt: skip
        return changed > 0

    def twin(self, intent: Intent, instance_id: int) -> None:
        """A second machine with the token of a confirmed one: something on the way repeated the request."""
        self._write(
            "INSERT OR IGNORE INTO intents (token, account, request_key, digest, offer_id, label, wanted, state,"
            " owner, made_at, sent_at, settled_at, instance_id, announce, lease_until)"
            " VALUES (?, ?, ?, '', ?, ?, ?, 'confirmed', ?, ?, ?, ?, ?, ?, ?)",
            f"{intent.token}+{instance_id}", intent.account, f"twin-{instance_id}", intent.offer_id, intent.label,
            intent.wanted, self.owner, intent.made_at, intent.sent_at, time.time(), instance_id, LATE,
            intent.lease_until,
        )  # fmt: skip

    def started(self, instance_id: int) -> None:
        """A machine that was found stopped runs now: its wish came true after all."""
        self._write("UPDATE intents SET stopped = 0 WHERE instance_id = ?", instance_id)

    # ── holds: what an act of ours may come to cost before any list shows it ─────────────────────────────────────────

    def hold_price(self, account: str, instance_id: int, usd_per_hour: float) -> Hold:
        """Announce that a machine may come to cost this, in alone() where room for it is counted.

        Each act has a hold of its own, and the dearest counts: of two that overtake each other, either may be last.
        """
        made_at = time.time()
        db = self._open()
        with self._guard():
            cursor = db.execute(
                "INSERT INTO holds (account, instance_id, usd_per_hour, made_at, state) VALUES (?, ?, ?, ?, 'flying')",
                (account, instance_id, usd_per_hour, made_at),
            )
        return Hold(cursor.lastrowid or 0, account, instance_id, usd_per_hour, made_at, "flying")

    def settle_hold(self, hold: Hold, state: Literal["maybe", "true"] | None) -> None:
        """Read back as asked, or not yet (queued by Vast, not answered); None: refused, and nothing comes of it."""
        if state is None:
            self._write("DELETE FROM holds WHERE id = ?", hold.id)
        else:
            self._write("UPDATE holds SET state = ? WHERE id = ?", state, hold.id)

    def release(self, account: str, instance_id: int) -> None:
        """The machine was seen to be stopped: what was announced before is over, but for what is still on its way. A
        call that began long ago is not: it was cut off before it could say what became of it."""
        self._write(
            "DELETE FROM holds WHERE account = ? AND instance_id = ? AND (state != 'flying' OR made_at < ?)",
            account, instance_id, time.time() - FLIGHT_S,
        )  # fmt: skip

    def holds(self, account: str) -> dict[int, list[Hold]]:
        """By machine."""
        db = self._open()
        with self._guard():
            rows = db.execute(
                "SELECT id, account, instance_id, usd_per_hour, made_at, state FROM holds WHERE account = ?", (account,)
            ).fetchall()
        found: dict[int, list[Hold]] = {}
        for row in rows:
            found.setdefault(row[2], []).append(Hold(*row))
        return found

    def gone(self, account: str, instance_ids: Iterable[int]) -> None:
        """Proven gone: a wish for it may rent anew. Ids are an account's own: a sandbox's are no real machine's."""
        for instance_id in instance_ids:
            self._write(
                "UPDATE intents SET gone_at = ? WHERE account = ? AND instance_id = ? AND gone_at IS NULL",
                time.time(), account, instance_id,
            )  # fmt: skip
            self._write("DELETE FROM holds WHERE account = ? AND instance_id = ?", account, instance_id)

    # ── leases ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def lease(self, account: str, instance_id: int, until: float) -> bool:
        """A living machine's lease was read back at Vast as ending then. Only ever later: two calls may overtake each
        other. False where the journal does not know the machine."""
        return bool(
            self._write(
                "UPDATE intents SET lease_until = max(coalesce(lease_until, 0), ?) WHERE account = ? "
                "AND instance_id = ? AND state = 'confirmed' AND gone_at IS NULL",
                until, account, instance_id,
            )
        )  # fmt: skip

    def leases(self, account: str) -> dict[int, float]:
        """When the leases of an account's living machines end, in epoch seconds, by machine."""
        rows = self._rows(f"account = ? AND {_LIVING} AND lease_until IS NOT NULL ORDER BY id", account)
        return {row.instance_id: row.lease_until for row in rows if row.instance_id and row.lease_until}

    def any_lease(self) -> bool:
        """Whether a living machine of any account has one."""
        return bool(self._rows(f"{_LIVING} AND lease_until IS NOT NULL LIMIT 1"))

    @contextlib.asynccontextmanager
    async def leases_held(self) -> AsyncGenerator[None]:
        """Alone among the processes of this folder, from reading a label to what follows from it.

        Raises JournalUnavailable where another one does not let go. Where no lock can be made, the act goes on without.
        """
        lock: FileLock | None = None
        give_up_at = time.monotonic() + LEASES_S
        while self._folder is not None and lock is None:
            from filelock import FileLock, Timeout

            made = FileLock(self._folder / "leases.lock", mode=0o600, thread_local=False)
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                made.acquire(blocking=False)
                lock = made
            except Timeout as exc:
                if time.monotonic() > give_up_at:
                    raise errors.JournalUnavailable(
                        "Nothing was sent: another vast-mcp is moving or ending a lease. Repeat the call."
                    ) from exc
                await anyio.sleep(LEASES_LOOK_S)
            except OSError:
                break
        try:
            yield
        finally:
            if lock is not None:
                lock.release()

    def ended(self, account: str, instance_id: int) -> bool:
        """Destroyed because its lease was over: announced until an answer says so. False where it is not known."""
        return bool(
            self._write(
                "UPDATE intents SET announce = ? WHERE account = ? AND instance_id = ? AND state = 'confirmed'",
                ENDED, account, instance_id,
            )
        )  # fmt: skip

    # ── what a person approves in a shell ────────────────────────────────────────────────────────────────────────────

    def ask(self, code: str, approval: Approval, said: str) -> None:
        """Keep a question under a code, of which only the digest is written. What a day has passed over is dropped."""
        now = time.time()
        code_digest = self.digest({"code": code})
        self._write("DELETE FROM approvals WHERE made_at < ?", now - QUESTIONS_KEPT_S)
        self._write(
            "INSERT INTO approvals (code_digest, asked, usd_per_hour, said, made_at) VALUES (?, ?, ?, ?, ?)",
            code_digest, approval.asked, approval.usd_per_hour, said, now,
        )  # fmt: skip

    def question(self, code: str) -> Question | None:
        """What was asked under a code."""
        code_digest = self.digest({"code": code})
        db = self._open()
        with self._guard():
            row = db.execute(
                f"SELECT said, usd_per_hour, made_at, approved_at, NOT {_UNUSED} FROM approvals WHERE code_digest = ?",  # noqa: S608
                (code_digest,),
            ).fetchone()
        return Question(*row[:4], used=bool(row[4])) if row else None

    def approve(self, code: str) -> bool:
        """The person says yes; False where there is nothing to say it to any more, or it was said."""
        now = time.time()
        changed = self._write(
            "UPDATE approvals SET approved_at = ? WHERE code_digest = ? AND approved_at IS NULL AND made_at >= ?",
            now, self.digest({"code": code}), now - CODE_S,
        )  # fmt: skip
        return changed > 0

    def approved(self, approval: Approval) -> bool:
        """Whether a person said yes to this, at this price or a higher one, and the yes is not used."""
        db = self._open()
        with self._guard():
            row = db.execute(f"SELECT 1 FROM approvals WHERE {_APPROVED} LIMIT 1", _approving(approval)).fetchone()  # noqa: S608
        return row is not None

    def spend(self, approval: Approval, by: str) -> None:
        """Use it up, for the attempt with this token or an act of this name. Raises NeedsConfirmation if it is gone.

        Whatever else was approved of the same goes with it: one yes, one act.
        """
        changed = self._write(
            f"UPDATE approvals SET used_by = ? WHERE asked = ? AND {_UNUSED} "  # noqa: S608
            f"AND EXISTS (SELECT 1 FROM approvals WHERE {_APPROVED})",
            by, approval.asked, *_approving(approval),
        )  # fmt: skip
        if not changed:
            raise errors.NeedsConfirmation(
                "Nothing was sent: the person's approval was used by another call, or its time has ended. The same "
                "call asks again."
            )

    def give_back(self, by: str) -> None:
        """The act that used it was refused for certain: the person's yes still stands, while its time lasts."""
        self._write("UPDATE approvals SET used_by = NULL WHERE used_by = ?", by)

    # ── questions ────────────────────────────────────────────────────────────────────────────────────────────────────

    def anything_open(self) -> bool:
        """Whether any attempt of any account is in doubt or on its way."""
        return bool(self._rows(_OPEN + " LIMIT 1"))

    def by_token(self, token: str) -> Intent | None:
        rows = self._rows("token = ?", token)
        return rows[0] if rows else None

    def by_instance(self, instance_id: int, account: str | None = None) -> Intent | None:
        """The newest attempt that holds a machine, of one account where it is given."""
        rows = self._rows(
            "instance_id = ? AND account = coalesce(?, account) ORDER BY id DESC LIMIT 1", instance_id, account
        )
        return rows[0] if rows else None

    def latest(self, account: str, request_key: str) -> Intent | None:
        rows = self._rows("account = ? AND request_key = ? ORDER BY id DESC LIMIT 1", account, request_key)
        return rows[0] if rows else None

    def living(self, account: str) -> list[Intent]:
        """Confirmed machines not proven gone."""
        return self._rows(f"account = ? AND {_LIVING} ORDER BY id", account)

    def underway(self, account: str) -> list[Intent]:
        """Attempts that may still become machines: announced, on their way, or in doubt."""
        return self._rows(f"account = ? AND {_OPEN} ORDER BY id", account)

    def tokens_of(self, wish: Wish) -> list[str]:
        """Every token that this wish was ever sent with."""
        return [i.token for i in self._rows("account = ? AND request_key = ?", wish.account, wish.request_key)]

    def is_young(self, intent: Intent, seconds: float) -> bool:
        """Whether an attempt was made so lately that its machine's row may not be readable yet."""
        return time.time() - intent.made_at < seconds

    def untold(self, account: str) -> list[Intent]:
        """Machines nobody may have heard of: found late, rented by a process that died before it could answer, or ended
        with their lease."""
        return [
            intent
            for intent in self._rows("account = ? AND announce > 0 ORDER BY id", account)
            if intent.announce in {LATE, ENDED} or self.may_settle(intent)
        ]

    def told(self, tokens: Iterable[str]) -> None:
        """An answer that names them has arrived."""
        for token in tokens:
            self._write("UPDATE intents SET announce = 0 WHERE token = ?", token)

    # ── SQLite ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _rows(self, where: str, *values: object) -> list[Intent]:
        db = self._open()
        with self._guard():
            return [_intent(row) for row in db.execute(f"SELECT {_COLUMNS} FROM intents WHERE {where}", values)]  # noqa: S608

    def _write(self, statement: str, *values: object) -> int:
        db = self._open()
        with self._guard():
            return db.execute(statement, values).rowcount

    @contextlib.contextmanager
    def _guard(self) -> Generator[None]:
        """SQLite's and the disk's failures as the one error that stops a rental; a damaged file is kept aside."""
        import sqlite3

        try:
            yield
        except (sqlite3.Error, OSError) as exc:
            if _damaged(exc):
                self._keep_aside()
                self._open()  # says what happened
            raise _unusable(exc) from exc

    def _keep_aside(self) -> None:
        """Move a damaged journal out of the way, for a person to look at."""
        if self._db is not None:
            self._db.close()
            self._db = None
        path = self.path
        if path is None:
            return
        aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                os.replace(f"{path}{suffix}", f"{aside}{suffix}")
        self._damaged = aside.name


_NEW_IN_2 = {"holds", "approvals"}
_OPEN = "state IN ('intended', 'sending', 'unknown')"
_LIVING = "state = 'confirmed' AND gone_at IS NULL"

# An attempt that made nothing has used no approval: refused, never sent, or proven to have left no machine.
_UNUSED = (
    "(used_by IS NULL OR used_by IN (SELECT token FROM intents WHERE state IN ('refused', 'abandoned', 'absent')))"
)
_APPROVED = f"asked = ? AND usd_per_hour >= ? AND approved_at >= ? AND {_UNUSED}"


def _approving(approval: Approval) -> tuple[object, ...]:
    return approval.asked, approval.usd_per_hour - 1e-9, time.time() - CODE_S


def _intent(row: tuple[Any, ...]) -> Intent:
    named: dict[str, Any] = dict(zip(_COLUMNS.split(", "), row, strict=True))
    named["stopped"] = bool(named["stopped"])
    named["facts"] = json.loads(named["facts"] or "{}")
    return Intent(**named)


@contextlib.contextmanager
def _immediate(db: sqlite3.Connection) -> Generator[None]:
    """One writer at a time, from the first read on."""
    import sqlite3

    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def _migrate(db: sqlite3.Connection) -> None:
    """Forward only. A newer schema than ours is left alone."""
    if db.execute("PRAGMA user_version").fetchone()[0] == VERSION:
        return
    with _immediate(db):
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise errors.JournalUnavailable(
                f"The journal was written by a newer vast-mcp (version {version}, this one knows {VERSION}); update it."
            )
        script = resources.files("vast_mcp").joinpath("journal.sql").read_text(encoding="utf-8")
        for statement in _statements(script):
            if version == 0 or (version == 1 and statement.split()[2] in _NEW_IN_2):
                db.execute(statement)
        if version == 1:
            for column in ("usd_per_hour", "lease_until"):
                db.execute(f"ALTER TABLE intents ADD COLUMN {column} REAL")
        db.execute(f"PRAGMA user_version = {VERSION}")


def _statements(script: str) -> Iterator[str]:
    """The script statement by statement: executescript would end the transaction around it."""
    lines = (line.split("--", 1)[0] for line in script.splitlines())
    for statement in "\n".join(lines).split(";"):
        if statement.strip():
            yield statement.strip()


def _unusable(exc: Exception) -> errors.JournalUnavailable:
    return errors.JournalUnavailable(
        f"The journal of rentals cannot be used ({type(exc).__name__}). Free space, permissions, or "
        "VAST_MCP_STATE_DIR mend it; reading still works."
    )


def _busy(exc: BaseException) -> bool:
    """Another process has the file at this moment."""
    import sqlite3

    return isinstance(exc, sqlite3.OperationalError) and exc.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _damaged(exc: Exception) -> bool:
    import sqlite3

    text = str(exc).lower()
    return isinstance(exc, sqlite3.DatabaseError) and ("malformed" in text or "not a database" in text)
