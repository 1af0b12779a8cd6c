"""When nothing fits: one broader search, and from its rows which single change finds something."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import BaseModel, Field, WithJsonSchema

from vast_mcp.errors import Json
from vast_mcp.offers import arguments, gpu_names
from vast_mcp.offers.filters import NAMING_MACHINES, Filter, fact_of, fits, is_visible
from vast_mcp.offers.search import ORDERS, Order
from vast_mcp.vast import names
from vast_mcp.vast.models import Offer

CHEAPEST = ORDERS["usd_per_hour"]
_LAST = {"max_usd_per_hour", "max_usd_per_tb", *NAMING_MACHINES}
# A bound is moved onto a row's fact, which each of these includes.
_INCLUSIVE = {"gte": "gte", "gt": "gte", "lte": "lte", "lt": "lte"}


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


@dataclass(frozen=True)
class _Change:
    """What an argument is set to, None to leave it out, and the operators of its filter then."""

    to: Any
    ops: Json


_LEFT_OUT = _Change(None, {})


# ── The broader search ─────────────────────────────────────────────────────────────────────────


def broader(filters: Sequence[Filter]) -> tuple[list[Filter], Order]:
    """What the broader search still asks, and its order. Vast answers with 64 rows, so they must
    be the telling ones.

    A lone filter is dropped, and the rows nearest to it come first; a lone name stays without its
    memory, and a country without its part. Of several, the GPU's name stays; without one the
    cheapest rows would all be of the smallest machines, so size is halved and not dropped. What no
    row shows stays.
    """
    kept = [one for one in filters if not _can_be_blamed(one)]
    asked = [one for one in filters if _can_be_blamed(one)]
    blamed = {one.argument: one for one in asked if one.argument != "min_disk_gb"}
    if len(blamed) == 1:
        [lone] = blamed.values()
        if any(one.coarse for one in asked):
            return [*kept, Filter(lone.argument, lone.field, lone.ops)], CHEAPEST
        return kept, _nearest_first(lone)
    for one in asked:
        kept += _loosened(one, gpu_named="gpu_name" in blamed)
    return kept, CHEAPEST


def _can_be_blamed(one: Filter) -> bool:
    return one.argument is not None and is_visible(one.field)


def _nearest_first(lone: Filter) -> Order:
    """The order in which the rows nearest to a bound come first."""
    op, _ = lone.first
    match _INCLUSIVE.get(op):
        case "gte":
            return lone.columns[0], "desc"
        case "lte":
            return lone.columns[0], "asc"
        case _:
            return ORDERS["score"]


def _loosened(one: Filter, *, gpu_named: bool) -> list[Filter]:
    """One of several filters as the broader search asks it, or nothing where it is dropped."""
    if one.argument == "gpu_name":
        return [] if one.coarse else [one]
    if one.argument == "num_gpus":
        count = one.ops["eq"]
        return [replace(one, ops={"gte": math.ceil(count / 2), "lte": count * 2})]
    if one.argument == "min_gpu_ram_gb" and not gpu_named:
        return [replace(one, ops={"gte": one.ops["gte"] // 2})]
    return []


# ── What its rows teach ────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Change:
    """One change of an argument. `offers`: that it finds; `fitting`: those that serve and bear
    every other filter out, however far this one is off.
    """

    relaxation: Relaxation
    offers: list[Offer]
    fitting: list[Offer]


def relaxations(filters: Sequence[Filter], offers: Sequence[Offer]) -> list[Relaxation]:
    """For each argument the nearest value at which offers fit that bear out every other filter.

    What finds most comes first; a higher price, or a machine that was left out, last.
    """
    return [one.relaxation for one in changes(filters, offers)]


def _serves(_argument: str, _offer: Offer) -> bool:
    return True


def changes(
    filters: Sequence[Filter],
    offers: Sequence[Offer],
    serves: Callable[[str, Offer], bool] = _serves,
) -> list[Change]:
    """The same with the offers that each finds. `serves`: whether an offer would be of use, once
    this argument is changed: the nearest value is that of one which is.
    """
    by_argument = {one.argument: one for one in filters if one.argument is not None}
    found: list[Change] = []
    for argument, asked in by_argument.items():
        others = [one for one in filters if one.argument != argument]
        fitting = [one for one in offers if fits(one, others) and serves(argument, one)]
        change = _relaxed(argument, asked, fitting)
        if change is not None:
            found.append(change)
    return sorted(
        found,
        key=lambda one: (one.relaxation.argument in _LAST, -one.relaxation.offers),
    )


def _relaxed(argument: str, asked: Filter, offers: list[Offer]) -> Change | None:
    """The change of one argument that finds some of the offers that fit in everything else."""
    facts = [fact_of(offer, asked.field) for offer in offers]
    change = _change(argument, asked, [fact for fact in facts if fact is not None])
    if change is None:
        return None
    loosened = Filter(argument, asked.field, change.ops)
    found = [offer for offer in offers if loosened.allows(offer)]
    if not found:
        return None
    relaxation = Relaxation(argument=argument, to=change.to, offers=len(found))
    return Change(relaxation, found, offers)


def _change(argument: str, asked: Filter, facts: list[Any]) -> _Change | None:
    """The nearest change that rows with these facts suggest; None where it would make no sense."""
    match argument:
        case "vm" | "datacenter_only":
            return _Change(False, {})
        case "gpu_name":
            _, name = asked.first
            cards = list(dict.fromkeys(filter(names.card, facts)))
            nearest = gpu_names.nearest(str(name), cards, 5)
            return _Change(nearest, {"in": nearest})
        case "geolocation":
            counted = Counter(filter(names.place, facts))
            codes = [code for code, _ in counted.most_common(5)]
            return _Change(codes, {"in": codes})
        case _ if _can_move(argument, asked, facts):
            return _moved(argument, asked, facts)
        case _:
            return _LEFT_OUT


def _can_move(argument: str, asked: Filter, facts: list[Any]) -> bool:
    """Whether it is one bound on a number: a text has an order too, and no nearest value."""
    op, value = asked.first
    if len(asked.ops) != 1 or not (op in _INCLUSIVE or argument == "num_gpus"):
        return False
    return bool(facts) and all(_is_number(one) for one in (value, *facts))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _moved(argument: str, asked: Filter, facts: list[Any]) -> _Change | None:
    """The bound moved onto the nearest fact."""
    op, value = asked.first
    op = _INCLUSIVE.get(op, op)
    to = arguments.from_api(argument, _nearest(facts, op, value))
    if to is None:
        return None
    ops = {op: arguments.to_api(argument, to)}
    if argument.startswith("filters."):
        return _Change(ops, ops)
    return _Change(to, ops)


def _nearest(facts: list[Any], op: str, asked: Any) -> float:
    match op:
        case "gte":
            return max(facts)
        case "lte":
            return min(facts)
        case _:
            return min(facts, key=lambda fact: abs(fact - asked))
