"""One offer as a candidate: what it would cost, what is expected of it, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vast_mcp.account.before import Before
from vast_mcp.errors import Json
from vast_mcp.journal.plan_records import Bounds
from vast_mcp.machines import figures
from vast_mcp.machines.costs import is_dearer, room_usd_per_hour
from vast_mcp.offers.filters import reliability_of
from vast_mcp.offers_seen import BID
from vast_mcp.provisioning import rooms, weighing
from vast_mcp.provisioning.bids import bid_for
from vast_mcp.provisioning.needs import Needs
from vast_mcp.provisioning.pulls import Pull
from vast_mcp.vast.models import Offer
from vast_mcp.vast.storage import VolumeOffer


@dataclass(frozen=True)
class Candidate:
    """An offer that may be tried. Prices in $, of an hour with disk and new volume, at the bid
    where one is made; times in seconds.

    `pull_gb`: probably; `pull_usd`: what the pull costs at most; `worst_usd`: all that a try of it
    may cost; `ready_usd`, `ready_s`: until it works, where it does; `chance`: that it does;
    `expected_usd_per_hour`: of work, what fails included; `rental`: the arguments of
    create_instance that this offer decides.
    """

    offer: Offer
    usd_per_hour: float
    bid: float | None
    pull_gb: float
    pull_usd: float
    pull_s: float
    worst_usd: float
    ready_usd: float
    ready_s: float
    chance: float
    expected_usd_per_hour: float
    why: str
    rental: Json = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Price:
    """What an offer costs, $/h: its GPUs, or the bid for them; its disk; a new volume."""

    gpu: float
    disk: float
    volume: float

    @property
    def total(self) -> float:
        return round(self.gpu + self.disk + self.volume, 6)


@dataclass(frozen=True)
class Judge:
    """What offers are judged by. `met`: what became of machines that were rented here; `hosts`: the
    host of each machine, where that is known; `on_demand`: of offers for bids the same on demand;
    `rooms`: for a new volume, by machine.
    """

    needs: Needs
    bounds: Bounds
    pull: Pull
    met: Mapping[int, Before]
    hosts: Mapping[int, int]
    on_demand: Mapping[int, Offer] = field(default_factory=dict[int, Offer])
    rooms: Mapping[int, VolumeOffer] = field(default_factory=dict[int, VolumeOffer])

    def judged(self, offers: Iterable[Offer]) -> tuple[list[Candidate], list[int]]:
        """Those that can serve, and the ids of those that do not say what they may cost."""
        found: list[Candidate] = []
        unpriced: list[int] = []
        for offer in offers:
            doubts = self.needs.doubts_of(offer)
            if doubts is None or not self._has_room(offer):
                continue
            bid, price = self._price(offer)
            if price is None or self.pull.most_usd(offer) is None:
                unpriced.append(offer.ask_contract_id)
            elif not self._is_too_dear(price):
                found.append(self._candidate(offer, bid, price, doubts))
        return found, unpriced

    def _is_too_dear(self, price: Price) -> bool:
        most = self.needs.most_usd_per_hour
        return most is not None and is_dearer(price.total, most)

    def _has_room(self, offer: Offer) -> bool:
        """Whether its machine has room for the new volume, where one is made."""
        return not rooms.is_new(self.needs.volume) or offer.machine_id in self.rooms

    def _price(self, offer: Offer) -> tuple[float | None, Price | None]:
        """The bid where one is made, and the price with it; None where a part is not known."""
        disk, volume = offer.disk_usd_per_hour(self.needs.disk_gb), self._volume_usd(offer)
        if disk is None or volume is None:
            return None, None
        bid, gpu = None, offer.dph_base
        if self.needs.market == BID:
            same = self.on_demand.get(offer.ask_contract_id)
            gpu = None if same is None else same.dph_base
            most = self._most_bid_with(offer)
            bid = bid_for(offer, gpu, None if most is None else most - disk - volume)
        gpu = gpu if bid is None else bid
        return bid, None if gpu is None else Price(gpu, disk, volume)

    def _most_bid_with(self, offer: Offer) -> float | None:
        """What a bid with disk and volume may come to, $/h: by the price that is allowed, and by
        the worst case that the budget has room for. None is no bound.
        """
        share = self.bounds.share_usd_per_hour(self.pull.most_usd(offer) or 0.0)
        most = [usd for usd in (self.needs.most_usd_per_hour, share) if usd is not None]
        return min(most, default=None)

    def _volume_usd(self, offer: Offer) -> float | None:
        room = self.rooms.get(offer.machine_id or 0)
        if room is None:
            return 0.0
        return room_usd_per_hour(room, self.needs.volume["size"])

    def _candidate(
        self, offer: Offer, bid: float | None, price: Price, doubts: Sequence[str]
    ) -> Candidate:
        own = self.met.get(offer.machine_id or 0)
        pull_usd, pull_s = self.pull.most_usd(offer) or 0.0, self.pull.seconds(offer)
        weighed = weighing.weighed(
            price.total,
            self.pull.usd(offer) or 0.0,
            pull_s,
            weighing.chance_of(offer, own, self._of_host(offer), doubts),
            give_up_s=self.bounds.give_up_s,
            lease_hours=self.bounds.lease_hours,
        )
        return Candidate(
            offer,
            price.total,
            bid,
            self.pull.gb,
            pull_usd,
            pull_s,
            self.bounds.worst_usd(price.total, pull_usd),
            weighed.ready_usd,
            weighed.ready_s,
            weighed.chance,
            weighed.usd_per_hour,
            self._why(offer, own, doubts, bid),
            self._rental(offer, bid),
        )

    def _of_host(self, offer: Offer) -> list[Before]:
        """What became of the other machines of its host."""
        if offer.host_id is None:
            return []
        return [
            before
            for machine_id, before in self.met.items()
            if machine_id != offer.machine_id and self.hosts.get(machine_id) == offer.host_id
        ]

    def _why(
        self, offer: Offer, own: Before | None, doubts: Sequence[str], bid: float | None
    ) -> str:
        """What its place rests on, beside the price: names no stranger gave."""
        reliability = reliability_of(offer)
        guessed = "" if self.pull.is_known else "some "
        said = [
            "reliability not known" if reliability is None else f"reliability {reliability:.3f}",
            f"{guessed}{self.pull.gb:.2g} GB to pull in {self.pull.seconds(offer) / 60:.1f} min",
        ]
        if own is not None:
            said.append(f"here before: {own.words}")
        if self._of_host(offer):
            said.append("its host's other machines were rented here before")
        if doubts:
            said.append("image, driver or ports may not fit")
        if bid is not None:
            said.append("bid a tenth over its lowest, or up to what it may cost")
        elif self.needs.market == BID:
            said.append("on demand, which costs no more than its lowest bid")
        return "; ".join(said)

    def _rental(self, offer: Offer, bid: float | None) -> Json:
        made: Json = {
            "offer_id": offer.ask_contract_id,
            "disk": figures.tidy(self.needs.disk_gb),
        }
        if bid is not None:
            made["price"] = bid
        room = self.rooms.get(offer.machine_id or 0)
        if room is not None:
            made["volume_info"] = {**self.needs.volume, "volume_id": room.id}
        return made
