"""Finding a machine: the API's rows are some 860 tokens each, its filters leak, and its units
differ from people's.

So names are resolved before the search, gigabytes become the API's megabytes, every filter is
checked again on the rows (docs/vast-api.md B.2), and a row is cut to what decides. Nothing found is
an answer too: which filter is to blame.
"""

from __future__ import annotations

import difflib
import json
import math
import operator
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from vast_mcp import errors
from vast_mcp.errors import Json, Problem
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Offer

# Vast's own; without the registry host it becomes a container (A.5)
VM_IMAGE = "docker.io/vastai/kvm:ubuntu_terminal"
# Vast's cap (B.1). Always asked for in full, because some rows fall to the second check.
ROWS = 64
CATALOGUE_S = 10.0  # seconds the list of GPU names may take, so that the search has its own time

# `gpu_ram` is what the driver reports, in units of 2**20 bytes; a card is sold in GB of 10**9.
# This conversion is exact and finds every card by its marketed size: 24564 and (with ECC) 23028
# for 24 GB, 46068 for 48, 81559 for 80, 15360 for 16, but not 22528 for 24 or 11264 for 12. The
# official client's 1000 would lose the ones with ECC.
MIB_PER_GB = 1e9 / 2**20


# ── Arguments ──────────────────────────────────────────────────────────────────────────────────


def _as_list(value: object) -> object:
    """One text, several between commas, or a list that came as JSON text (Claude Desktop sends
    those).
    """
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as exc:
            raise ValueError("must be a text or a list of texts") from exc
    return [part.strip() for part in value.split(",")]


OneOrSeveral = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64)]],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=32),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class SearchOffers(Arguments):
    gpu_name: Annotated[
        OneOrSeveral | None,
        Field(description="One or several, spelled freely: RTX_4090, 4090, a100 (all A100s)."),
    ] = None
    num_gpus: Annotated[int | None, Field(ge=1, description="Exactly this many.")] = None
    min_gpu_ram_gb: Annotated[
        float | None,
        Field(gt=0, description="GB per GPU, as sold: 48 finds an L40S, whose row says 45."),
    ] = None
    max_usd_per_hour: Annotated[
        float | None,
        Field(gt=0, description="The whole machine, disk included. For bids: the lowest bid."),
    ] = None
    min_reliability: Annotated[
        float | None, Field(ge=0, le=1, description="0 to 1; 0.98 is good.")
    ] = None
    geolocation: Annotated[
        OneOrSeveral | None, Field(description='Two-letter country codes: "US" or ["SE", "NO"].')
    ] = None
    min_disk_gb: Annotated[
        float, Field(ge=8, description="8 or more, default 10. Prices include it.")
    ] = 10
    min_cuda: Annotated[
        float | None, Field(gt=0, description="CUDA the driver supports, e.g. 12.4.")
    ] = None
    min_direct_ports: Annotated[
        int | None, Field(ge=0, description="Ports open to the internet.")
    ] = None
    min_hours: Annotated[
        float | None, Field(gt=0, description="Until the host may take it back.")
    ] = None
    vm: Annotated[
        bool, Field(description="Machines that run VMs, with a port to enter them. Default false.")
    ] = False
    datacenter_only: Annotated[bool, Field(description="Default false.")] = False
    type: Annotated[
        Literal["on-demand", "bid", "reserved"],
        Field(description="Default on-demand. bid: cheaper, and stopped when somebody bids more."),
    ] = "on-demand"
    order_by: Annotated[
        Literal["usd_per_hour", "score", "reliability", "available_hours"],
        Field(description="Best first. Default usd_per_hour; score is Vast's value for money."),
    ] = "usd_per_hour"
    limit: Annotated[int, Field(ge=1, le=50, description="1 to 50, default 10.")] = 10
    filters: Annotated[
        dict[str, dict[str, Any]] | None,
        Field(
            description="The rest, in the API's grammar and units (MB, seconds): "
            '{"cpu_ram": {"gte": 64000}}. '
            "Operators: eq neq gt gte lt lte in notin. Replaces a default: verified and rentable "
            "true, external and "
            "rented false."
        ),
    ] = None


# Argument, the API's field, operator.
_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("vm", "vms_enabled", "eq"),
    ("datacenter_only", "datacenter", "eq"),
    ("num_gpus", "num_gpus", "eq"),
    ("min_gpu_ram_gb", "gpu_ram", "gte"),
    ("max_usd_per_hour", "dph_total", "lte"),
    ("min_reliability", "reliability", "gte"),
    ("min_disk_gb", "disk_space", "gte"),
    ("min_cuda", "cuda_max_good", "gte"),
    ("min_direct_ports", "direct_port_count", "gte"),
    ("min_hours", "duration", "gte"),
)
_NAMES = ("gpu_name", "geolocation")  # arguments that are lists, and called as the field is
_UNIT = {
    "min_gpu_ram_gb": MIB_PER_GB,
    "min_hours": 3600.0,
}  # the API's units in one of the argument's
_DEFAULTS = {"verified": True, "external": False, "rentable": True, "rented": False}
_ORDER = {
    "usd_per_hour": ["dph_total", "asc"],
    "score": ["score", "desc"],
    "reliability": ["reliability", "desc"],
    "available_hours": ["duration", "desc"],
}


# ── Result ─────────────────────────────────────────────────────────────────────────────────────


class OfferRow(BaseModel):
    offer_id: int
    gpu_name: str
    num_gpus: Annotated[int | None, Field(description="Left out when 1.")] = None
    gpu_ram_gb: Annotated[int, Field(description="Per GPU, as the driver reports it.")]
    usd_per_hour: Annotated[
        float,
        Field(
            description="Whole machine with disk_gb of disk; for a bid search at the lowest bid."
        ),
    ]
    min_bid: Annotated[
        float | None, Field(description="The lowest price to bid, $/h; disk comes on top.")
    ] = None
    free_disk_gb: int | None = None
    location: str | None = None
    reliability: float | None = None
    direct_ports: int | None = None
    cuda_max: float | None = None
    available_hours: Annotated[
        int | None, Field(description="Until the host may take the machine back.")
    ] = None
    vm: Annotated[
        bool | None,
        Field(
            description=(
                "True where VMs run; left out where not, or when all do because vm was asked."
            )
        ),
    ] = None


class Relaxation(BaseModel):
    argument: str
    to: Annotated[
        Any,
        WithJsonSchema(
            {"anyOf": [{"type": kind} for kind in ("number", "boolean", "array", "object")]}
        ),
        Field(description="The nearest value that finds offers; absent: leave the argument out."),
    ] = None
    offers: Annotated[int, Field(description="How many that finds.")]


class SearchOffersResult(Result):
    offers: Annotated[
        list[OfferRow], Field(description="Best first. Empty when nothing fits, which is no error.")
    ]
    disk_gb: Annotated[float, Field(description="The disk that prices include.")]
    more: Annotated[bool | None, Field(description="True when a larger limit would show more.")] = (
        None
    )
    gpu_names_searched: Annotated[
        list[str] | None, Field(description="When a name fits several GPUs.")
    ] = None
    relax: Annotated[
        list[Relaxation] | None,
        Field(description="Nothing found: single changes that would find something."),
    ] = None
    warnings: list[str] | None = None
    next_steps: list[Step]


# ── The tool ───────────────────────────────────────────────────────────────────────────────────


async def search_offers(args: SearchOffers, call: Call) -> SearchOffersResult:
    """Finds machines with GPUs to rent on Vast.ai, cheapest first. Rents nothing:
    create_instance does, by offer_id.

    Prices are US$ per hour for the whole machine, its disk included. Only verified machines that
    are free now, unless filters says otherwise; an offer can be gone a minute later. When
    nothing fits, relax says which filter to loosen.
    """
    _check(args)
    warnings: list[str] = []
    gpus = await _gpus(args, call, warnings)
    wishes = _wishes(args, gpus)
    rows = await _look(args, call, _query(args, wishes, _ORDER[args.order_by]))
    found = [offer for offer in rows if _fits(offer, wishes)]
    if not found:
        return await _nothing_found(args, call, wishes, warnings)
    shown = found[: args.limit]
    call.session.remember(shown, bid=args.type == "bid")
    return SearchOffersResult(
        offers=[_row(args, offer) for offer in shown],
        disk_gb=args.min_disk_gb,
        more=True if len(found) > len(shown) else None,
        gpu_names_searched=gpus if len(gpus) > len(args.gpu_name or []) else None,
        warnings=warnings or None,
        next_steps=[_rent(args, shown[0])],
    )


# ── What is wrong with the arguments ───────────────────────────────────────────────────────────

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_LISTED = {"in", "notin"}
_OPS = (*_COMPARE, "in", "notin")
_NOT_FILTERS = {
    "id": "finds nothing; ask_contract_id is the field that holds an offer_id",
    "order": "not a filter: order_by",
    "limit": "not a filter: limit is an argument of its own",
    "type": "not a filter: type is an argument of its own",
    "allocated_storage": "not a filter: min_disk_gb sets it",
    "disable_bundling": "not a filter",
}
_SAME_FIELD = {"reliability2": "reliability", "hosting_type": "datacenter"}


def _check(args: SearchOffers) -> None:
    """Refuse what Vast would answer with silence or with a riddle."""
    fields = {argument: field for argument, field, _ in _FIELDS} | {name: name for name in _NAMES}
    given = {field: argument for argument, field in fields.items() if argument in _given(args)}
    problems = [
        Problem("geolocation", "two-letter country codes, for example US or DE")
        for code in args.geolocation or []
        if not re.fullmatch("[A-Za-z]{2}", code)
    ][:1]
    for field, ops in (args.filters or {}).items():
        if problem := _filter_problem(field, ops, given):
            problems.append(problem)
    if problems:
        raise _bad(problems)


def _filter_problem(field: str, ops: Json, given: dict[str, str]) -> Problem | None:
    if not re.fullmatch("[a-z][a-z0-9_]{0,39}", field):
        return Problem("filters", "names of fields are lower-case letters, digits and underscores")
    path = f"filters.{field}"
    if field in _NOT_FILTERS:
        return Problem(path, _NOT_FILTERS[field])
    if argument := given.get(_SAME_FIELD.get(field, field)):
        return Problem(path, f"given twice: {argument} is the same filter")
    if not ops or not set(ops) <= set(_OPS):
        return Problem(path, f"wants operators among {' '.join(_OPS)}")
    for op, value in ops.items():
        if (op in _LISTED) != isinstance(value, list) or value is None or isinstance(value, dict):
            return Problem(path, f"{op} wants {'a list' if op in _LISTED else 'one value'}")
    return None


def _bad(problems: list[Problem]) -> errors.BadArguments:
    names = ", ".join(dict.fromkeys(problem.field for problem in problems))
    return errors.BadArguments(
        f"search_offers: nothing was sent. Correct and call again: {names}.", problems=problems
    )


# ── Names of GPUs ──────────────────────────────────────────────────────────────────────────────

_VENDOR = {
    "nvidia",
    "geforce",
    "amd",
    "q",
    "quadro",
}  # people's words, or Vast's, that never tell two cards apart
_FAMILY = {"rtx", "gtx", "tesla"}  # in display names, and often left out by people
_OTHER_CARD = {
    "ti",
    "d",
    "ada",
    "laptop",
    "mobile",
    "max",
}  # words that make it another card, not another form of it


async def _gpus(args: SearchOffers, call: Call, warnings: list[str]) -> list[str]:
    """Vast's display names for what was asked; a name that fits several cards means all of them.

    Raises BadArguments with the nearest real names where there is none. An empty list: no GPU
    was asked for.
    """
    if not args.gpu_name:
        return []
    known = await _catalogue(args.gpu_name, call)
    if not known:
        warnings.append(
            "Vast's list of GPU names could not be read; gpu_name was searched for as given."
        )
        return [name.replace("_", " ") for name in args.gpu_name]
    problems = [
        Problem(
            "gpu_name",
            f"{place}Vast knows no such GPU; nearest: {', '.join(_nearest(name, known))}",
        )
        for place, name in zip(_places(args.gpu_name), args.gpu_name, strict=True)
        if not _matches(name, known)
    ]
    if problems:
        raise _bad(problems)
    return list(dict.fromkeys(real for name in args.gpu_name for real in _matches(name, known)))


async def _catalogue(names: list[str], call: Call) -> list[str]:
    """The names that exist, read again where the ones known do not suffice. Empty when they
    cannot be read.
    """
    session = call.session
    if not session.gpu_names or not all(_matches(name, session.gpu_names) for name in names):
        with suppress(errors.VastMcpError):  # the search tells of it, if it fails as well
            session.gpu_names = await call.within(CATALOGUE_S).gpu_names()
    return session.gpu_names


def _places(names: list[str]) -> list[str]:
    """Which of several names is meant; the name itself is the caller's text and stays out of
    errors.
    """
    return [""] if len(names) == 1 else [f"number {place}: " for place in range(1, len(names) + 1)]


def _matches(asked: str, known: Sequence[str]) -> list[str]:
    """The names that `asked` means: the same card, else the card without its family's name, else
    its forms.
    """
    words = _words(asked)
    same = [name for name in known if "".join(_words(name)) == "".join(words)]
    bare = [name for name in known if "".join(_bare(name)) == "".join(words)]
    if same or bare or not any(char.isdigit() for char in "".join(words)):
        return same or bare
    return [name for name in known if _is_form(_words(name), words) or _is_form(_bare(name), words)]


def _is_form(name: list[str], asked: list[str]) -> bool:
    """A100 SXM4 is a form of A100; RTX 4070 Ti is none of RTX 4070."""
    return name[: len(asked)] == asked and not _OTHER_CARD & set(name[len(asked) :])


def _words(name: str) -> list[str]:
    """Lower case, without vendors; the marks that people and Vast write differently made one."""
    text = re.sub(r"\bti super\b", "s ti", re.sub("[^a-z0-9]+", " ", name.lower()))
    words = [re.sub(r"sxm\d", "sxm", "s" if word == "super" else word) for word in text.split()]
    return [word for word in words if word not in _VENDOR]


def _bare(name: str) -> list[str]:
    words = _words(name)
    while words and words[0] in _FAMILY:
        words = words[1:]
    return words


def _nearest(asked: str, known: Sequence[str], count: int = 4) -> list[str]:
    """Real names, likest first."""
    wanted, bare = "".join(_words(asked)), "".join(_bare(asked))

    def likeness(name: str) -> float:
        whole = difflib.SequenceMatcher(None, wanted, "".join(_words(name))).ratio()
        return max(whole, difflib.SequenceMatcher(None, bare, "".join(_bare(name))).ratio())

    return sorted(known, key=likeness, reverse=True)[:count]


# ── Wishes: asked of Vast, then of every row ───────────────────────────────────────────────────


@dataclass(frozen=True)
class Wish:
    """One filter in the API's terms. `argument` is None for the defaults of every search, which
    are never relaxed.
    """

    argument: str | None
    field: str
    ops: Json


def _wishes(args: SearchOffers, gpus: list[str]) -> list[Wish]:
    filters = args.filters or {}
    wishes = [
        Wish(None, field, {"eq": value})
        for field, value in _DEFAULTS.items()
        if field not in filters
    ]
    # People write UK; the code in Vast's rows is ISO's.
    codes = ["GB" if code.upper() == "UK" else code.upper() for code in args.geolocation or []]
    for name, values in zip(_NAMES, (gpus, codes), strict=True):
        if values:
            wishes.append(
                Wish(name, name, {"in": values} if len(values) > 1 else {"eq": values[0]})
            )
    if args.vm:
        # Vast's SSH proxy does not reach a VM, so one without a direct port could never be
        # entered (A.5).
        wishes.append(Wish("vm", "direct_port_count", {"gte": 1}))
    for argument, field, op in _FIELDS:
        value: float | bool | None = getattr(args, argument)
        if value and (argument in args.model_fields_set or field not in filters):
            wishes.append(Wish(argument, field, {op: _to_api(argument, value)}))
    return wishes + [Wish(f"filters.{field}", field, ops) for field, ops in filters.items()]


def _to_api(argument: str, value: float) -> float:
    unit = _UNIT.get(argument)
    return value if unit is None else math.floor(value * unit)


def _query(args: SearchOffers, wishes: list[Wish], order: list[str]) -> Json:
    """The flat body of POST /bundles/ (B.1)."""
    query: Json = {
        "type": args.type,
        "allocated_storage": args.min_disk_gb,
        "order": [order],
        "limit": ROWS,
    }
    for wish in wishes:
        query[wish.field] = {**query.get(wish.field, {}), **wish.ops}
    return query


async def _look(args: SearchOffers, call: Call, query: Json) -> list[Offer]:
    """The rows, each with `dph_total` as the price of this disk and this kind of rental; without
    a price, no offer.
    """
    rows = await call.vast.search_offers(query)
    return [
        offer.model_copy(update={"dph_total": price})
        for offer in rows
        if (price := _price(args, offer)) is not None
    ]


def _price(args: SearchOffers, offer: Offer) -> float | None:
    """$/h with the disk, by the offer's own figures (A.6), else as Vast summed it up."""
    bid = args.type == "bid"
    base, disk = offer.min_bid if bid else offer.dph_base, offer.disk_usd_per_hour(args.min_disk_gb)
    if base is None or disk is None:
        return None if bid and base is None else offer.dph_total
    return round(base + disk, 6)


def _fits(offer: Offer, wishes: Sequence[Wish]) -> bool:
    return all(_meets(offer, wish) for wish in wishes)


def _meets(offer: Offer, wish: Wish) -> bool:
    """Whether the row bears the filter out. What the row does not say was Vast's to judge, but
    for VMs.
    """
    fact = _fact(offer, wish.field)
    if fact is None:
        return wish.field != "vms_enabled"
    return all(_holds(fact, op, asked) for op, asked in wish.ops.items())


def _fact(offer: Offer, field: str) -> Any:
    """What a row says about a filter; some filters are no keys of a row (B.2)."""
    match field:
        case "verified":
            return None if offer.verification is None else offer.verification == "verified"
        case "datacenter":
            return None if offer.hosting_type is None else offer.hosting_type == 1
        case "reliability" | "reliability2":
            return offer.reliability if offer.reliability2 is None else offer.reliability2
        case "geolocation":
            return (
                offer.geolocation.rsplit(",", 1)[-1].strip().upper() if offer.geolocation else None
            )
        case _:
            return getattr(offer, field) if field in Offer.model_fields else None


def _holds(fact: Any, op: str, asked: Any) -> bool:
    if op in _LISTED:
        return any(_holds(fact, "eq", one) for one in cast("list[Any]", asked)) == (op == "in")
    try:
        # Numbers may come as text, as the official client sends them.
        want: Any = float(asked) if isinstance(asked, str) and not isinstance(fact, str) else asked
        return bool(_COMPARE[op](fact, want))
    except (TypeError, ValueError):
        return (
            # two kinds that do not compare: Vast took the filter, so it was Vast's to judge
            True
        )


# ── What is shown ──────────────────────────────────────────────────────────────────────────────


def _row(args: SearchOffers, offer: Offer) -> OfferRow:
    bid = args.type == "bid"
    reliability = _fact(offer, "reliability")
    return OfferRow(
        offer_id=offer.ask_contract_id,
        gpu_name=errors.clean(offer.gpu_name, 40),
        num_gpus=offer.num_gpus if offer.num_gpus != 1 else None,
        gpu_ram_gb=_shown_gb(offer.gpu_ram),
        usd_per_hour=_up(offer.dph_total or 0),
        min_bid=_up(offer.min_bid) if bid and offer.min_bid is not None else None,
        free_disk_gb=None if offer.disk_space is None else int(offer.disk_space),
        location=errors.clean(offer.geolocation, 40) if offer.geolocation else None,
        reliability=None if reliability is None else _down(reliability),
        direct_ports=offer.direct_port_count,
        cuda_max=offer.cuda_max_good,
        available_hours=None if offer.duration is None else int(offer.duration / 3600),
        vm=offer.vms_enabled or None if not args.vm else None,
    )


def _rent(args: SearchOffers, offer: Offer) -> Step:
    """The call that rents it. Without `price` an offer of a bid search is billed on demand
    (A.6).
    """
    extra: Json = (
        {"price": _up(offer.min_bid)} if args.type == "bid" and offer.min_bid is not None else {}
    )
    extra |= {"vm": True, "image": VM_IMAGE} if args.vm else {}
    why = "rents the first offer" + (
        "; without price it is billed on demand" if extra.get("price") else ""
    )
    return step(
        "create_instance",
        why,
        offer_id=offer.ask_contract_id,
        disk=_tidy(args.min_disk_gb),
        **extra,
    )


def _shown_gb(mib: float) -> int:
    return round(mib / 1024)


def _tidy(value: float) -> float:
    return int(value) if value == int(value) else value


def _up(value: float) -> float:
    """Three digits, never less than it is: a price, or a bid that must reach its floor.

    A ceiling that somebody wrote in three digits is never passed by a price shown so.
    """
    return float(Context(prec=3, rounding=ROUND_CEILING).create_decimal_from_float(round(value, 9)))


def _down(value: float) -> float:
    """Three digits, never more than it is: what a machine has."""
    return float(Context(prec=3, rounding=ROUND_FLOOR).create_decimal_from_float(round(value, 9)))


# ── Nothing found ──────────────────────────────────────────────────────────────────────────────


async def _nothing_found(
    args: SearchOffers, call: Call, wishes: list[Wish], warnings: list[str]
) -> SearchOffersResult:
    """One broader query, and from its rows which single change finds something."""
    relax: list[Relaxation] = []
    rows: list[Offer] | None = None
    kept, order = _broader(wishes)
    try:
        rows = [
            offer
            for offer in await _look(args, call, _query(args, kept, order))
            if _fits(offer, kept)
        ]
    except errors.VastMcpError as exc:
        warnings.append(f"Nothing fits; what would could not be looked up ({exc.code}).")
    else:
        relax = _relaxations(wishes, rows)
        if not relax:
            warnings.append(_explanation(args, rows))
    return SearchOffersResult(
        offers=[],
        disk_gb=args.min_disk_gb,
        relax=relax or None,
        warnings=warnings or None,
        next_steps=[_again(args, change) for change in relax[:3]]
        or [_start_over(args, gpu_missing=rows == [])],
    )


def _broader(wishes: list[Wish]) -> tuple[list[Wish], list[str]]:
    """What the broader query still asks, and its order. The reply has 64 rows, so they must be
    the telling ones.

    A lone wish is dropped, and the rows nearest to it come first. Of several, the GPU's name
    stays; without one the cheapest rows would all be of the smallest machines, so size is halved
    and not dropped. What no row shows stays.
    """
    kept = [wish for wish in wishes if wish.argument is None or not _visible(wish.field)]
    asked = [wish for wish in wishes if wish not in kept]
    if len({wish.argument for wish in asked} - {"min_disk_gb"}) == 1:
        first = asked[0]
        op = next(iter(first.ops))
        return kept, [
            first.field,
            "desc" if op in {"gte", "gt"} else "asc",
        ] if op in _BOUNDS else _ORDER["score"]
    named = any(wish.argument == "gpu_name" for wish in asked)
    for wish in asked:
        if wish.argument == "gpu_name":
            kept.append(wish)
        elif wish.argument == "num_gpus":
            kept.append(
                replace(wish, ops={"gte": math.ceil(wish.ops["eq"] / 2), "lte": wish.ops["eq"] * 2})
            )
        elif wish.argument == "min_gpu_ram_gb" and not named:
            kept.append(replace(wish, ops={"gte": wish.ops["gte"] // 2}))
    return kept, _ORDER["usd_per_hour"]


def _visible(field: str) -> bool:
    return field in {"verified", "datacenter"} or field in Offer.model_fields


def _relaxations(wishes: list[Wish], rows: list[Offer]) -> list[Relaxation]:
    """For each argument: the nearest value at which rows fit that bear out every other wish.
    Price comes last.
    """
    found: list[Relaxation] = []
    for argument, wish in {wish.argument: wish for wish in wishes if wish.argument}.items():
        fitting = [
            offer
            for offer in rows
            if _fits(offer, [other for other in wishes if other.argument != argument])
        ]
        if fitting and (change := _change(argument, wish, fitting)).offers:
            found.append(change)
    return sorted(found, key=lambda change: (change.argument == "max_usd_per_hour", -change.offers))


def _change(argument: str, wish: Wish, rows: list[Offer]) -> Relaxation:
    """What to set `argument` to, given rows that fit in everything else, and how many fit then."""
    facts = [fact for offer in rows if (fact := _fact(offer, wish.field)) is not None]
    op, asked = next(iter(wish.ops.items()))
    to: Any = False if argument in {"vm", "datacenter_only"} else None
    ops: Json = {}
    if argument == "gpu_name":
        to = _nearest(str(asked), list(dict.fromkeys(facts)), 5)
        ops = {"in": to}
    elif argument == "geolocation":
        to = [code for code, _ in Counter(facts).most_common(5)]
        ops = {"in": to}
    elif facts and len(wish.ops) == 1 and (op in _BOUNDS or argument == "num_gpus"):
        bound = _BOUNDS.get(op, op)
        to = _shown_value(argument, _NEAREST[bound](facts, asked))
        if to < _LEAST.get(argument, 0):
            return Relaxation(argument=argument, offers=0)
        ops = {bound: _to_api(argument, to)}
        to = ops if argument.startswith("filters.") else to
    return Relaxation(
        argument=argument,
        to=to,
        offers=sum(_meets(offer, replace(wish, ops=ops)) for offer in rows),
    )


_BOUNDS = {
    "gte": "gte",
    "gt": "gte",
    "lte": "lte",
    "lt": "lte",
}  # moved onto a row's fact, each includes it
_NEAREST: dict[str, Callable[[list[Any], Any], float]] = {
    "gte": lambda facts, _: max(facts),
    "lte": lambda facts, _: min(facts),
    "eq": lambda facts, asked: min(facts, key=lambda fact: abs(fact - asked)),
}
# below these the argument, or a rental, makes no sense
_LEAST = {"min_disk_gb": 8, "min_hours": 1}


def _shown_value(argument: str, fact: float) -> float:
    """A row's fact as a value of the argument, rounded so that the row still fits."""
    match argument:
        case "min_gpu_ram_gb":
            return _shown_gb(fact)
        case "max_usd_per_hour":
            return _up(fact)
        case "min_hours" | "min_disk_gb":
            return int(fact / _UNIT.get(argument, 1))
        case _:
            return _tidy(fact if argument.startswith("filters.") else _down(fact))


def _explanation(args: SearchOffers, rows: list[Offer]) -> str:
    if rows:
        return "No single filter is to blame: only several changes together find something."
    return (
        f"Vast lists nothing of the kind{' by this gpu_name' if args.gpu_name else ''} now, "
        f"whatever the other filters."
    )


def _again(args: SearchOffers, change: Relaxation) -> Step:
    """The same search with one change."""
    again = _given(args)
    prefix, _, field = change.argument.partition(".")
    place, key = (again["filters"], field) if prefix == "filters" else (again, change.argument)
    if change.to is None:
        del place[key]
    else:
        place[key] = change.to
    return step("search_offers", f"finds {change.offers} by changing {change.argument}", **again)


def _start_over(args: SearchOffers, *, gpu_missing: bool) -> Step:
    """Everything but the GPU where nobody offers it, else the GPU alone."""
    given = _given(args)
    if gpu_missing and given.pop("gpu_name", None):
        return step("search_offers", "the same with any GPU", **given)
    fewer = {key: given[key] for key in ("gpu_name", "type") if key in given}
    return step("search_offers", "the same with no other filter", **fewer)


def _given(args: SearchOffers) -> Json:
    return args.model_dump(exclude_unset=True, exclude_none=True)


SPEC = ToolSpec(
    fn=search_offers,
    arguments=SearchOffers,
    result=SearchOffersResult,
    title="Search GPU offers",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=True,
)
