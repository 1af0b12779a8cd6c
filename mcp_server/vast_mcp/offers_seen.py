"""What searches have shown of offers, so that renting one asks Vast no second time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from vast_mcp.vast.models import Offer

REMEMBERED = 2000
ON_DEMAND, BID = "on-demand", "bid"


@dataclass
class _Sight:
    """What is known of one offer: its newest row of each market, and the market that the caller
    was last shown it in.
    """

    shown: str
    rows: dict[str, Offer] = field(default_factory=dict[str, Offer])
    told: bool = False  # whether an answer has named its price, and not a look of ours alone

    @property
    def offer(self) -> Offer:
        return self.rows.get(self.shown) or next(reversed(self.rows.values()))


@dataclass(eq=False)
class OffersSeen:
    """The offers that this process has seen lately, oldest first, each with its row in every market
    that showed it: on-demand, bid or reserved.

    Nothing that a limit or a person's yes rests on is taken from here (renting/offer_look.py).
    """

    _seen: dict[int, _Sight] = field(default_factory=dict[int, _Sight])

    def __iter__(self) -> Iterator[Offer]:
        return (sight.offer for sight in self._seen.values())

    def remember(
        self, offers: Sequence[Offer], market: str, *, shown: str | None = None, told: bool = True
    ) -> None:
        """Keep what a search of a market found of each offer. The oldest offers go first.

        `shown`: the market that the caller is shown it in, where that is another one: a look beside
        a search for bids finds the price on demand. `told`: whether the caller is shown it at all.
        """
        for offer in offers:
            sight = self._seen.pop(offer.ask_contract_id, None) or _Sight(market)
            sight.rows.pop(market, None)
            sight.rows[market] = offer
            sight.shown = shown or market
            sight.told |= told
            self._seen[offer.ask_contract_id] = sight
        too_many = max(0, len(self._seen) - REMEMBERED)
        for stale in list(self._seen)[:too_many]:
            self.forget(stale)

    def told_on_demand(self, offer_id: int) -> None:
        """The caller was told what this offer costs on demand, as a search would have."""
        if offer_id in self._seen:
            self._seen[offer_id].shown = ON_DEMAND

    def tell(self, offer_id: int) -> None:
        """The caller was told what this offer costs, as a search would have."""
        if offer_id in self._seen:
            self._seen[offer_id].told = True

    def is_told(self, offer_id: int) -> bool:
        """Whether an answer of this process has told the caller what this offer costs."""
        sight = self._seen.get(offer_id)
        return sight is not None and sight.told

    def forget(self, offer_id: int) -> None:
        """Drop what was seen of this offer: it holds no more."""
        self._seen.pop(offer_id, None)

    def get(self, offer_id: int, market: str | None = None) -> Offer | None:
        """The newest row of this offer in this market, or in the one that it was last shown in."""
        sight = self._seen.get(offer_id)
        if sight is None:
            return None
        return sight.offer if market is None else sight.rows.get(market)

    def is_for_bids(self, offer_id: int) -> bool:
        """Whether the caller was last shown this offer as one for bids."""
        sight = self._seen.get(offer_id)
        return sight is not None and sight.shown == BID

    def on_demand_usd(self, offer_id: int) -> float | None:
        """What the GPUs of this offer cost on demand, $/h; None where no search has shown it. Rows
        of a search for bids show the least bid in its place (docs/vast-api.md A.6).
        """
        row = self.get(offer_id, ON_DEMAND)
        return None if row is None else row.dph_base

    def on_demand_usd_on(self, machine_id: int | None, num_gpus: int | None) -> float | None:
        """The most that so many GPUs of a machine cost on demand, $/h, by its offers' rows."""
        rows = [sight.rows.get(ON_DEMAND) for sight in self._seen.values()]
        return max(
            (
                row.dph_base
                for row in rows
                if row is not None
                and row.dph_base is not None
                and None not in (machine_id, num_gpus)
                and (row.machine_id, row.num_gpus) == (machine_id, num_gpus)
            ),
            default=None,
        )
