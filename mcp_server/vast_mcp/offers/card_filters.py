"""The filters that names of GPUs become: the name, and the memory that was asked for with it, which
no name of Vast's holds (docs/vast-api.md B.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from vast_mcp.errors import Json
from vast_mcp.offers.filters import Filter, any_of
from vast_mcp.offers.gpu_names import Card
from vast_mcp.vast.models import Offer

ARGUMENT = "gpu_name"
# What a driver reports of a card of so many GB lies between: 11441 of 12 and 183359 of 192 (with
# ECC, or Blackwell), 81920 of 80. The next size of the same card is always further off.
_LEAST_MIB, _MOST_MIB = 930, 1030


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


def filters_of(cards: Sequence[Card]) -> list[Filter]:
    """The memory first and the name last, which is what a search that finds nothing relaxes."""
    pairs = [card for card in cards if card.gb is not None]
    named = any_of(ARGUMENT, list(dict.fromkeys(card.name for card in cards)))
    if not pairs:
        return named
    sizes = [card.gb for card in pairs if card.gb is not None]
    asked: Json = {}
    if len(pairs) == len(cards):
        asked = {"gte": _bounds(min(sizes))["gte"], "lte": _bounds(max(sizes))["lte"]}
    return [_Memory(ARGUMENT, "gpu_ram", asked, pairs), *named]
