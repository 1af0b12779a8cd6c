"""Offers for a requirement, in the order in which they are tried (weighing.py)."""

from __future__ import annotations

import math
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from vast_mcp.account.before import Before
from vast_mcp.errors import Json
from vast_mcp.journal.plan_records import ROUNDING, Bounds
from vast_mcp.machines import figures
from vast_mcp.machines.costs import is_dearer
from vast_mcp.offers import on_demand, remembered
from vast_mcp.offers.filters import Filter
from vast_mcp.offers.search import ORDERS, ROWS, Found, Search
from vast_mcp.offers_seen import BID
from vast_mcp.provisioning import weighing
from vast_mcp.provisioning.bids import bid_for
from vast_mcp.provisioning.needs import Needs, needs_of
from vast_mcp.provisioning.pulls import Pull, pull_of
from vast_mcp.provisioning.requirement import Requirement
from vast_mcp.session import Call
from vast_mcp.vast.models import Offer

# Offers whose expected costs lie this near to each other are as good: each process tries them in an
# order of its own, so that two callers do not race for one.
ALIKE = 1.03
_OURS = secrets.randbits(32)


@dataclass(frozen=True)
class Candidate:
    """An offer that may be tried. Prices in $, of an hour with disk and new volume, at the bid
    where one is made; times in seconds.

    `pull_usd`: what the pull costs at most; `worst_usd`: all that a try of it may cost;
    `ready_usd`: what it costs until it works, where it does; `expected_usd_per_hour`: of work, what
    fails included; `rental`: the arguments of create_instance that this offer decides.
    """

    offer: Offer
    usd_per_hour: float
    bid: float | None
    pull_gb: float
    pull_usd: float
    pull_s: float
    worst_usd: float
    ready_usd: float
    expected_usd_per_hour: float
    chance: float
    why: str
    rental: Json = field(default_factory=dict[str, object])


@dataclass(frozen=True)
class Candidates:
    """What the market has. `offers`: best first; `over_budget`: whose worst case never fits the
    budget; `unpriced`: that do not say what a try of them may cost; `is_all`: whether no other
    offer fits.
    """

    offers: list[Candidate]
    over_budget: list[Candidate]
    unpriced: list[int]
    warnings: list[str]
    is_all: bool = True


async def candidates(
    call: Call,
    requirement: Requirement,
    bounds: Bounds,
    *,
    without_machines: Collection[int] = (),
    without_offers: Collection[int] = (),
    without_hosts: Collection[int] = (),
) -> Candidates:
    """What may be tried now. Raises BadArguments for a wish that cannot be read, JournalUnavailable
    where it rests on what was met before, and what kept the market from being read.
    """
    needs = await needs_of(call, requirement, bounds)
    known = remembered.remembered(call, needs.args.before)
    found = Found(is_all=True)
    if not known.finds_none(needs.args.before):
        wanted = [*needs.filters, *known.filters(needs.args.before), *_but(without_machines)]
        found = await Search(needs.market, needs.disk_gb).offers(
            call, wanted, ORDERS["usd_per_hour"], ROWS
        )
    call.session.offers.remember(found, needs.market, told=False)
    left = [
        offer
        for offer in found
        if offer.ask_contract_id not in without_offers and offer.host_id not in without_hosts
    ]
    dear, unread = await _on_demand(call, needs, left)
    weighing_in = _Market(needs, bounds, pull_of(needs.image, needs.disk_gb), known.by_machine)
    judged = list(weighing_in.judged(left, dear))
    fitting = [one for one in judged if isinstance(one, Candidate)]
    over = [one for one in fitting if _never_fits(one, bounds)]
    return Candidates(
        sorted((one for one in fitting if one not in over), key=_place),
        sorted(over, key=_place),
        [one for one in judged if isinstance(one, int)],
        [*needs.warnings, *known.told(needs.args.before), *unread],
        found.is_all,
    )


def _but(machine_ids: Collection[int]) -> list[Filter]:
    """The filter without these machines."""
    if not machine_ids:
        return []
    return [Filter(None, "machine_id", {"notin": sorted(machine_ids)})]


def _never_fits(one: Candidate, bounds: Bounds) -> bool:
    return bounds.budget_usd is not None and one.worst_usd > bounds.budget_usd + ROUNDING


def _place(one: Candidate) -> tuple[int, int]:
    """Where it stands in this process's order."""
    near = round(math.log(max(one.expected_usd_per_hour, 1e-6), ALIKE))
    return near, hash((_OURS, one.offer.ask_contract_id))


async def _on_demand(
    call: Call, needs: Needs, offers: Sequence[Offer]
) -> tuple[Mapping[int, Offer], list[str]]:
    """Of offers for bids the same on demand, and what to warn of."""
    if needs.market != BID or not offers:
        return {}, []
    found, unread = await on_demand.look(call, offers, needs.disk_gb)
    return found, [unread] if unread else []


@dataclass(frozen=True)
class _Market:
    """What offers are weighed by."""

    needs: Needs
    bounds: Bounds
    pull: Pull
    met: Mapping[int, Before]

    def judged(
        self, offers: Sequence[Offer], on_demand_rows: Mapping[int, Offer]
    ) -> Iterable[Candidate | int]:
        """Each offer that can serve, or its id where it does not say what it may cost."""
        hosts = {one.machine_id: one.host_id for one in offers}
        for offer in offers:
            doubts = self.needs.doubts_of(offer)
            if doubts is None:
                continue
            of_host = [
                before
                for machine_id, before in self.met.items()
                if machine_id != offer.machine_id
                and offer.host_id is not None
                and hosts.get(machine_id) == offer.host_id
            ]
            made = self._candidate(
                offer, on_demand_rows.get(offer.ask_contract_id), of_host, doubts
            )
            if made is not None:
                yield made

    def _candidate(
        self,
        offer: Offer,
        on_demand_row: Offer | None,
        of_host: Sequence[Before],
        doubts: Sequence[str],
    ) -> Candidate | int | None:
        disk = offer.disk_usd_per_hour(self.needs.disk_gb)
        bid = self._bid(offer, on_demand_row, disk)
        gpu = bid if bid is not None else (on_demand_row or offer).dph_base
        most = self.needs.most_usd_per_hour
        pull_usd, pull_probably = self.pull.most_usd(offer), self.pull.usd(offer)
        if gpu is None or disk is None or pull_usd is None or pull_probably is None:
            return offer.ask_contract_id
        usd = round(gpu + disk, 6)
        if most is not None and is_dearer(usd, most):
            return None
        own = None if offer.machine_id is None else self.met.get(offer.machine_id)
        pull_s = self.pull.seconds(offer)
        weighed = weighing.weighed(
            usd,
            pull_probably,
            pull_s,
            weighing.chance_of(offer, own, of_host, doubts),
            give_up_s=self.bounds.give_up_s,
            hours=self.bounds.lease_hours,
        )
        return Candidate(
            offer,
            usd,
            bid,
            self.pull.gb,
            pull_usd,
            pull_s,
            self.bounds.worst_usd(usd, pull_usd),
            weighed.ready_usd,
            weighed.usd_per_hour,
            weighed.chance,
            "",
            self._rental(offer, bid),
        )

    def _bid(self, offer: Offer, on_demand_row: Offer | None, disk: float | None) -> float | None:
        if self.needs.market != BID:
            return None
        most = self.needs.most_usd_per_hour
        room = None if most is None or disk is None else most - disk
        return bid_for(offer, None if on_demand_row is None else on_demand_row.dph_base, room)

    def _rental(self, offer: Offer, bid: float | None) -> Json:
        made: Json = {
            "offer_id": offer.ask_contract_id,
            "disk": figures.tidy(self.needs.disk_gb),
        }
        return made if bid is None else made | {"price": bid}
