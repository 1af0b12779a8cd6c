"""What searches have shown of offers, so that renting one asks Vast no second time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from vast_mcp.vast.models import Offer

REMEMBERED = 2000


@dataclass(eq=False)
class OffersSeen:
    """The offers that this process has seen lately, oldest first, each with the market of the last
    search that showed it: on-demand, bid or reserved.

    Nothing that a limit or a person's yes rests on is taken from here (renting/offer_look.py).
    """

    _seen: dict[int, tuple[Offer, str]] = field(default_factory=dict[int, tuple[Offer, str]])

    def __iter__(self) -> Iterator[Offer]:
        return (offer for offer, _ in self._seen.values())

    def remember(self, offers: Sequence[Offer], market: str) -> None:
        """Keep what a search of a market showed of each offer. The oldest offers go first."""
        for offer in offers:
            self.forget(offer.ask_contract_id)
            self._seen[offer.ask_contract_id] = offer, market
        too_many = max(0, len(self._seen) - REMEMBERED)
        for stale in list(self._seen)[:too_many]:
            self.forget(stale)

    def forget(self, offer_id: int) -> None:
        """Drop what was seen of this offer: it holds no more."""
        self._seen.pop(offer_id, None)

    def get(self, offer_id: int, market: str | None = None) -> Offer | None:
        """What the last search showed of this offer, where it was one of this market, or of any."""
        offer, seen_in = self._seen.get(offer_id, (None, None))
        if market is not None and market != seen_in:
            return None
        return offer

    def is_for_bids(self, offer_id: int) -> bool:
        """Whether the last search that showed this offer was one for bids."""
        return self.get(offer_id, "bid") is not None
