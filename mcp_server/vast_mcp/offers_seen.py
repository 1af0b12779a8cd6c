"""What searches have shown of offers, so that renting one asks Vast no second time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from vast_mcp.vast.models import Offer

REMEMBERED = 2000


@dataclass(eq=False)
class OffersSeen:
    """The offers that this process has seen lately, oldest first, and how long ago that was."""

    _offers: dict[int, Offer] = field(default_factory=dict[int, Offer])
    _seen_at: dict[int, float] = field(default_factory=dict[int, float])  # monotonic seconds
    _for_bids: set[int] = field(default_factory=set[int])

    def __iter__(self) -> Iterator[Offer]:
        return iter(self._offers.values())

    def remember(self, offers: Sequence[Offer], *, bid: bool = False) -> None:
        """Keep what a search showed of each offer. `bid`: it was a search for bids. The oldest
        offers go first.
        """
        now = time.monotonic()
        for offer in offers:
            self.forget(offer.ask_contract_id)
            self._offers[offer.ask_contract_id] = offer
            self._seen_at[offer.ask_contract_id] = now
            if bid:
                self._for_bids.add(offer.ask_contract_id)
        too_many = max(0, len(self._offers) - REMEMBERED)
        for stale in list(self._offers)[:too_many]:
            self.forget(stale)

    def forget(self, offer_id: int) -> None:
        """Drop what was seen of this offer: it holds no more."""
        self._offers.pop(offer_id, None)
        self._seen_at.pop(offer_id, None)
        self._for_bids.discard(offer_id)

    def age(self) -> None:
        """Forget when offers were seen, so that prices are read again."""
        self._seen_at.clear()

    def get(self, offer_id: int) -> Offer | None:
        """What the last search showed of this offer."""
        return self._offers.get(offer_id)

    def is_for_bids(self, offer_id: int) -> bool:
        """Whether the last search that showed this offer was one for bids."""
        return offer_id in self._for_bids

    def age_s(self, offer_id: int) -> float:
        """How many seconds ago an offer was seen; for ever where it was not."""
        return time.monotonic() - self._seen_at.get(offer_id, -math.inf)
