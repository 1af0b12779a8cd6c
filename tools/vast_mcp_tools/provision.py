"""From words to a machine that works: what is wanted is looked for until it answers, within what it
may cost, by a plan that goes on between calls (docs/provision.md).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from vast_mcp.errors import Json
from vast_mcp.offers.asked import WantedOffers
from vast_mcp.provisioning.told import PlanTold
from vast_mcp.renting import arguments
from vast_mcp.renting.arguments import RentalArguments
from vast_mcp.session import Call
from vast_mcp.settings import LONGEST_LEASE_H
from vast_mcp.toolspec import Arguments, Result, ToolSpec
from vast_mcp.waiting.aims import aim_of

if TYPE_CHECKING:
    from vast_mcp.provisioning.asked import Asked

MOST_MACHINES, MOST_TRIES = 20, 50


def _understood(until: str) -> str:
    aim_of(until)
    return until


class Provision(RentalArguments, WantedOffers):
    grammars = WantedOffers.grammars | RentalArguments.grammars
    also_called: ClassVar[dict[str, dict[str, str]]] = {
        **RentalArguments.also_called,
        "type": {"interruptible": "bid", "spot": "bid", "ask": "on-demand"},
    }
    told_elsewhere = frozenset(
        {
            *WantedOffers.model_fields,
            *RentalArguments.model_fields,
            *("type", "max_usd_per_hour", "lease_hours", "request_key", "dry_run", "until_done"),
        }
    )

    type: Literal["on-demand", "bid"] = "on-demand"
    ready_when: Annotated[
        Annotated[str, AfterValidator(_understood)],
        Field(description="as until of wait_for_instance, default ready"),
    ] = "ready"
    check: Annotated[
        bool | None,
        Field(description="by check_machine. Default: where SSH lets in"),
    ] = None
    count: Annotated[
        int, Field(ge=1, le=MOST_MACHINES, description="of machines, 1 to 20, default 1")
    ] = 1
    as_many: Annotated[bool, Field(description="fewer will do. Default false: all or none")] = False
    max_usd_per_hour: Annotated[float | None, Field(gt=0)] = None
    max_total_usd_per_hour: Annotated[float | None, Field(gt=0, description="all")] = None
    budget_usd: Annotated[
        float | None,
        Field(gt=0, description="for all until they work, failed tries included"),
    ] = None
    overlap_usd: Annotated[
        float,
        Field(ge=0, description="that a failed try may cost beside the next. Default 0.0"),
    ] = 0.0
    max_attempts: Annotated[
        int | None, Field(ge=1, le=MOST_TRIES, description="1 to 50, default count + 4")
    ] = None
    give_up_after_minutes: Annotated[
        float, Field(ge=1, le=240, description="of each try, 1 to 240, default 20.0")
    ] = 20.0
    lease_hours: Annotated[
        float | None,
        Field(gt=0, le=LONGEST_LEASE_H),
    ] = None
    request_key: Annotated[
        str | None,
        Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$"),
    ] = None
    until_done: bool = False
    dry_run: bool = False
    cancel: Annotated[bool, Field(description="ends what is not handed over. Default false")] = (
        False
    )


class ProvisionResult(Result, PlanTold):
    pass


async def provision(args: Provision, call: Call) -> ProvisionResult:
    """Rents, waits for and checks machines until they work, each failed one seen gone before the
    next. Spends money: max_usd_per_hour (each) or budget_usd is required. It goes on between calls;
    the same call, or its request_key alone, follows it and never rents twice. Until an answer with
    them arrives machines end soon by themselves; lease_hours counts from then. Fields without words
    are as in search_offers, create_instance and run_command.
    """
    from vast_mcp.provisioning import asking, otherwise, previewing, told

    asked = await _asked(args, call)
    if asked.dry_run and asked.wanted is not None:
        return _answer(await previewing.previewed(call, asked, asked.wanted))
    standing = await (asking.cancel if asked.cancel else asking.provision)(call, asked)
    answer = await told.told(call, standing.plan, asked.notes)
    return _answer(await otherwise.of_plan(call, asked, standing.plan, answer))


def _answer(told: PlanTold) -> ProvisionResult:
    return ProvisionResult(**dict(told))


async def _asked(args: Provision, call: Call) -> Asked:
    """The call, read. Raises BadArguments, or OverLimit for a lease."""
    from vast_mcp.provisioning.asked import asked_of

    given = args.model_dump(exclude_defaults=True, exclude_none=True)
    read = await arguments.read(args, call.settings)
    rental = _of(read.values, RentalArguments) | _named(given, "vm")
    search = _of(given, WantedOffers) | _named(given, "type")
    return asked_of(given, search, replace(read, values=rental), call.settings)


def _of(given: Json, model: type[Arguments]) -> Json:
    """Those of the arguments that this model has."""
    return _named(given, *model.model_fields)


def _named(given: Json, *names: str) -> Json:
    return {name: given[name] for name in names if name in given}


SPEC = ToolSpec(
    fn=provision,
    arguments=Provision,
    result=ProvisionResult,
    title="Get machines that work",
    read_only=False,
    destructive=True,
    idempotent=False,
    open_world=True,
    sends=("create", "destroy"),
)
