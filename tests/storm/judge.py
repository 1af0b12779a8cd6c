"""Who is right in the end: the service's ledger and the requests on the wire, against what the
agent was told.

Nothing here asks the server's own code anything. A machine belongs to a wish by the label that
the agent gave it; a token is what follows the last "#" there; the journal is read as a file.
"""

from __future__ import annotations

import itertools
import math
import re
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from storm.faults import is_list, is_rent
from storm.proxy import Seen

Json = dict[str, Any]

_TOKEN = re.compile(r"#([0-9a-f]{16})$")
_KNOWN_429 = ("too frequent", "rate_limit_exceeded", "HTTPTooManyRequests", "search_quota_exceeded")
# A request is timed as it arrives here and as its answer is read there; a busy machine is between.
SLACK_S = 0.015

LISTS_APART_S, ABSENT_AFTER_S = 60.0, 90.0  # docs/protocol.md; shortened by the run's scale


@dataclass
class Answer:
    """What one call came to. `payload` is None where the server died first."""

    asked_at: float
    at: float
    wall: float
    payload: Json | None

    @property
    def error(self) -> Json | None:
        return None if self.payload is None else self.payload.get("error")

    @property
    def success(self) -> bool:
        return self.payload is not None and self.error is None

    @property
    def verdict(self) -> bool:
        """Whether an honest agent stops here: a success, or an error that repeating does not
        mend.
        """
        return self.success or (self.error is not None and not self.error.get("retryable"))

    @property
    def named_ids(self) -> set[int]:
        """Machines that this answer tells of."""
        whole, error = self.payload or {}, self.error or {}
        parts = (whole, error, *error.get("results", []))
        noticed = (
            number
            for text in whole.get("notices") or []
            for number in re.findall(r"[Mm]achine (\d+)", text)
        )
        return {
            part["instance_id"] for part in parts if isinstance(part.get("instance_id"), int)
        } | set(map(int, noticed))

    @property
    def said(self) -> str:
        """One word for tables."""
        if self.payload is None:
            return "died"
        if self.error is not None:
            return str(self.error.get("code"))
        return next(
            (word for word in ("replayed", "recovered") if self.payload.get(word)), "success"
        )


@dataclass
class Wish:
    """One machine that an agent wants. `offers` are those that it turned to, the first one
    first.
    """

    label: str
    arguments: Json
    offers: list[int]
    answers: list[Answer] = field(default_factory=list)
    looks: list[Answer] = field(default_factory=list)  # what other tools told this agent
    may_refuse: frozenset[str] = frozenset()  # refusals that are true in this scenario
    reborn: list[float] = field(
        default_factory=list
    )  # monotonic times at which its machine was destroyed on purpose
    several: int = 1  # machines that the agent itself insisted on, with allow_unresolved

    def named_ids(self, before: float = math.inf) -> set[int]:
        """Machines that some answer named."""
        told = [answer.named_ids for answer in (*self.answers, *self.looks) if answer.at <= before]
        return set[int]().union(*told)

    def named_tokens(self) -> set[str]:
        return {
            answer.error["token"]
            for answer in self.answers
            if answer.error and answer.error.get("token")
        }

    @property
    def notices(self) -> list[str]:
        return [
            text
            for one in (*self.answers, *self.looks)
            for text in (one.payload or {}).get("notices") or []
        ]


@dataclass
class Figures:
    """The counts of one wish, or of many."""

    creates: int = 0
    calls: int = 0
    puts: int = 0
    machines: int = 0
    two_machines: int = 0
    extra_puts: int = 0
    unnamed: int = 0
    false_success: int = 0
    false_refusal: int = 0
    no_verdict: int = 0
    slowest_s: float = 0.0

    def __iadd__(self, other: Figures) -> Figures:
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            setattr(self, one.name, max(mine, theirs) if one.name == "slowest_s" else mine + theirs)
        return self

    @property
    def bad(self) -> int:
        """How much went wrong; a storm is good when this is nothing."""
        return (
            self.two_machines
            + self.extra_puts
            + self.unnamed
            + self.false_success
            + self.false_refusal
            + self.no_verdict
        )

    def sentence(self) -> str:
        """The last line of a run."""
        return (
            f"{self.creates:,} creates, {self.calls:,} calls, {self.puts:,} PUTs, "
            f"{self.machines:,} machines: "
            f"{self.two_machines} wishes with two machines, "
            f"{self.extra_puts} wishes with two PUTs beyond what the protocol allows, "
            f"{self.unnamed} machines that no result, open intent or watched token names, "
            f"{self.false_success} false successes, {self.false_refusal} false refusals of a "
            f"retry"
            + (f", {self.no_verdict} wishes without a verdict." if self.no_verdict else ".")
        )


@dataclass
class Evidence:
    """Everything that is known of a lane when a wish is judged."""

    rentals: list[Json]
    seen: Sequence[Seen]
    journals: list[Path]
    scale: float
    told: frozenset[int] = frozenset()  # machines that the person's other agents were told of


def token_of(label: str | None) -> str | None:
    found = _TOKEN.search(label or "")
    return found[1] if found else None


def machines_of(wish: Wish, rentals: Iterable[Json]) -> list[Json]:
    """Every machine ever made for a wish."""
    return [
        one
        for one in rentals
        if (one["label"] or "").rpartition("#")[0] == wish.label or one["label"] == wish.label
    ]


def puts_of(wish: Wish, seen: Iterable[Seen]) -> list[Seen]:
    """Every request to rent that left the server for a wish, whether or not the service heard of
    it.
    """
    return [
        one
        for one in seen
        if (is_rent(one) and str(one.data.get("label") or "").rpartition("#")[0] == wish.label)
        or (is_rent(one) and one.data.get("label") == wish.label)
    ]


def judge(wish: Wish, evidence: Evidence) -> Figures:
    """The verdict on one wish."""
    machines, puts = machines_of(wish, evidence.rentals), puts_of(wish, evidence.seen)
    states = journal_states(evidence.journals)
    return Figures(
        creates=1,
        calls=len(wish.answers),
        puts=len(puts),
        machines=len(machines),
        two_machines=int(_at_once(_unchosen(wish, machines, puts)) > wish.several),
        extra_puts=int(_extra_puts(wish, puts, machines, states, evidence) > wish.several - 1),
        unnamed=sum(not _is_named(one, wish, states, evidence.told) for one in machines),
        false_success=sum(_is_false_success(answer, machines) for answer in wish.answers),
        false_refusal=sum(
            _is_false_refusal(answer, _judged(wish, puts), machines, evidence.rentals)
            for answer in wish.answers
        ),
        no_verdict=int(not wish.answers or not wish.answers[-1].verdict),
        slowest_s=max((answer.at - answer.asked_at for answer in wish.answers), default=0.0),
    )


def journal_states(journals: Iterable[Path]) -> dict[str, str]:
    """Token → state, in every journal there was."""
    found: dict[str, str] = {}
    for path in journals:
        if path.exists():
            db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            try:
                found |= dict(db.execute("SELECT token, state FROM intents").fetchall())
            finally:
                db.close()
    return found


# ── machines ───────────────────────────────────────────────────────────────────────────────────


def _alive_at(machine: Json, wall: float) -> bool:
    ended = machine["destroyed_at"]
    return machine["born"] <= wall and (ended is None or ended > wall)


def _at_once(machines: list[Json]) -> int:
    """How many lived at the same time, at most."""
    return max(
        (sum(_alive_at(other, one["born"]) for other in machines) for one in machines), default=0
    )


def _unchosen(wish: Wish, machines: list[Json], puts: list[Seen]) -> list[Json]:
    """Without those that the agent chose to have as well: of another offer, after an answer had
    named what it had.
    """
    sent = {token_of(put.data.get("label")): put.at for put in puts}
    found: list[Json] = []
    for one in machines:
        there = [other for other in machines if other is not one and _alive_at(other, one["born"])]
        told = wish.named_ids(before=sent.get(token_of(one["label"]), 0.0))
        if not there or any(
            other["offer_id"] == one["offer_id"] or other["id"] not in told for other in there
        ):
            found.append(one)
    return found


def _is_named(machine: Json, wish: Wish, states: dict[str, str], told: frozenset[int]) -> bool:
    token = token_of(machine["label"])
    return (
        machine["id"] in wish.named_ids() | told
        or token in wish.named_tokens()
        or states.get(token or "") in {"intended", "sending", "unknown", "absent"}
    )


# ── answers ────────────────────────────────────────────────────────────────────────────────────


def _is_false_success(answer: Answer, machines: list[Json]) -> bool:
    """A success that names no living machine of this wish."""
    if not answer.success or answer.payload is None:
        return False
    named = answer.payload.get("instance_id")
    return not any(one["id"] == named and _alive_at(one, answer.wall) for one in machines)


def _judged(wish: Wish, puts: list[Seen]) -> Wish:
    """The wish, whose refusal may be told once absence is proven where Vast answered with a 4xx
    that is none of the known refusals (docs/protocol.md).
    """
    if not any(map(_no_known_form, puts)):
        return wish
    return replace(wish, may_refuse=wish.may_refuse | {"invalid_request"})


def _is_false_refusal(
    answer: Answer, wish: Wish, machines: list[Json], rentals: list[Json]
) -> bool:
    """ "No, and nothing bills", although a machine of this wish lives or nothing stands in the
    way of one.

    Or the opposite: word of an earlier machine that does not exist.
    """
    error = answer.error
    if error is not None and error["code"] == "earlier_rental_found":
        return not any(
            one["id"] == error.get("instance_id") and _alive_at(one, answer.wall) for one in rentals
        )
    if error is None or error.get("billing_possible"):
        return False
    if any(_was_there(one, answer, wish) for one in machines):
        return not error.get("retryable") or error["code"] == "not_rented"
    return not error.get("retryable") and error["code"] not in wish.may_refuse


def _was_there(machine: Json, answer: Answer, wish: Wish) -> bool:
    """Whether an answer had to know of a machine; of two callers at once, one may be told
    before.
    """
    begun = answer.wall - (answer.at - answer.asked_at)
    alone = not any(
        other is not answer and other.asked_at < answer.at and answer.asked_at < other.at
        for other in wish.answers
    )
    return _alive_at(machine, answer.wall) and (alone or machine["born"] <= begun)


# ── PUTs ───────────────────────────────────────────────────────────────────────────────────────


def _extra_puts(
    wish: Wish, puts: list[Seen], machines: list[Json], states: dict[str, str], evidence: Evidence
) -> int:
    """PUTs that nothing before them allowed."""
    extra = 0
    for one, following in itertools.pairwise(puts):
        if any(one.at <= reborn <= following.at for reborn in wish.reborn):
            continue
        if _refused(one) and not _same_call(wish, one, following):
            continue
        if _too_many(one) and _sent_in_call(wish, puts, following) <= 2:
            continue
        if one.fresh and _proven_absent(one, following, machines, states, evidence):
            continue
        if _chose_another(wish, one, following, machines):
            continue
        extra += 1
    return extra


def _refused(put: Seen) -> bool:
    """Vast answered in so many words that there will be no machine."""
    reply = put.reply
    if reply is None or not 400 <= reply.status < 500 or reply.status in {408, 409, 425, 429}:
        return False
    return (
        isinstance(reply.data, dict) and "error" in reply.data and "new_contract" not in reply.data
    )


def _no_known_form(put: Seen) -> bool:
    reply = put.reply
    return (
        reply is not None and 400 <= reply.status < 500 and not _refused(put) and not _too_many(put)
    )


def _too_many(put: Seen) -> bool:
    """One of the five recorded forms."""
    if put.reply is None or put.reply.status != 429 or b"new_contract" in put.reply.body:
        return False
    return any(word in put.reply.body.decode("utf-8", "replace") for word in _KNOWN_429)


def _same_call(wish: Wish, one: Seen, other: Seen) -> bool:
    return any(call.asked_at <= one.at and other.at <= call.at for call in wish.answers)


def _sent_in_call(wish: Wish, puts: list[Seen], put: Seen) -> int:
    """How many PUTs the call that sent this one sent until then."""
    begun = max((call.asked_at for call in wish.answers if call.asked_at <= put.at), default=0.0)
    return sum(begun <= one.at <= put.at for one in puts)


def _chose_another(wish: Wish, put: Seen, following: Seen, machines: list[Json]) -> bool:
    """Another offer, for an agent that had been told of the machine that the first one made."""
    made = [
        one["id"] for one in machines if token_of(one["label"]) == token_of(put.data.get("label"))
    ]
    return (
        put.path != following.path
        and bool(made)
        and set(made) <= wish.named_ids(before=following.at)
    )


def _proven_absent(
    put: Seen, following: Seen, machines: list[Json], states: dict[str, str], evidence: Evidence
) -> bool:
    """The journal gave the attempt up, late enough, on two whole lists far enough apart, and it
    was true.
    """
    token = token_of(put.data.get("label"))
    wall_of_following = time.time() - (time.monotonic() - following.at)
    if token is None or any(
        token_of(one["label"]) == token and one["born"] < wall_of_following for one in machines
    ):
        return False
    if states.get(token) not in {
        "absent",
        "confirmed",
        "unknown",
    }:  # the latter two: found late, or reopened
        return False
    if following.at - put.at < ABSENT_AFTER_S * evidence.scale - SLACK_S:
        return False
    lists = [
        one.at
        for one in evidence.seen
        if is_list(one)
        and put.at < one.at < following.at
        and one.reply is not None
        and one.reply.status == 200
    ]
    return bool(lists) and lists[-1] - lists[0] >= LISTS_APART_S * evidence.scale - SLACK_S
