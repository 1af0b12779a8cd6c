"""One call of provision: the plan of its wish, opened, and followed until there is news of it or
the call's time ends. Machines are rented by whoever drives it (driving.py), here or elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from vast_mcp import errors
from vast_mcp.account.whose import account_of
from vast_mcp.errors import Problem
from vast_mcp.journal.plan_records import Plan, PlanWish, Try, told_of
from vast_mcp.journal.records import Notice
from vast_mcp.provisioning import consent, opening, words
from vast_mcp.provisioning.asked import TOOL, Asked
from vast_mcp.provisioning.requirement import Requirement
from vast_mcp.provisioning.words import State
from vast_mcp.renting.earlier import lives
from vast_mcp.session import PASSING_S, Call
from vast_mcp.working.jobs.pace import MARGIN_S, Pace, remembering

LOOK = 4  # looks at the journal in look_s
TELL_S = 5.0  # after which a host hears the same again: some wait as long as they hear something


@dataclass(frozen=True)
class Standing:
    """How a plan stands, as an answer tells it."""

    plan: Plan
    tries: list[Try]

    @property
    def state(self) -> State:
        """What an answer says first."""
        return words.state_of(self.plan, self.tries)

    @property
    def is_news(self) -> bool:
        """Whether something is to be told that ends a call's waiting."""
        if self.plan.state == "over":
            return True
        return self.state == "asks" or (self.state == "ready" and not self.plan.told)


async def provision(call: Call, asked: Asked) -> Standing:
    """The plan of a wish, and how it stands once there is news of it or the call's time ends. The
    answer tells its machines, or its end.

    Raises KeyReused, BadArguments where a key names no plan, and as opening.opened().
    """
    account = await account_of(call)
    call.session.settle_told(call.told)
    wish = opening.wish_of(call, account, asked)
    found = call.journal.plans.of_wish(wish)
    if asked.wanted is None:
        return await _followed(call, _surely(found), asked)
    _check_same(found, wish)
    if found is None or await _is_used_up(call, found, derived=wish.derived):
        found = await opening.opened(call, wish, asked.wanted, instead_of=found)
        _check_same(found, wish)  # another process may have been faster
    return await _followed(call, found, asked)


def _check_same(found: Plan | None, wish: PlanWish) -> None:
    """Raises KeyReused where the plan of this key asks for something else."""
    if found is not None and found.digest != wish.digest:
        raise errors.KeyReused(
            "This request_key was used for another plan; a new key makes a new one.",
            request_key=wish.key,
        )


async def cancel(call: Call, asked: Asked) -> Standing:
    """End the plan of a wish, by its key or by all that it asks for, and follow it to its end.
    Raises BadArguments where there is none.
    """
    account = await account_of(call)
    found = _surely(call.journal.plans.of_wish(opening.wish_of(call, account, asked)))
    call.journal.plans.end(found.name, "cancelled")
    return await _followed(call, found, asked)


def _surely(found: Plan | None) -> Plan:
    """The plan that a call names. Raises BadArguments where there is none."""
    if found is None:
        problem = Problem("request_key", "there is no such plan: the whole call makes one")
        raise errors.bad(TOOL, [problem])
    return found


async def _is_used_up(call: Call, plan: Plan, *, derived: bool) -> bool:
    """Whether a plan that is over is no answer to the same call: its machines are gone, or its end
    was told and it has no key of its own.
    """
    if plan.state != "over":
        return False
    handed = [one for one in call.journal.plans.tries(plan.name) if one.state == "handed"]
    if not handed:
        return derived and plan.told
    living = [one.intent for one in handed if one.intent is not None and one.intent.lives]
    return not [intent for intent in living if await lives(call, intent)]


# ── following ──────────────────────────────────────────────────────────────────────────────────


async def _followed(call: Call, plan: Plan, asked: Asked) -> Standing:
    """Watch a plan until there is news."""
    session, plans = call.session, call.journal.plans
    if plan.state != "over":
        plans.note_asked(plan.name)
        if asked.wanted is not None:
            session.plan_values[plan.name] = asked.wanted.rental
        session.wake_plans()
    pace = _pace(call, asked)
    told, tell_at = "", 0.0
    with remembering(call, pace):
        while (doing := await _unless_news(call, plan, pace, asked)) is not None:
            if doing != told or anyio.current_time() >= tell_at:
                told, tell_at = doing, anyio.current_time() + TELL_S
                await call.say(doing)
            await anyio.sleep(call.times.look_s / LOOK)
    return _telling(call, plan, pace)


def _pace(call: Call, asked: Asked) -> Pace:
    """How long a call follows: past its own time only where that is asked for and heard of."""
    return Pace.of(call, call.times.budget_s, until_done=asked.until_done)


async def _unless_news(call: Call, plan: Plan, pace: Pace, asked: Asked) -> str | None:
    """What goes on, in words; None once there is something to tell, or it is time to. Asks the
    person where they are to be asked.
    """
    standing = _standing(call, plan)
    if standing.state == "asks" and await _ask_again(call, standing.plan):
        pace.until = _pace(call, asked).until
    elif standing.is_news:
        return None
    if pace.over:
        return None
    if standing.plan.driver is None:
        call.session.wake_plans()
    return words.doing(standing.plan, standing.tries)


async def _ask_again(call: Call, plan: Plan) -> bool:
    """Ask a person about what there is now; False where they are asked by another process alone.
    Raises as confirm.ask().
    """
    plans = call.journal.plans
    if call.settings.confirm_above is None:
        return plan.agreed is None  # whoever drives asks, and this process drives without
    wish = PlanWish(plan.account, plan.wish, plan.digest, derived=False)
    requirement = Requirement.of_json(plan.wanted)
    agreed, spent = await consent.agreed_to(call, wish, requirement, plan.bounds)
    if agreed is not None and not agreed.asked and agreed == plan.agreed:
        return False  # whoever drives asks about less
    if agreed is not None:
        plans.agree(plan.name, agreed, lambda name: consent.spend(call, spent, name))
    plans.note_asked(plan.name)
    call.session.wake_plans()
    return True


def _standing(call: Call, plan: Plan) -> Standing:
    plans = call.journal.plans
    now = plans.by_name(plan.account, plan.name) or plan
    return Standing(now, plans.tries(plan.name))


def _telling(call: Call, plan: Plan, pace: Pace) -> Standing:
    """How it stands, for the answer: what it tells is told once it has arrived. What the answer
    reads beside that has the time that its call may still wait, at most a look in passing's.
    """
    now = anyio.current_time()
    until = max(now + MARGIN_S, min(pace.until, now + PASSING_S))
    call.resume(max(0.0, until - call.deadline))
    standing = _standing(call, plan)
    if standing.state in {"over", "ready"}:
        call.ends |= {(told_of(standing.plan, standing.tries), Notice.PLAN)}
    return standing
