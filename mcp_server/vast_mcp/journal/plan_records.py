"""Plans and their tries as values. Money in $, times in epoch seconds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast, get_args

from vast_mcp.errors import Json
from vast_mcp.journal.looks import DAY_S
from vast_mcp.journal.records import Intent, id_of, number_of, time_of

PlanState = Literal["open", "ending", "over"]
Outcome = Literal[
    "ready",  # its machines work, and are the caller's
    "no_offer",  # the market has none that fits
    "over_budget",  # no try's worst case fits in what is left
    "attempts",  # as many failed as were allowed
    "cancelled",
    "unasked",  # nobody asked after it
    "refused",  # Vast, or a limit, says no to every try: detail has the code
]
TryState = Literal["begun", "ready", "handed", "failed", "void"]

KEPT_S = 90 * DAY_S
NAME = re.compile(r"[0-9a-f]{12}")
ROUNDING = 1e-9  # $
OF_A_PLAN = "plan:"  # how the request keys of its rentals begin
# States of an attempt.
_MADE_NOTHING = frozenset({"refused", "absent", "abandoned"})
_IN_DOUBT = frozenset({"intended", "sending", "unknown"})


@dataclass(frozen=True)
class PlanWish:
    """What is asked for: whose, under which key, what (a digest). `derived`: the key was made of
    the rest, not given.
    """

    account: str
    key: str
    digest: str
    derived: bool


@dataclass(frozen=True)
class Bounds:
    """How many machines, and what they may cost until they work. Money in $, times in seconds;
    None is no bound.

    `together`: all of them or none. `give_up_s`: of one try, until it is of use; `to_end_s`: from
    there until it is gone. `overlap_usd`: the most that a failed try may cost beside its
    replacement. `lease_hours`: from the hand-over on; None is no end.
    """

    count: int = 1
    together: bool = True
    budget_usd: float | None = None
    overlap_usd: float = 0.0
    max_attempts: int = 5
    give_up_s: float = 1200.0
    to_end_s: float = 600.0
    max_usd_per_hour: float | None = None
    max_total_usd_per_hour: float | None = None
    lease_hours: float | None = None

    @property
    def lease_s(self) -> float:
        """How long a try's machine lives at most while nobody has it: until it counts as failed,
        and then until it is ended.
        """
        return self.give_up_s + self.to_end_s

    def worst_usd(self, usd_per_hour: float, pull_usd: float) -> float:
        """The most that a try may cost at this price."""
        return usd_per_hour * self.lease_s / 3600 + pull_usd

    def has_room_for(self, worst_usd: float) -> bool:
        """Whether the budget has room for such a worst case."""
        return self.budget_usd is None or worst_usd <= self.budget_usd + ROUNDING

    def share_usd(self) -> float | None:
        """What each of the machines may cost at worst, so that all of them fit the budget."""
        return None if self.budget_usd is None else self.budget_usd / self.count

    def share_usd_per_hour(self, pull_usd: float) -> float | None:
        """The price at which the worst case of a try is that share."""
        share = self.share_usd()
        return None if share is None else (share - pull_usd) * 3600 / self.lease_s


@dataclass(frozen=True)
class Agreed:
    """What a person said yes to: at most this price a machine ($/h), so many machines and tries,
    and this budget ($). `asked`: False where that is what they need not be asked about, by the
    setting of the process that was called.
    """

    usd_per_hour: float
    count: int
    max_attempts: int
    budget_usd: float | None
    asked: bool = True


@dataclass(frozen=True)
class Plan:
    """A plan as the journal has it."""

    name: str
    account: str
    wish: str
    digest: str
    wanted: Json = field(repr=False)
    bounds: Bounds
    agreed: Agreed | None
    state: PlanState
    outcome: Outcome | None
    detail: str
    made_at: float
    asked_at: float
    over_at: float | None
    driver: str | None
    driven_at: float | None
    turn: int
    told: bool


@dataclass(frozen=True)
class Try:
    """One try as the journal has it, with the attempt that it is. Money in $. `until`: when its
    machine ends, in epoch seconds, once it is handed over; None before that was decided.
    """

    plan: str
    number: int
    place: int
    token: str
    offer_id: int
    machine_id: int | None
    host_id: int | None
    usd_per_hour: float
    pull_usd: float
    worst_usd: float
    state: TryState
    why: str
    made_at: float
    ready_at: float | None
    until: float | None
    ending_at: float | None
    gone_at: float | None
    intent: Intent | None
    others: tuple[Intent, ...] = ()

    @property
    def strays(self) -> list[Intent]:
        """Machines that came of it beside its own: nobody was to have them."""
        return [one for one in self.others if one.lives]

    @property
    def instance_id(self) -> int | None:
        """Its machine, where it has one that is known."""
        return None if self.intent is None else self.intent.instance_id

    @property
    def made_nothing(self) -> bool:
        """Whether no machine came of it, as far as is known: one that was proven absent may still
        be found.
        """
        if self.strays:
            return False
        if self.intent is None:
            return self.state == "void"
        return self.intent.state in _MADE_NOTHING

    @property
    def made_own(self) -> bool:
        """Whether its own request made a machine, or may have."""
        return self.intent is None or self.intent.state not in _MADE_NOTHING

    @property
    def in_doubt(self) -> bool:
        """Whether nobody knows what became of its request."""
        if self.intent is None:
            return self.state != "void"
        return any(one.state in _IN_DOUBT for one in (self.intent, *self.others))

    @property
    def lives(self) -> bool:
        """Whether it is wanted still: begun or of use, and not seen to have made nothing."""
        return self.state in {"begun", "ready", "handed"} and self.made_own

    @property
    def is_condemned(self) -> bool:
        """Whether it is to be ended, and is not seen to be gone: one that failed, or that was
        thought to have made nothing.
        """
        return self.state in {"failed", "void"} and not self._is_gone and not self.made_nothing

    @property
    def _is_gone(self) -> bool:
        """Whether all that is known of it is gone: its own machine may be found after its others
        were seen to be.
        """
        return self.gone_at is not None and not (self.intent is not None and self.intent.lives)

    @property
    def bills(self) -> bool:
        """Whether it bills, or may, on this plan's account: not what was handed over."""
        if self.strays:
            return True
        return not self.made_nothing and not self._is_gone and self.state != "handed"

    def counted_usd(self, now: float) -> float:
        """The most that it has cost, or may cost, of the budget: of one that is gone what passed,
        of one that was handed over what it cost until it was of use, else its worst case.
        """
        if self.made_nothing:
            return 0.0
        until = self.gone_at if self._is_gone else None
        if self.state in {"ready", "handed"} and self.ready_at is not None and until is None:
            until = self.ready_at if self.state == "handed" else None
        if until is None:
            return max(self.worst_usd, self.spent_usd(now))
        return self.spent_usd(until) + self._strays_usd(now) - self._strays_usd(until)

    def rest_usd(self, bounds: Bounds, now: float) -> float:
        """The most that it may still cost from `now` on, at its whole price: until its lease ends,
        which is later where it waited for others, and as long as an end may take where that has
        passed.
        """
        lives_s = bounds.lease_s
        if self.usd_per_hour:
            lives_s = max(lives_s, (self.worst_usd - self.pull_usd) / self.usd_per_hour * 3600)
        left = max(self.made_at + lives_s - now, bounds.to_end_s)
        return self.usd_per_hour * left / 3600

    def spent_usd(self, now: float) -> float:
        """The most that it has cost by `now`, in epoch seconds: its price since it was made, and
        its traffic.
        """
        if self.made_nothing:
            return 0.0
        until = min(now, self.gone_at or now)
        own = self.usd_per_hour * max(0.0, until - self.made_at) / 3600 + self.pull_usd
        return own + self._strays_usd(now)

    def _strays_usd(self, now: float) -> float:
        """The same of machines that came of it beside its own: each at what the try costs."""
        came = [one for one in self.others if one.state == "confirmed"]
        lived = [min(now, one.gone_at or now) - (one.made_at or self.made_at) for one in came]
        return sum(self.usd_per_hour * max(0.0, s) / 3600 + self.pull_usd for s in lived)


def condemned_beside(bounds: Bounds, tries: Sequence[Try], now: float) -> list[Try]:
    """The failed tries beside which nothing may be rented in their places: all of them, as long as
    what they may still cost is more than is allowed beside replacements.
    """
    condemned = [one for one in tries if one.bills and not one.lives]
    rest = sum(one.rest_usd(bounds, now) for one in condemned)
    return condemned if rest > bounds.overlap_usd + ROUNDING else []


def told_of(plan: Plan, tries: Sequence[Try]) -> str:
    """What an answer tells of a plan, for the journal: its end, or which machines are of use."""
    if plan.state == "over":
        return f"{plan.name}:over"
    of_use = [str(one.number) for one in tries if one.state in {"ready", "handed"}]
    return f"{plan.name}:{','.join(of_use)}"


def name_of(news: str) -> str:
    """The name of the plan that this tells of."""
    return news.partition(":")[0]


@dataclass(frozen=True)
class TryOf:
    """The try of a plan that an order is, for the claim that announces it. `turn`: the driver's;
    `agreed_usd_per_hour`: the most that a person said yes to, or need not be asked about, by the
    plan and by whoever drives it.
    """

    plan: str
    number: int
    place: int
    turn: int
    machine_id: int | None = None
    host_id: int | None = None
    pull_usd: float = 0.0
    agreed_usd_per_hour: float | None = None

    @property
    def request_key(self) -> str:
        """The key of its rental: the same try is never rented twice."""
        return f"{OF_A_PLAN}{self.plan}:{self.number}"


# ── rows, which somebody may have edited ───────────────────────────────────────────────────────

Value = TypeVar("Value", Bounds, Agreed)


def plan_of(row: Mapping[str, Any]) -> Plan:
    """A row as a value. One that cannot be read rents nothing: it is ending."""
    bounds, agreed = _read(Bounds, row["bounds"]), _read(Agreed, row["agreed"])
    wanted = _object(row["wanted"])
    spoilt = bounds is None or (agreed is None and row["agreed"] is not None)
    state, outcome = row["state"], row["outcome"]
    if spoilt and state == "open":
        state = "ending"
    return Plan(
        name=str(row["plan"]),
        account=str(row["account"]),
        wish=str(row["wish"]),
        digest=str(row["digest"]),
        wanted=wanted,
        bounds=bounds or Bounds(),
        agreed=agreed,
        state=cast("PlanState", state if state in get_args(PlanState) else "ending"),
        outcome=cast("Outcome", outcome) if outcome in get_args(Outcome) else None,
        detail=str(row["detail"]),
        made_at=time_of(row["made_at"]) or 0.0,
        asked_at=time_of(row["asked_at"]) or 0.0,
        over_at=time_of(row["over_at"]),
        driver=row["driver"] if isinstance(row["driver"], str) else None,
        driven_at=time_of(row["driven_at"]),
        turn=row["turn"],
        told=row["told"] == 1,
    )


def try_of(row: Mapping[str, Any], intent: Intent | None, others: tuple[Intent, ...] = ()) -> Try:
    """A row as a value. What cannot be read counts as billing."""
    state = row["state"]
    return Try(
        plan=str(row["plan"]),
        number=row["number"],
        place=row["place"],
        token=str(row["token"]),
        offer_id=id_of(row["offer_id"]) or 0,
        machine_id=id_of(row["machine_id"]),
        host_id=id_of(row["host_id"]),
        usd_per_hour=number_of(row["usd_per_hour"]) or 0.0,
        pull_usd=number_of(row["pull_usd"]) or 0.0,
        worst_usd=number_of(row["worst_usd"]) or 0.0,
        state=cast("TryState", state if state in get_args(TryState) else "begun"),
        why=str(row["why"]),
        made_at=time_of(row["made_at"]) or 0.0,
        ready_at=time_of(row["ready_at"]),
        until=time_of(row["until"]),
        ending_at=time_of(row["ending_at"]),
        gone_at=time_of(row["gone_at"]),
        intent=intent,
        others=others,
    )


def _object(text: object) -> Json:
    try:
        read: object = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    return cast("Json", read) if isinstance(read, dict) else {}


def _read(kind: type[Value], text: object) -> Value | None:
    """A value from its JSON; None where that was spoilt."""
    try:
        return kind(**_object(text)) if isinstance(text, str) else None
    except TypeError:
        return None
