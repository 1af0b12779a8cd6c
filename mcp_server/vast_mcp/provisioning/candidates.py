"""Offers for a requirement, in the order in which they are tried (weighing.py)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from vast_mcp.account.pulled import known_gb
from vast_mcp.journal.plan_records import Bounds
from vast_mcp.offers import on_demand, remembered
from vast_mcp.offers.filters import Filter
from vast_mcp.offers.remembered import Remembered
from vast_mcp.offers.search import ORDERS, ROWS, Found, Search
from vast_mcp.offers_seen import BID
from vast_mcp.provisioning import rooms
from vast_mcp.provisioning.judging import Candidate, Judge
from vast_mcp.provisioning.needs import Needs, needs_of
from vast_mcp.provisioning.pulls import pull_of
from vast_mcp.provisioning.requirement import Requirement
from vast_mcp.session import Call
from vast_mcp.vast.models import Offer

# Offers whose expected costs lie this near to each other are as good: each process tries them in an
# order of its own, so that two callers do not race for one.
ALIKE, LEAST_USD = 1.03, 1e-6
# Of the market that are looked at where none of the cheapest 64 can serve, which no search tells:
# the image's CUDA, room for a volume, the traffic of a pull beside the budget.
PAGES = 4


@dataclass(frozen=True)
class Candidates:
    """What the market has. `offers`: best first; `over_budget`: whose worst case never fits the
    budget; `unpriced`: ids of those that do not say what a try of them may cost; `is_all`: whether
    no other offer fits.
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
    """What may be tried now. Raises BadArguments for a wish that cannot be read or a volume that is
    not there, JournalUnavailable where the wish rests on what was met before, and what kept the
    market from being read.
    """
    needs = await needs_of(call, requirement, bounds)
    known = remembered.remembered(call, needs.args.before)
    wanted = await _wanted(call, needs, known, without_machines)

    async def page(of: list[Filter] | None) -> _Page:
        found = await _found(call, needs, of)
        left = [
            offer
            for offer in found
            if offer.ask_contract_id not in without_offers and offer.host_id not in without_hosts
        ]
        judge, unread = await _judge(call, needs, bounds, known, left)
        return _Page(found, *judge.judged(left), unread)

    pages = [await page(wanted)]
    while (
        len(pages) < PAGES and wanted is not None and not any(one.serves(bounds) for one in pages)
    ):
        dearer = _dearer_than(pages[-1].found, bounds)
        if dearer is None:
            break
        pages.append(await page([*wanted, dearer]))
    fitting = {one.offer.ask_contract_id: one for each in pages for one in each.fitting}.values()
    process = call.journal.owner
    return Candidates(
        in_order([one for one in fitting if not _never_fits(one, bounds)], process),
        in_order([one for one in fitting if _never_fits(one, bounds)], process),
        sorted({one for each in pages for one in each.unpriced}),
        [*needs.warnings, *known.told(needs.args.before), *pages[-1].unread],
        pages[-1].found.is_all,
    )


@dataclass(frozen=True)
class _Page:
    """Some of the market: what was found, what of it can serve, what does not say what it costs,
    and what could not be read beside it.
    """

    found: Found
    fitting: list[Candidate]
    unpriced: list[int]
    unread: list[str]

    def serves(self, bounds: Bounds) -> bool:
        """Whether some of it fits the budget."""
        return any(not _never_fits(one, bounds) for one in self.fitting)


async def _wanted(
    call: Call, needs: Needs, known: Remembered, without_machines: Collection[int]
) -> list[Filter] | None:
    """The filters of a search; None where no machine can be what is wanted."""
    before = needs.args.before
    if known.finds_none(before):
        return None
    wanted = [*needs.filters, *known.filters(before), *_but(without_machines)]
    if needs.volume and not rooms.is_new(needs.volume):
        there = await rooms.machine_of(call, needs.volume)
        wanted.append(Filter(None, "machine_id", {"eq": there}))
    return wanted


async def _found(call: Call, needs: Needs, wanted: list[Filter] | None) -> Found:
    """The cheapest offers that bear the wish out."""
    if wanted is None:
        return Found(is_all=True)
    search = Search(needs.market, needs.disk_gb)
    found = await search.offers(call, wanted, ORDERS["usd_per_hour"], ROWS)
    call.session.offers.remember(found, needs.market, told=False)
    return found


def _dearer_than(found: Found, bounds: Bounds) -> Filter | None:
    """The bound by which Vast lists what comes after these; None where nothing does that fits the
    budget, or the last does not say where it stands.
    """
    field, _ = ORDERS["usd_per_hour"]
    price = found[-1].stated.get(field) if found and not found.is_all else None
    if not isinstance(price, int | float) or not bounds.has_room_for(bounds.worst_usd(price, 0.0)):
        return None
    return Filter(None, field, {"gte": price})


def _but(machine_ids: Collection[int]) -> list[Filter]:
    """The filter without these machines."""
    if not machine_ids:
        return []
    return [Filter(None, "machine_id", {"notin": sorted(machine_ids)})]


async def _judge(
    call: Call, needs: Needs, bounds: Bounds, known: Remembered, offers: Sequence[Offer]
) -> tuple[Judge, list[str]]:
    """What these offers are judged by, and what to warn of."""
    hosts = {
        one.machine_id: one.host_id
        for one in [*call.session.offers, *offers]
        if one.machine_id is not None and one.host_id is not None
    }
    pull = pull_of(needs.image, needs.disk_gb, known_gb(call.session, needs.image))
    judge, unread = Judge(needs, bounds, pull, known.by_machine, hosts), ""
    if needs.market == BID and offers:
        same, unread = await on_demand.look(call, offers, needs.disk_gb)
        judge = replace(judge, on_demand=same)
    if rooms.is_new(needs.volume):
        machine_ids = {one.machine_id for one in offers if one.machine_id is not None}
        there = await rooms.rooms_for(call, machine_ids, needs.volume["size"])
        judge = replace(judge, rooms=there)
    return judge, [unread] if unread else []


def _never_fits(one: Candidate, bounds: Bounds) -> bool:
    return not bounds.has_room_for(one.worst_usd)


def in_order(found: Sequence[Candidate], process: str) -> list[Candidate]:
    """The best first; those that are alike in an order of a process's own, by the name that the
    journal has of it.
    """

    def place(one: Candidate) -> tuple[int, bytes]:
        near = round(math.log(max(one.expected_usd_per_hour, LEAST_USD), ALIKE))
        name = f"{process}/{one.offer.ask_contract_id}"
        return near, hashlib.blake2b(name.encode(), digest_size=8).digest()

    return sorted(found, key=place)
