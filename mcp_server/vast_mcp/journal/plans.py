"""Plans: what is looked for until a machine works, and each try of it, counted before it is sent.

A plan is open → ending → over; its tries are begun → ready → handed, or failed, or void where
nothing was made. One process at a time drives it: whoever takes it counts up its turn, and what an
earlier driver writes afterwards is refused. What a try may cost is counted in the transaction that
announces its request (claim_try).
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.journal.database import Database
from vast_mcp.journal.plan_records import (
    KEPT_S,
    ROUNDING,
    Agreed,
    Bounds,
    Outcome,
    Plan,
    PlanWish,
    Try,
    TryOf,
    TryState,
    condemned_beside,
    plan_of,
    try_of,
)
from vast_mcp.journal.records import Intent, intent_of


class Plans:
    """Every plan that a server of this user made. `owner`: the name of this process;
    `alive`: whether the process of a name lives; `lost_s`: how long a driver keeps its turn
    without a sign of itself.
    """

    def __init__(
        self, db: Database, owner: str, alive: Callable[[str], bool], lost_s: float
    ) -> None:
        self._db = db
        self._owner, self._alive, self._lost_s = owner, alive, lost_s

    # ── what there is ──────────────────────────────────────────────────────────────────────────

    def of_wish(self, wish: PlanWish) -> Plan | None:
        """The newest plan of a wish; None where there is none."""
        return self._one("plan_of_wish", account=wish.account, wish=wish.key)

    def by_name(self, account: str, name: str) -> Plan | None:
        """A plan by its name; None where another journal has it."""
        return self._one("plan_named", account=account, plan=name)

    def not_over(self, account: str) -> list[Plan]:
        """The plans of an account that something is to be done for, oldest first."""
        return [plan_of(row) for row in self._db.rows("plans_not_over", account=account)]

    def of_account(self, account: str, most: int) -> list[Plan]:
        """The newest plans of an account."""
        return [
            plan_of(row) for row in self._db.rows("plans_of_account", account=account, most=most)
        ]

    def reopen(self, account: str) -> None:
        """Let what is over end a machine of its own that was found after its request had been given
        up.
        """
        self._db.write("reopen_plans", account=account)

    def any_not_over(self) -> bool:
        """Whether something is to be done for a plan of any account."""
        return bool(self._db.rows("any_plan_not_over"))

    def tries(self, name: str) -> list[Try]:
        """The tries of a plan, in their order."""
        return [self._try_of(row) for row in self._db.rows("tries_of_plan", plan=name)]

    def try_with(self, token: str) -> Try | None:
        """The try that an attempt is; None where it is no plan's."""
        return next(map(self._try_of, self._db.rows("try_of_token", token=token)), None)

    # ── the life of a plan ─────────────────────────────────────────────────────────────────────

    def opened(
        self,
        wish: PlanWish,
        wanted: Json,
        bounds: Bounds,
        agreed: Agreed | None,
        spend: Callable[[str], None] = lambda _: None,
        instead_of: Plan | None = None,
    ) -> Plan:
        """The plan of a wish, made in the transaction that finds none but the one that is over and
        that this one comes instead of: two processes with the same wish have the same plan, however
        late one of them is. `spend`: uses up the person's yes for the plan of this name, and raises
        where that is not good any more.
        """
        with self._db.alone():
            found = self.of_wish(wish)
            if found is not None and (
                found.state != "over" or instead_of is None or found.name != instead_of.name
            ):
                return found
            self._db.write("forget_plans", before=time.time() - KEPT_S)
            self._db.write("forget_tries")
            name = secrets.token_hex(6)
            self._db.write(
                "open_plan",
                plan=name,
                account=wish.account,
                wish=wish.key,
                digest=wish.digest,
                wanted=json.dumps(wanted),
                bounds=json.dumps(asdict(bounds)),
                agreed=None if agreed is None else json.dumps(asdict(agreed)),
                now=time.time(),
            )
            spend(name)
        return self._one_surely(wish.account, name)

    def note_asked(self, name: str) -> None:
        """Somebody asked after it."""
        self._db.write("note_plan_asked", plan=name, now=time.time())

    def agree(
        self, name: str, agreed: Agreed, spend: Callable[[str], None] = lambda _: None
    ) -> None:
        """A person said yes to more of it. `spend`: as of opened."""
        with self._db.alone():
            self._db.write("agree_to_plan", plan=name, agreed=json.dumps(asdict(agreed)))
            spend(name)

    def settle_for(self, plan: Plan, count: int) -> None:
        """Want no more machines than these. Raises NotRented where the turn was lost."""
        fewer = replace(plan.bounds, count=count)
        with self._db.alone():
            self._check_turn(plan)
            self._db.write("bound_plan", plan=plan.name, bounds=json.dumps(asdict(fewer)))

    def take(self, account: str, name: str) -> Plan | None:
        """Become its driver; None where another process that is there drives it, or it is over."""
        with self._db.alone():
            plan = self.by_name(account, name)
            if plan is None or plan.state == "over" or self._is_driven(plan):
                return None
            self._db.write("take_plan", plan=name, driver=self._owner, now=time.time())
        return self._one_surely(account, name)

    def _is_driven(self, plan: Plan) -> bool:
        if plan.driver is None or plan.driver == self._owner:
            return False
        lately = abs(time.time() - (plan.driven_at or 0.0)) < self._lost_s
        return lately and self._alive(plan.driver)

    def keep(self, plan: Plan) -> bool:
        """Say that its driver is there; False where the turn was lost."""
        return self._db.changes(
            "keep_plan", plan=plan.name, driver=self._owner, turn=plan.turn, now=time.time()
        )

    def let_go(self, plan: Plan) -> None:
        """Let another process drive it at once."""
        self._db.write("let_go_of_plan", plan=plan.name, driver=self._owner, turn=plan.turn)

    def note_detail(self, plan: Plan, detail: str) -> None:
        """What it waits for, in codes of ours."""
        self._db.write("note_plan_detail", plan=plan.name, turn=plan.turn, detail=detail)

    def end(self, name: str, outcome: Outcome, detail: str = "") -> None:
        """Rent nothing more for it, and end what was not handed over. Its first reason stays."""
        self._db.write("end_plan", plan=name, outcome=outcome, detail=detail)

    def give_up(self, plan: Plan, outcome: Outcome, detail: str = "") -> None:
        """The same by its driver. Raises NotRented where the turn was lost."""
        with self._db.alone():
            self._check_turn(plan)
            self.end(plan.name, outcome, detail)

    def mark_over(self, plan: Plan, outcome: Outcome) -> bool:
        """Nothing is left to do for it. False where the turn was lost."""
        return self._db.changes(
            "mark_plan_over", plan=plan.name, outcome=outcome, turn=plan.turn, now=time.time()
        )

    def mark_told(self, news: str) -> None:
        """An answer that told its machines, or its end, has arrived. `news`: what it told
        (told_of); where that is not so any more, its machines are others and are still to be told.
        """
        name, _, told = news.partition(":")
        if self._db.changes("mark_plan_told", plan=name, told=told):
            self._db.write("mark_plan_machines_told", plan=name)

    def untell(self, name: str) -> None:
        """What an answer told of it holds no more."""
        self._db.write("untell_plan", plan=name)

    # ── the life of a try ──────────────────────────────────────────────────────────────────────

    def claim_try(self, attempted: TryOf, intent: Intent) -> None:
        """Count a try, in the transaction that announces its request. Raises NotRented where the
        plan rents nothing now, OverLimit where it would pass a bound of the plan's.
        """
        plan = self._one("plan_named", account=intent.account, plan=attempted.plan)
        if plan is None or plan.state != "open":
            raise errors.NotRented("The plan of this rental is over, and rents nothing more.")
        if plan.driver != self._owner or plan.turn != attempted.turn:
            raise errors.NotRented("Another process drives the plan of this rental now.")
        usd_per_hour = intent.usd_per_hour
        if usd_per_hour is None:
            raise errors.PriceUnknown("What this try costs is unknown, and its plan has bounds.")
        worst = plan.bounds.worst_usd(usd_per_hour, attempted.pull_usd)
        others = [one for one in self.tries(plan.name) if one.number != attempted.number]
        _check_bounds(plan, others, attempted, usd_per_hour, worst)
        self._db.write(
            "begin_try",
            plan=plan.name,
            number=attempted.number,
            place=attempted.place,
            token=intent.token,
            offer_id=intent.offer_id,
            machine_id=attempted.machine_id,
            host_id=attempted.host_id,
            usd_per_hour=usd_per_hour,
            pull_usd=attempted.pull_usd,
            worst_usd=worst,
            now=time.time(),
        )

    def move(self, plan: Plan, one: Try, state: TryState, why: str = "") -> bool:
        """What became of a try; False where that cannot be any more: what failed stays so, and
        what was handed over is its caller's. Raises NotRented where the turn was lost.
        """
        with self._db.alone():
            self._check_turn(plan)
            return self._db.changes(
                "move_try", plan=plan.name, number=one.number, state=state, why=why, now=time.time()
            )

    def raise_worst(self, plan: Plan, one: Try, worst_usd: float) -> bool:
        """Let a try cost up to so much; False where the budget has no room for that."""
        with self._db.alone():
            self._check_turn(plan)
            others = [each for each in self.tries(plan.name) if each.number != one.number]
            if _over_budget(plan, others, worst_usd):
                return False
            self._db.write("raise_worst", plan=plan.name, number=one.number, worst_usd=worst_usd)
        return True

    def leave_to_caller(self, account: str, instance_id: int) -> None:
        """A machine that was told to work is its caller's from here on, who is about to end it:
        no other is wanted in its place.
        """
        self._db.write("leave_try_to_caller", account=account, instance_id=instance_id)

    def promise_end(self, plan: Plan, one: Try, until: float) -> float:
        """Announce when a machine ends that is handed over, in epoch seconds; what was announced
        first counts. Raises NotRented where the turn was lost.
        """
        with self._db.alone():
            self._check_turn(plan)
            self._db.write("promise_end", plan=plan.name, number=one.number, until=until)
        kept = {each.number: each.until for each in self.tries(plan.name)}
        return kept.get(one.number) or until

    def note_ending(self, one: Try) -> None:
        """Its first DELETE was accepted."""
        self._db.write("note_try_ending", plan=one.plan, number=one.number, now=time.time())

    def note_gone(self, one: Try) -> None:
        """It was proven gone, and its new volume too."""
        self._db.write("note_try_gone", plan=one.plan, number=one.number, now=time.time())

    def _check_turn(self, plan: Plan) -> None:
        if not self.keep(plan):
            raise errors.NotRented("Another process drives the plan now.")

    # ── rows ───────────────────────────────────────────────────────────────────────────────────

    def _one(self, query: str, **values: object) -> Plan | None:
        return next(map(plan_of, self._db.rows(query, **values)), None)

    def _one_surely(self, account: str, name: str) -> Plan:
        return plan_of(self._db.rows("plan_named", account=account, plan=name)[0])

    def _try_of(self, row: Mapping[str, Any]) -> Try:
        key = TryOf(str(row["plan"]), row["number"], row["place"], 0).request_key
        token = row["token"]
        sent = self._db.rows(
            "attempts_of_try", account=row["account"], request_key=key, token=token
        )
        intents = [intent_of(one) for one in sent]
        own = next((one for one in intents if one.token == token), None)
        return try_of(row, own, tuple(one for one in intents if one.token != token))


def _check_bounds(
    plan: Plan, others: list[Try], attempted: TryOf, usd_per_hour: float, worst: float
) -> None:
    """Raises OverLimit, NeedsConfirmation or UnresolvedIntent where a try passes a bound."""
    bounds = plan.bounds
    if any(one.in_doubt and not one.made_nothing for one in others):
        raise errors.NotRented("An earlier try of the plan is in doubt, which is settled first.")
    if sum(not one.made_nothing for one in others) >= bounds.max_attempts:
        raise errors.OverLimit(f"The plan may try {bounds.max_attempts} machines, and has.")
    _check_agreed(plan, attempted, usd_per_hour)
    blocking = condemned_beside(bounds, others, time.time())
    if sum(one.lives for one in others) + len(blocking) >= bounds.count:
        raise errors.NotRented(
            "The plan has its machines, or the one that this one replaces is not seen to be gone "
            "and may still bill."
        )
    if _over_budget(plan, others, worst):
        raise errors.OverLimit(
            f"With this try the plan may cost more than its {bounds.budget_usd:g} $ (budget_usd)."
        )
    kept = [one for one in others if one.bills or one.state == "handed"]
    together = usd_per_hour + sum(one.usd_per_hour for one in kept if one.gone_at is None)
    most = bounds.max_total_usd_per_hour
    if most is not None and together > most + ROUNDING:
        raise errors.OverLimit(
            f"With this try the plan's machines cost {together:.4f} $/h, and {most:g} are allowed "
            "(max_total_usd_per_hour)."
        )


def _check_agreed(plan: Plan, attempted: TryOf, usd_per_hour: float) -> None:
    """Raises NeedsConfirmation for a price that a person is to be asked about first."""
    agreed = plan.agreed and plan.agreed.usd_per_hour
    for most in (agreed, attempted.agreed_usd_per_hour):
        if most is not None and usd_per_hour > most + ROUNDING:
            raise errors.NeedsConfirmation(
                f"A machine of this plan may cost {most:g} $/h before a person is asked, and this "
                f"one costs {usd_per_hour:.4f}."
            )


def _over_budget(plan: Plan, others: list[Try], worst: float) -> bool:
    """Whether the budget has no room for a try's worst case beside what the others count."""
    budget, now = plan.bounds.budget_usd, time.time()
    if budget is None:
        return False
    return sum(one.counted_usd(now) for one in others) + worst > budget + ROUNDING
