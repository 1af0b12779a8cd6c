"""What becomes of a plan's machines: of use, or failed, each with its why. Looks only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import anyio

from vast_mcp import errors
from vast_mcp.journal.plan_records import Bounds, Plan, Try
from vast_mcp.provisioning.requirement import Requirement
from vast_mcp.session import Call
from vast_mcp.waiting.aims import RUNNING, aim_of
from vast_mcp.waiting.facts import Verdict
from vast_mcp.waiting.rounds import wait_for
from vast_mcp.waiting.wait import Wish
from vast_mcp.working import checks

LOOKS = 5  # times look_s, that a wait of one step takes; a machine of use is looked at as seldom
MOST_UNKNOWN = 3  # looks from inside that find nothing, where that is no condition

Decided = tuple[Try, Literal["ready", "failed"], str]


def lost(one: Try, bounds: Bounds, now: float) -> str | None:
    """Why a try came to nothing by what the journal has of it; None where that is still open.
    `now`: epoch seconds.
    """
    intent = one.intent
    if intent is None:
        return None
    if intent.over_usd_per_hour is not None:
        return "over_limit"
    if intent.gone_at is not None:
        return "gone"
    if intent.stopped and not intent.stopped_as_asked:
        return "created_stopped"
    if one.state == "begun" and now - one.made_at > bounds.give_up_s:
        return "gave_up"
    return None


@dataclass
class Becoming:
    """What one driver has seen. `_unknown`: by try, looks from inside that found nothing."""

    _unknown: dict[int, int] = field(default_factory=dict[int, int])
    _looked_at: float = 0.0  # at machines of use, on anyio's clock

    async def of(self, call: Call, plan: Plan, begun: Sequence[Try]) -> list[Decided]:
        """Wait a little for machines; what was decided. Raises what every look raised, and
        BadArguments for a way in that a machine does not have.
        """
        if not begun:
            return []
        requirement = Requirement.of_json(plan.wanted)
        decided: list[Decided] = []
        for one, verdict in await _waited(call, begun, requirement.ready_when):
            if verdict.state == "ready":
                decided += await self._checked(call, requirement, one)
            elif verdict.state == "failed":
                decided.append((one, "failed", verdict.reason or "failed"))
            elif verdict.state == "running_not_reachable_from_here":
                decided.append((one, "failed", "not_reachable"))
        return decided

    async def _checked(self, call: Call, requirement: Requirement, one: Try) -> list[Decided]:
        """Compare a machine that answers with its offer, where that is wanted and can be done."""
        if requirement.check is False:
            return [(one, "ready", "")]
        try:
            checked = await checks.check(call, one.instance_id or 0, not_ours=False)
        except (errors.NoSshKey, errors.NotEntered):
            return [(one, "failed", "unchecked") if requirement.check else (one, "ready", "")]
        if checked.overall == "worse":
            worse = ", ".join(item.name for item in checked.judgement.named("worse"))
            return [(one, "failed", f"worse: {worse}")]
        if checked.overall == "as_promised":
            return [(one, "ready", "")]
        self._unknown[one.number] = 1 + self._unknown.get(one.number, 0)
        if checked.look.found is None and (
            requirement.check or self._unknown[one.number] < MOST_UNKNOWN
        ):
            return []  # another look may find something, until its time is up
        return [(one, "failed", "unchecked") if requirement.check else (one, "ready", "")]

    async def failed_since(self, call: Call, ready: Sequence[Try]) -> list[tuple[Try, str]]:
        """Those that were of use and failed since, and why; looked at now and then."""
        now = anyio.current_time()
        if not ready or now - self._looked_at < LOOKS * call.times.look_s:
            return []
        self._looked_at = now
        ids = [one.instance_id or 0 for one in ready]
        verdicts = await wait_for(ids, Wish(RUNNING, call.times.look_s), call)
        return [
            (one, verdict.reason or "failed")
            for one, verdict in zip(ready, verdicts, strict=True)
            if verdict.state == "failed"
        ]


async def _waited(call: Call, begun: Sequence[Try], until: str) -> list[tuple[Try, Verdict]]:
    """What a short wait for each came to."""
    wish = Wish(aim_of(until), LOOKS * call.times.look_s)
    verdicts = await wait_for([one.instance_id or 0 for one in begun], wish, call)
    return list(zip(begun, verdicts, strict=True))
