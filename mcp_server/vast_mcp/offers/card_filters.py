"""The filters that names of GPUs become: the name, and the memory that was asked for with it, which
no name of Vast's holds (docs/vast-api.md B.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, cast

from vast_mcp import errors
from vast_mcp.errors import Json, Problem
from vast_mcp.offers import gpu_names
from vast_mcp.offers.card_table import CARDS
from vast_mcp.offers.filters import Filter, any_of, none_of
from vast_mcp.offers.gpu_matching import is_new, matches
from vast_mcp.offers.gpu_names import Card, Cards
from vast_mcp.session import Call
from vast_mcp.vast import names
from vast_mcp.vast.models import Offer

FIELD = "gpu_name"
IN_FILTERS = f"filters.{FIELD}"
_UNREAD = "Vast's list of GPU names could not be read; "
AS_GIVEN = _UNREAD + "gpu_name was searched for as given."
BY_OURS = _UNREAD + "gpu_name was read by the names of 2026."
# What a driver reports of a card of so many GB lies between: 11441 of 12 and 183359 of 192 (with
# ECC, or Blackwell), 81920 of 80. The next size of the same card is always further off.
_LEAST_MIB, _MOST_MIB = 930, 1030


@dataclass(frozen=True)
class Gpus:
    """The GPUs of a search. `names` are Vast's, with the memory that was asked for, for the
    argument; `searched` is what the answer tells.
    """

    filters: list[Filter]
    names: list[str]
    count: int | None = None
    searched: list[str] | None = None
    warnings: list[str] = field(default_factory=list[str])


async def asked(call: Call, given: Sequence[str], free: Json, num_gpus: int | None) -> Gpus:
    """The GPUs that the argument and the operators in `filters` ask for. Raises BadArguments."""
    named = [*given, *(name for op in free if op in _NAMED for name in _texts(free[op]))]
    if not named:
        return Gpus(_compared(free), [])
    known = await gpu_names.known_to_vast(call, named)
    cards = _cards(given, known, FIELD, num_gpus)
    wanted = _cards(_wanted(free), known, IN_FILTERS)
    filters = filters_of(cards.cards) + filters_of(wanted.cards, IN_FILTERS)
    filters += _unwanted(free, known) + _compared(free)
    searched = [*_told(cards.cards, given), *_told(wanted.cards, _wanted(free))]
    return Gpus(
        filters,
        list(map(str, cards.cards)),
        cards.count,
        searched or None,
        [] if known else [_unread(named)],
    )


def _told(cards: Sequence[Card], given: Sequence[str]) -> list[str]:
    """The cards, where one name meant several or a memory too."""
    known = [card for card in cards if names.card(card.name)]
    if len(known) <= len(given) and not any(card.gb for card in known):
        return []
    return list(map(str, known))


def _cards(
    given: Sequence[str], known: Sequence[str], place: str, num_gpus: int | None = None
) -> Cards:
    """What names mean by Vast's list, or where that could not be read by ours; a name that is in
    neither is left.
    """
    if not known:
        left = [name for name in given if is_new(name, CARDS)]
        ours = [name for name in given if name not in left]
        found = gpu_names.resolve(ours, CARDS, num_gpus, place)
        return replace(found, cards=[*found.cards, *(Card(one.replace("_", " ")) for one in left)])
    return gpu_names.resolve(given, known, num_gpus, place)


def _unread(given: Sequence[str]) -> str:
    """What is told where Vast's list could not be read."""
    named = [matches(name, CARDS) for name in given]
    is_given = all(
        real in ([], [name.replace("_", " ")]) for name, real in zip(given, named, strict=True)
    )
    return AS_GIVEN if is_given else BY_OURS


# ── In filters ─────────────────────────────────────────────────────────────────────────────────

_NAMED = ("eq", "in", "neq", "notin")


def _texts(value: Any) -> list[str]:
    return cast("list[str]", value) if isinstance(value, list) else [value]


def _wanted(free: Json) -> list[str]:
    return [name for op in ("eq", "in") if op in free for name in _texts(free[op])]


def _unwanted(free: Json, known: Sequence[str]) -> list[Filter]:
    """The filter for the names that are not to be found."""
    given = [name for op in ("neq", "notin") if op in free for name in _texts(free[op])]
    cards = _cards(given, known, IN_FILTERS)
    if any(card.gb for card in cards.cards):
        problem = Problem(IN_FILTERS, "a memory is left out by gpu_ram, not by a name")
        raise errors.bad("search_offers", [problem])
    return none_of(IN_FILTERS, FIELD, [card.name for card in cards.cards])


def _compared(free: Json) -> list[Filter]:
    """A text has an order too, in which names are left as they are."""
    ops = {op: value for op, value in free.items() if op not in _NAMED}
    return [Filter(IN_FILTERS, FIELD, ops)] if ops else []


# ── Memory ─────────────────────────────────────────────────────────────────────────────────────


def _bounds(gb: int) -> Json:
    return {"gte": math.floor(gb * _LEAST_MIB), "lte": math.ceil(gb * _MOST_MIB)}


@dataclass(frozen=True)
class _Memory(Filter):
    """The memory that each name was asked for with: Vast is asked for the range of them all, and
    each row is held to its own name's. A name in no pair may have any.
    """

    coarse: ClassVar[bool] = True
    pairs: Sequence[Card] = field(default=())

    def allows(self, offer: Offer) -> bool:
        sizes = [card.gb for card in self.pairs if card.name == offer.untrusted_gpu_name]
        if offer.gpu_ram is None or not sizes:
            return True
        return any(_holds(offer.gpu_ram, gb) for gb in sizes if gb is not None)


def _holds(mib: float, gb: int) -> bool:
    bounds = _bounds(gb)
    return bounds["gte"] <= mib <= bounds["lte"]


def filters_of(cards: Sequence[Card], argument: str = FIELD) -> list[Filter]:
    """The memory first and the name last, which is what a search that finds nothing relaxes."""
    pairs = [card for card in cards if card.gb is not None]
    named = any_of(argument, FIELD, list(dict.fromkeys(card.name for card in cards)))
    if not pairs:
        return named
    sizes = [card.gb for card in pairs if card.gb is not None]
    asked: Json = {}
    if len(pairs) == len(cards):
        asked = {"gte": _bounds(min(sizes))["gte"], "lte": _bounds(max(sizes))["lte"]}
    return [_Memory(argument, "gpu_ram", asked, pairs), *named]
