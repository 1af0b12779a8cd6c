"""What a search asks of an offer: the arguments that search_offers and provision share, and the
filters that they become.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.offers import (
    arguments,
    card_filters,
    filters,
    gpu_names,
    grammar,
    place_filters,
    places,
)
from vast_mcp.offers.card_filters import Gpus
from vast_mcp.offers.filters import Filter
from vast_mcp.offers.remembered import Wanted
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments

OneOrSeveral = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64)]],
    BeforeValidator(arguments.as_list),
    Field(max_length=32),
]
Places = Annotated[OneOrSeveral, BeforeValidator(places.as_list)]

# Published as a text, since hosts hide or refuse free objects (docs/hosts.md, "input schemas").
Filters = Annotated[
    dict[str, dict[str, Any]],
    BeforeValidator(grammar.as_object),
    WithJsonSchema({"type": "string"}),
]


class WantedOffers(Arguments):
    """Base of arguments that ask for offers: which card, where, and the rest as filters."""

    grammars = frozenset({"filters", "gpu_name", "geolocation"})
    gpu_name: Annotated[
        OneOrSeveral | None,
        Field(description='Spelled freely: ["RTX_4090", "a100"] (all A100s). At most 32.'),
    ] = None
    num_gpus: Annotated[int | None, Field(ge=1, description="Exactly.")] = None
    min_gpu_ram_gb: Annotated[
        float | None,
        Field(gt=0, description="Per GPU, as sold: 48 finds an L40S."),
    ] = None
    geolocation: Annotated[
        Places | None,
        Field(description='At most 32 places: ["SE", "Texas, US", "Europe"].'),
    ] = None
    min_cuda: Annotated[float | None, Field(gt=0, description="Of the driver, e.g. 12.4.")] = None
    exclude_machine_ids: Annotated[
        list[Annotated[int, Field(ge=1)]] | None,
        Field(max_length=arguments.MOST_EXCLUDED, description="At most 64."),
    ] = None
    min_direct_ports: Annotated[int | None, Field(ge=0, description="Open to the internet.")] = None
    min_hours: Annotated[
        float | None, Field(gt=0, description="Until the host may take it back.")
    ] = None
    vm: Annotated[bool, Field(description="Machines for VMs. Default false.")] = False
    filters: Annotated[
        Filters | None,
        Field(
            description="The rest, as a query of the vastai client (GB, days): cpu_ram>=64 "
            "geolocation notin [CN]."
        ),
    ] = None

    @property
    def free(self) -> dict[str, Json]:
        """Filters in the API's own grammar; none where none were given."""
        return self.filters or {}


class OfferArguments(WantedOffers):
    """The same, with what is asked for less often, or can be a filter too."""

    also_called = {
        "before": {"exclude_failed": "not_failed", "ready": "worked", "good": "worked"},
    }

    max_usd_per_hour: Annotated[
        float | None,
        Field(gt=0, description="For bids: the lowest bid."),
    ] = None
    min_reliability: Annotated[
        float | None, Field(ge=0, le=1, description="0 to 1; 0.98 is good.")
    ] = None
    min_disk_gb: Annotated[float, Field(ge=8, description="8 or more, default 10.")] = 10
    min_compute_cap: Annotated[
        Annotated[float, Field(gt=0), AfterValidator(arguments.compute_cap)] | None,
        Field(description="E.g. 8.9."),
    ] = None
    min_cpu_ram_gb: Annotated[float | None, Field(gt=0, description="Your share, estimated.")] = (
        None
    )
    min_inet_down_mbps: Annotated[float | None, Field(gt=0, description="Mbit/s.")] = None
    max_usd_per_tb: Annotated[
        float | None, Field(gt=0, description="The dearer of down and up.")
    ] = None
    before: Annotated[
        Wanted,
        Field(description="not_failed: none that failed here; worked: proven ones. Default any."),
    ] = "any"
    datacenter_only: Annotated[bool, Field(description="Default false.")] = False


# ── How they are read ──────────────────────────────────────────────────────────────────────────

Args = TypeVar("Args", bound=OfferArguments)


@dataclass(frozen=True)
class AskedOffers(Generic[Args]):
    """What is asked of offers. `args`: as they were read, with the number of cards that a name
    says; `filters`: in the API's terms, without those of machines that were met before (`before`);
    `warnings`: what an answer says of how they were read.
    """

    args: Args
    gpus: Gpus
    filters: list[Filter]
    warnings: list[str]


async def read(call: Call, args: Args, tool: str) -> AskedOffers[Args]:
    """Arguments of a tool as filters. Raises BadArguments for what Vast would answer with silence
    or with a riddle.
    """
    args = _checked(args, tool)
    try:
        gpus = await card_filters.asked(
            call, args.gpu_name or [], _unless_any(args, "gpu_name"), args.num_gpus
        )
    except errors.BadArguments as exc:
        raise errors.bad(tool, exc.problems) from exc
    args = _counted(args, gpus)
    places_there, told = place_filters.in_filters(_unless_any(args, "geolocation"))
    said = [*gpus.warnings, *place_filters.told(places.read_all(args.geolocation or [])), *told]
    return AskedOffers(args, gpus, _filters(args) + gpus.filters + places_there, said)


def given(
    args: OfferArguments, *, only: set[str] | None = None, without: set[str] | None = None
) -> Json:
    """The arguments that were given, by name."""
    return args.model_dump(include=only, exclude=without, exclude_unset=True, exclude_none=True)


def _checked(args: Args, tool: str) -> Args:
    """The same, with its filters read. Raises BadArguments."""
    problem = places.problem_with(args.geolocation or [])
    problems = [] if problem is None else [problem]
    said = {"num_gpus"} if gpu_names.says_how_many(args.gpu_name or []) else set[str]()
    asked = {name for name, value in given(args).items() if value is not False}
    read, wrong = grammar.read(args.free, arguments.given_fields(asked | said))
    problems += wrong
    if problems:
        raise errors.bad(tool, problems)
    return args.model_copy(update={"filters": read}) if read else args


def _unless_any(args: OfferArguments, field: str) -> Json:
    """The operators on a field in `filters`; none where any value will do."""
    ops = args.free.get(field, {})
    return {} if grammar.is_any(ops) else ops


def _counted(args: Args, gpus: Gpus) -> Args:
    """The same, with how many a name asks for ("8xA100") as the argument that it is."""
    if gpus.count is None:
        return args
    return args.model_copy(update={"gpu_name": gpus.names, "num_gpus": gpus.count})


def _filters(args: OfferArguments) -> list[Filter]:
    """What is asked beside names, in the API's terms: what is given in `filters` takes a default's
    place.
    """
    wanted = filters.defaults(args.free)
    wanted += place_filters.filters_of(places.read_all(args.geolocation or []))
    if args.vm:
        # Vast's SSH proxy does not reach a VM, so one without a direct port could never be
        # entered (A.5).
        wanted.append(Filter("vm", "direct_port_count", {"gte": 1}))
    wanted += _bounds(args)
    if args.exclude_machine_ids:
        without = {"notin": list(args.exclude_machine_ids)}
        wanted.append(Filter(filters.EXCLUDED, "machine_id", without))
    for field, ops in args.free.items():
        if field not in arguments.NAMES:
            wanted += grammar.to_filters(field, ops)
    return wanted


def _bounds(args: OfferArguments) -> list[Filter]:
    """The arguments that become one filter each; a default yields to the same field in
    `filters`.
    """
    found: list[Filter] = []
    for field in arguments.FIELDS:
        value: float | bool | None = getattr(args, field.argument)
        if value and (field.argument in args.model_fields_set or field.name not in args.free):
            ops = {field.op: arguments.to_api(field.argument, value)}
            found.append(Filter(field.argument, field.name, ops))
    return found
