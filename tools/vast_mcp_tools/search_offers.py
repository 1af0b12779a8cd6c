"""A search finds a machine to rent. The API's rows are some 860 tokens each, its filters leak, and
its units differ from people's.

So names are resolved before the search, gigabytes become the API's megabytes, every filter is
checked again on the rows (docs/vast-api.md B.2), and a row is cut to what decides. Nothing found is
an answer too: which filter is to blame.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep
from vast_mcp.machines import figures
from vast_mcp.offers import asked as offers_asked
from vast_mcp.offers import filters, on_demand, relaxing, remembered, rows
from vast_mcp.offers.asked import OfferArguments, given
from vast_mcp.offers.filters import Filter
from vast_mcp.offers.relaxing import Relaxation
from vast_mcp.offers.remembered import Remembered
from vast_mcp.offers.rows import Figure, OfferRow
from vast_mcp.offers.search import ORDERS, Search
from vast_mcp.offers_seen import BID
from vast_mcp.session import Call
from vast_mcp.toolspec import Result, Step, ToolSpec, step
from vast_mcp.vast.models import Offer

# Vast's own; without the registry host it becomes a container (A.5)
VM_IMAGE = "docker.io/vastai/kvm:ubuntu_terminal"
MORE_MAY_FIT = "More may fit: Vast shows 64 offers a search. A narrower one reaches further."
SEVERAL_TO_BLAME = "No single filter is to blame: only several changes together find something."


class SearchOffers(OfferArguments):
    also_called = OfferArguments.also_called | {
        "type": {"interruptible": "bid", "spot": "bid", "ask": "on-demand"},
        "order_by": {
            "price": "usd_per_hour",
            "cost": "usd_per_hour",
            "dph": "usd_per_hour",
            "dphtotal": "usd_per_hour",
            "reliability2": "reliability",
            "duration": "available_hours",
        },
    }

    type: Annotated[
        Literal["on-demand", "bid", "reserved"],
        Field(description="Default on-demand. bid: stopped when somebody bids more."),
    ] = "on-demand"
    order_by: Annotated[
        Literal["usd_per_hour", "score", "reliability", "available_hours"],
        Field(description="Default usd_per_hour; score: value for money."),
    ] = "usd_per_hour"
    template_hash_id: Annotated[
        str | None, Field(max_length=64, description="For the next step.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=50, description="1 to 50, default 10.")] = 10


class SearchOffersResult(Result):
    usual: Annotated[
        Json | None,
        Field(description="What holds of every offer that does not itself say otherwise."),
    ] = None
    offers: Annotated[
        list[OfferRow], Field(description="Best first. Empty when nothing fits, which is no error.")
    ]
    disk_gb: Annotated[Figure, Field(description="The disk that prices include.")]
    more: Annotated[bool | None, Field(description="True when a larger limit would show more.")] = (
        None
    )
    gpu_names_searched: Annotated[
        list[str] | None, Field(description="When a name means several GPUs, or a memory.")
    ] = None
    relax: Annotated[
        list[Relaxation] | None,
        Field(description="Nothing found: single changes that would find something."),
    ] = None
    warnings: list[str] | None = None
    next_steps: list[Step]


# ── The tool ───────────────────────────────────────────────────────────────────────────────────


async def search_offers(args: SearchOffers, call: Call) -> SearchOffersResult:
    """Finds machines with GPUs to rent on Vast.ai, best first; create_instance rents one.

    Prices are US$ per hour for the whole machine, its disk included; traffic is extra. Verified
    machines that are free now, unless filters says otherwise. usual holds of every offer that does
    not say otherwise; pairs are [down, up]. When nothing fits, relax says what to loosen.
    """
    asked = await offers_asked.read(call, args, "search_offers")
    args, warnings = asked.args, asked.warnings
    known = _remembered(args, call)
    warnings += known.told(args.before)
    wanted = asked.filters + known.filters(args.before)
    if known.finds_none(args.before):
        return _none_worked(args, warnings)
    # One more than are shown tells whether there are more.
    found = await _search(args).offers(call, wanted, ORDERS[args.order_by], args.limit + 1)
    if len(found) <= args.limit and not found.is_all:
        warnings.append(MORE_MAY_FIT)
    if not found:
        return await _nothing_found(args, call, wanted, warnings)
    shown = found[: args.limit]
    call.session.offers.remember(shown, args.type)
    alternatives, unread = await _on_demand(args, call, shown)
    warnings += unread
    usual, told = rows.told_once([_row(args, offer, alternatives, known) for offer in shown])
    return SearchOffersResult(
        usual=usual or None,
        offers=told,
        disk_gb=args.min_disk_gb,
        more=len(found) > len(shown) or not found.is_all or None,
        gpu_names_searched=asked.gpus.searched,
        warnings=warnings or None,
        next_steps=[_rent(args, *known.first_to_rent(shown), alternatives)],
    )


async def _on_demand(
    args: SearchOffers, call: Call, shown: list[Offer]
) -> tuple[dict[int, Offer], list[str]]:
    """Of offers for bids the same on demand, and what to warn of."""
    if args.type != BID:
        return {}, []
    found, unread = await on_demand.look(call, shown, args.min_disk_gb)
    for offer in shown:
        if on_demand.saves_nothing(offer, found.get(offer.ask_contract_id)):
            call.session.offers.told_on_demand(offer.ask_contract_id)
    return found, [unread] if unread else []


def _search(args: SearchOffers) -> Search:
    return Search(args.type, args.min_disk_gb)


def _remembered(args: SearchOffers, call: Call) -> Remembered:
    """What machines came to here. Raises JournalUnavailable where the search rests on that."""
    try:
        return remembered.remembered(call, args.before)
    except errors.JournalUnavailable as exc:
        again = _whatever_before(args)
        exc.next_steps = [NextStep(again.tool, again.arguments, again.why)]
        raise


# ── What is shown ──────────────────────────────────────────────────────────────────────────────


def _row(
    args: SearchOffers, offer: Offer, alternatives: dict[int, Offer], known: Remembered
) -> OfferRow:
    row = rows.row_of(offer, args.min_disk_gb)
    row.before = known.words_on(offer)
    row.min_bid = _lowest_bid(args, offer)
    disk = offer.disk_usd_per_hour(args.min_disk_gb)
    if args.type == BID and disk is not None:
        row.disk_usd_per_hour = figures.at_least(disk)
    same = alternatives.get(offer.ask_contract_id)
    if same is not None and same.dph_total is not None:
        row.on_demand_usd_per_hour = figures.at_least(same.dph_total)
        row.bid_saves_nothing = on_demand.saves_nothing(offer, same) or None
    if args.vm:
        row.vm = None
    return row


def _lowest_bid(args: SearchOffers, offer: Offer) -> float | None:
    """The lowest price to bid, $/h; None outside of a search for bids."""
    if args.type != "bid" or offer.min_bid is None:
        return None
    return figures.at_least(offer.min_bid)


def _rent(args: SearchOffers, offer: Offer, why: str, alternatives: dict[int, Offer]) -> Step:
    """The call that rents it. Without `price` an offer of a bid search is billed on demand
    (A.6), as it is where a bid saves nothing.
    """
    extra: Json = {}
    price = _lowest_bid(args, offer)
    if on_demand.saves_nothing(offer, alternatives.get(offer.ask_contract_id)):
        why += " on demand, which costs no more than its lowest bid"
    elif price is not None:
        why += " at its lowest bid, which it pays; a higher one stops it, and its disk bills on. "
        why += "Without price it is billed on demand"
        extra["price"] = price
    if args.vm:
        extra |= {"vm": True} if args.template_hash_id else {"vm": True, "image": VM_IMAGE}
    if args.template_hash_id is not None:
        extra["template_hash_id"] = args.template_hash_id
    if args.max_usd_per_hour is not None:
        extra["max_usd_per_hour"] = args.max_usd_per_hour
    disk = figures.tidy(args.min_disk_gb)
    return step("create_instance", why, offer_id=offer.ask_contract_id, disk=disk, **extra)


# ── Nothing found ──────────────────────────────────────────────────────────────────────────────


async def _nothing_found(
    args: SearchOffers, call: Call, wanted: list[Filter], warnings: list[str]
) -> SearchOffersResult:
    """One broader search, and from its rows which single change finds something."""
    result = SearchOffersResult(offers=[], disk_gb=args.min_disk_gb, next_steps=[])
    kept, order = relaxing.broader(wanted)
    try:
        offers = await _search(args).whatever_room().offers(call, kept, order)
    except errors.SearchQuotaExceeded as exc:
        result.warnings = [*warnings, f"Nothing fits; what would is not known. {exc}"]
        return result
    except errors.VastMcpError as exc:
        unread = f"Nothing fits; what would could not be looked up ({exc.code})."
        result.warnings = [*warnings, unread]
        result.next_steps = [_start_over(args)]
        return result
    relax = relaxing.relaxations(wanted, offers)
    if relax:
        result.relax = relax
        result.warnings = warnings or None
        result.next_steps = [_again(args, change) for change in relax[:3]]
    elif offers:
        result.warnings = [*warnings, SEVERAL_TO_BLAME]
        result.next_steps = [_start_over(args)]
    else:
        result.warnings = [*warnings, _nothing_listed(args, call)]
        result.next_steps = [_any_gpu(args)]
    return result


def _none_worked(args: SearchOffers, warnings: list[str]) -> SearchOffersResult:
    return SearchOffersResult(
        offers=[],
        disk_gb=args.min_disk_gb,
        warnings=[*warnings, remembered.NONE_WORKED],
        next_steps=[_whatever_before(args)],
    )


def _whatever_before(args: SearchOffers) -> Step:
    """The same search of all machines."""
    return _search_again("the same, whatever became of them", given(args, without={"before"}))


def _nothing_listed(args: SearchOffers, call: Call) -> str:
    if call.unread.warnings():
        return "Nothing that Vast lists now could be read well enough to be shown."
    kind = "of the kind"
    if args.gpu_name:
        kind += " by this gpu_name"
    return f"Vast lists nothing {kind} now, whatever the other filters."


_KIND = {"gpu_name", "type", "vm", "template_hash_id", *filters.NAMING_MACHINES}


def _again(args: SearchOffers, change: Relaxation) -> Step:
    """The same search with one change."""
    again = given(args)
    prefix, _, field = change.argument.partition(".")
    if prefix == "filters":
        _set(again["filters"], field, change.to)
    else:
        _set(again, change.argument, change.to)
    return _search_again(f"finds {change.offers} by changing {change.argument}", again)


def _set(asked: Json, name: str, value: Any) -> None:
    if value is None:
        asked.pop(name, None)
    else:
        asked[name] = value


def _any_gpu(args: SearchOffers) -> Step:
    """The same search without a GPU's name where it has one: nobody offers that GPU."""
    if args.gpu_name is None:
        return _start_over(args)
    return _search_again("the same with any GPU", given(args, without={"gpu_name"}))


def _start_over(args: SearchOffers) -> Step:
    """A search for the GPU alone, of the same kind and without the same machines."""
    return _search_again("the same with no other filter", given(args, only=_KIND))


def _search_again(why: str, asked: Json) -> Step:
    """Another search; its filters are a text, as the schema has them."""
    free = asked.pop("filters", None)
    if free:
        asked |= {"filters": json.dumps(free)}
    return step("search_offers", why, **asked)


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
