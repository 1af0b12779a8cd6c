"""One call of provision, read: a whole wish, or the name of a plan that is followed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.journal.plan_records import Bounds
from vast_mcp.provisioning.needs import ports_in
from vast_mcp.provisioning.requirement import TOOL, Requirement, Wanted
from vast_mcp.renting.arguments import Given
from vast_mcp.renting.order import PRIVATE, Order
from vast_mcp.settings import Settings, Times
from vast_mcp.waiting.aims import aim_of

SPARE = 4  # machines that may fail before a plan gives up, beside those that are wanted
ANY_OFFER = 1  # stands for the offer that is not chosen yet, where an order is judged before it is

# Arguments that say how a call goes on, not what is wished for.
GUARDS = frozenset({"request_key", "dry_run", "cancel", "until_done"})
_NEITHER = (
    "or budget_usd: one of them is required, since neither was given and the person set no price "
    "cap (VAST_MCP_MAX_USD_PER_HOUR)"
)
_CANCELS = "required beside cancel: the key of the plan, or all the arguments that it was made with"
_ITS_OWN_VOLUME = "leave it out: a volume offer on the machine that is chosen is found"
_ONE_WAY_ALONE = "ready_when {word} needs a way in that runtype args does not have"


@dataclass(frozen=True)
class Asked:
    """What one call asks for. `wanted`: the whole wish; None where the call names a plan by its
    request_key alone, and follows, or cancels, what there is. `wished`: every argument by which two
    calls are the same wish. `order`: as a try will be made, of an offer that stands for any; None
    without a wish. `spoken`: the arguments as an answer may repeat them, where it hides nothing.
    `until_done`: waits on past a call's time, where the host hears of progress. `notes`: what an
    answer says of the arguments.
    """

    wanted: Wanted | None
    request_key: str | None = None
    wished: Json = field(default_factory=dict[str, object], repr=False)
    order: Order | None = field(default=None, repr=False)
    spoken: Json = field(default_factory=dict[str, object], repr=False)
    dry_run: bool = False
    cancel: bool = False
    until_done: bool = False
    notes: tuple[str, ...] = ()

    @property
    def hides(self) -> bool:
        """Whether an answer may not repeat the call, since it may hold secrets."""
        return self.order is not None and self.order.hides

    def again(self, key: str, why: str) -> NextStep:
        """The same call, by the key of its plan alone."""
        return NextStep(TOOL, {"request_key": key}, why)


def asked_of(given: Json, search: Json, rental: Given, settings: Settings) -> Asked:
    """A call's arguments, judged as far as that asks nobody. `given`: all of them; `search` and
    `rental`: those of search_offers and create_instance among them.

    Raises BadArguments, or OverLimit for a lease.
    """
    key, cancel = given.get("request_key"), bool(given.get("cancel"))
    waits = bool(given.get("until_done"))
    if key is not None and given.keys() <= {"request_key", "cancel", "until_done"}:
        return Asked(None, key, cancel=cancel, until_done=waits)
    problems = _problems(given, settings)
    if cancel and given.keys() <= {"cancel", "until_done"}:
        problems = [Problem("request_key", _CANCELS)]
    if problems:
        raise errors.bad(TOOL, problems)
    values = rental.values
    order = _order(rental, settings, given.get("lease_hours"))
    kept = {name: value for name, value in values.items() if name not in PRIVATE}
    requirement = Requirement(
        search=search,
        rental=kept,
        ready_when=given.get("ready_when", "ready"),
        check=given.get("check"),
        ports=ports_in(values),
    )
    wanted = Wanted(requirement, bounds_of(given, order.lease_hours, settings.times), values)
    return Asked(
        wanted,
        key,
        wished={**{n: v for n, v in given.items() if n not in GUARDS}, **values},
        order=order,
        spoken=_spoken(given),
        dry_run=bool(given.get("dry_run")),
        cancel=cancel,
        until_done=waits,
        notes=order.notes,
    )


def _spoken(given: Json) -> Json:
    """The arguments in earnest, in the schema's own types: filters are a text there."""
    spoken = {name: value for name, value in given.items() if name not in {"dry_run", "cancel"}}
    if "filters" in spoken:
        spoken["filters"] = json.dumps(spoken["filters"])
    return spoken


def bounds_of(given: Json, lease_hours: float | None, times: Times) -> Bounds:
    """What a plan may cost until its machines work."""
    count = given.get("count", 1)
    return Bounds(
        count=count,
        together=not given.get("as_many", False),
        budget_usd=given.get("budget_usd"),
        overlap_usd=given.get("overlap_usd", 0.0),
        max_attempts=given.get("max_attempts", count + SPARE),
        give_up_s=given.get("give_up_after_minutes", 20.0) * times.minute_s,
        to_end_s=times.to_end_s,
        max_usd_per_hour=given.get("max_usd_per_hour"),
        max_total_usd_per_hour=given.get("max_total_usd_per_hour"),
        lease_hours=lease_hours,
    )


def _problems(given: Json, settings: Settings) -> list[Problem]:
    """What the arguments contradict each other in, or lack."""
    problems: list[Problem] = []
    caps = ("max_usd_per_hour", "budget_usd")
    if settings.limits.max_usd_per_hour is None and not any(given.get(name) for name in caps):
        problems.append(Problem("max_usd_per_hour", _NEITHER))
    volume: Json = given.get("volume_info", {})
    if volume.get("create_new") and volume.get("volume_id") is not None:
        problems.append(Problem("volume_info.volume_id", _ITS_OWN_VOLUME))
    count, attempts = given.get("count", 1), given.get("max_attempts")
    if attempts is not None and attempts < count:
        problems.append(Problem("max_attempts", f"fewer than the {count} machines of count"))
    word = str(given.get("ready_when", "ready"))
    if given.get("runtype") == "args" and aim_of(word).kind in {"ssh", "jupyter"}:
        problems.append(Problem("ready_when", _ONE_WAY_ALONE.format(word=aim_of(word).kind)))
    return problems


def _order(rental: Given, settings: Settings, lease_hours: float | None) -> Order:
    """The order of a try, judged before an offer is chosen. Raises BadArguments, in the name of
    this tool, or OverLimit.
    """
    stands_for: Json = {"offer_id": ANY_OFFER}
    if lease_hours is not None:
        stands_for["lease_hours"] = lease_hours
    volume: Json = rental.values.get("volume_info", {})
    if volume.get("create_new"):
        stands_for["volume_info"] = volume | {"volume_id": ANY_OFFER}
    try:
        return rental.order(settings, **stands_for)
    except errors.BadArguments as exc:
        steps: Sequence[NextStep] = exc.next_steps
        again = errors.bad(TOOL, exc.problems)
        again.next_steps = steps
        raise again from exc
