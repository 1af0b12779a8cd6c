"""The questions, in the order in which each learns what the next asks with: every read of ours,
asked by the client itself. None changes anything; the one about a log has one line of it written.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from vast_mcp.commands.doctor.contract import relied_on
from vast_mcp.commands.doctor.contract.kinds import Difference, Kind
from vast_mcp.commands.doctor.contract.relied_on import figures, is_near
from vast_mcp.errors import Json
from vast_mcp.machines.volumes import rooms_on
from vast_mcp.vast.client import Vast
from vast_mcp.vast.pages import PAGE
from vast_mcp.vast.replies import Reply, as_object, as_objects
from vast_mcp.vast.storage import MONTH_H

DAY_S = 86_400.0
ROWS = 20  # offers asked for: the quota counts rows (docs/vast-api.md H)
DISK_GB = 8.0  # what the service prices where nobody says a size (docs/vast-api.md A.6)
NOBODYS = 1  # an id that no machine of today has (docs/vast-api.md C.1)
NO_HASH = "0" * 32


@dataclass
class Known:
    """What replies have shown so far, to ask on with."""

    machines: list[int] = field(default_factory=list[int])
    running: list[int] = field(default_factory=list[int])
    offers: list[int] = field(default_factory=list[int])
    hosts: list[int] = field(default_factory=list[int])  # ids of physical machines, of offers
    rented: list[int] = field(default_factory=list[int])  # the same, of machines
    hashes: list[str] = field(default_factory=list[str])

    def learn(self, body: Json) -> None:
        """Keep what a reply names."""
        for row in rows_in(body, "instances"):
            self._keep(self.machines, row.get("id"))
            self._keep(self.rented, row.get("machine_id"))
            if row.get("actual_status") == "running":
                self._keep(self.running, row.get("id"))
        for row in rows_in(body, "offers"):
            self._keep(self.offers, row.get("ask_contract_id"))
            self._keep(self.hosts, row.get("machine_id"))
        for row in rows_in(body, "templates"):
            name = row.get("hash_id")
            if isinstance(name, str):
                self.hashes.append(name)

    def _keep(self, ids: list[int], value: object) -> None:
        if type(value) is int:
            ids.append(value)


def rows_in(body: Json, key: str) -> list[Json]:
    """The objects of a list under a key; none where there is no such list."""
    return as_objects(body.get(key)) or []


Bodies = Sequence[Json]
Judge = Callable[[Bodies, Known], Iterator[Difference]]


def _nothing(_bodies: Bodies, _known: Known) -> Iterator[Difference]:
    yield from ()


def _never(_reply: Reply) -> bool:
    return False


@dataclass(frozen=True)
class Question:
    """A read, as the client asks it, and what is relied on in its answer."""

    name: str
    route: str
    scope: str | None  # the group of rights that opens it (docs/vast-api.md I)
    ask: Callable[[Vast, Known], Awaitable[object]]
    relied_on: Kind
    judge: Judge = _nothing  # what holds of the replies as a whole
    needs: Callable[[Known], Sequence[object]] | None = None  # nothing of it: not asked
    is_none: Callable[[Reply], bool] = _never  # a refusal that says that there is nothing
    of_nothing: bool = False  # asked about what is not there


# ── what holds of replies as a whole ───────────────────────────────────────────────────────────


def _pages(bodies: Bodies, _known: Known) -> Iterator[Difference]:
    """A page of machines: newest id first, no more rows than asked for. Whether the pages are one
    list is the client's to say.
    """
    for body in bodies:
        rows = rows_in(body, "instances")
        ids = [row["id"] for row in rows if type(row.get("id")) is int]
        if ids != sorted(set(ids), reverse=True):
            yield Difference("instances[].id", "newest first, each once", "another order")
        if len(rows) > PAGE:
            yield Difference("limit", f"at most {PAGE} rows", "more rows")


def _one_row(bodies: Bodies, _known: Known) -> Iterator[Difference]:
    """A page of one: a smaller limit is kept, and more machines have a next page."""
    for body in bodies:
        count = len(rows_in(body, "instances"))
        if count > 1:
            yield Difference("limit", "at most 1 row", "more rows")
        total = body.get("total_instances")
        if type(total) is int and total > count and not body.get("next_token"):
            yield Difference("next_token", "text, as there are more rows", "none")


def _the_machine(bodies: Bodies, known: Known) -> Iterator[Difference]:
    for body in bodies:
        row = as_object(body.get("instances")) or {}
        if row.get("id") != known.machines[0]:
            yield Difference("instances.id", "the id that was asked for", "another")


def _offers(bodies: Bodies, known: Known) -> Iterator[Difference]:
    """A search: as many rows as asked for, the cheapest first, priced with the disk."""
    for body in bodies:
        rows = rows_in(body, "offers")
        if rows and len(rows) != ROWS:
            found = "more rows" if len(rows) > ROWS else "fewer rows"
            yield Difference("limit", f"{ROWS} rows, of a market with more", found)
        prices = [usd for row in rows for usd in figures(row, "dph_total") or []]
        if any(later < usd - 1e-6 for usd, later in pairwise(prices)):
            yield Difference("order", "the lowest dph_total first", "another order")
    yield from _priced(bodies, known)


def _priced(bodies: Bodies, _known: Known) -> Iterator[Difference]:
    """A price of an offer is GPU and disk (docs/vast-api.md A.6); a cover is dearer (C.12)."""
    for body in bodies:
        for row in rows_in(body, "offers"):
            amounts = figures(row, "dph_total", "dph_base", "storage_cost")
            if amounts is None or _has_cover(row):
                continue
            total, base, month = amounts
            if not is_near(total, base + month * DISK_GB / MONTH_H):
                relied = "dph_base + storage_cost * GB / 720"
                yield Difference("offers[].dph_total", relied, "another sum")


def _has_cover(row: Json) -> bool:
    premium = figures(as_object(row.get("search")) or {}, "slaPremiumPerHour")
    return premium is not None and premium[0] > 0


def _bids(bodies: Bodies, known: Known) -> Iterator[Difference]:
    """In a search for bids the base price is the lowest bid (docs/vast-api.md A.6)."""
    for body in bodies:
        for row in rows_in(body, "offers"):
            amounts = figures(row, "min_bid", "dph_base")
            if amounts is None:
                yield Difference("offers[].min_bid", relied_on.USD_PER_HOUR.said, "no number")
            elif not is_near(*amounts):
                yield Difference("offers[].dph_base", "min_bid, in a search for bids", "another")
    yield from _priced(bodies, known)


def _the_offer(bodies: Bodies, known: Known) -> Iterator[Difference]:
    """The filter by `ask_contract_id` finds that offer alone (docs/vast-api.md B.2)."""
    found = [row.get("ask_contract_id") for body in bodies for row in rows_in(body, "offers")]
    if not found:
        yield Difference("ask_contract_id", "a filter that finds the offer", "no rows")
    elif any(one not in known.offers[:2] for one in found):
        yield Difference("ask_contract_id", "a filter that finds the offer", "other rows")


def _names(bodies: Bodies, _known: Known) -> Iterator[Difference]:
    if any(body.get("gpu_names") == [] for body in bodies):
        yield Difference("gpu_names", "names", "an empty list")


def _the_template(bodies: Bodies, known: Known) -> Iterator[Difference]:
    found = {row.get("hash_id") for body in bodies for row in rows_in(body, "templates")}
    if found != {known.hashes[0]}:
        yield Difference("hash_id", "a filter that finds the template", "other rows or none")


def _no_template(bodies: Bodies, _known: Known) -> Iterator[Difference]:
    if any(rows_in(body, "templates") for body in bodies):
        yield Difference("hash_id", "a filter that finds nothing for no hash", "rows")


def _says(words: str) -> Callable[[Reply], bool]:
    return lambda reply: words in reply.said.lower()


# ── the questions ──────────────────────────────────────────────────────────────────────────────


def _search(kind: str) -> Json:
    return {
        "type": kind,
        "allocated_storage": DISK_GB,
        "order": [["dph_total", "asc"]],
        "limit": ROWS,
    }


async def _find_offer(vast: Vast, known: Known) -> None:
    """The second where the first went meanwhile."""
    for offer_id in known.offers[:2]:
        if await vast.find_offer(offer_id, disk_gb=DISK_GB) is not None:
            return


async def _place_of_log(vast: Vast, known: Known) -> None:
    await vast.request_logs(known.running[0], 1, words=None, daemon=False)


LIST = "GET /api/v1/instances/"
ONE = "GET /api/v0/instances/{id}/"
SEARCH = "POST /api/v0/bundles/"
TEMPLATE = "GET /api/v0/template/"

QUESTIONS = (
    Question(
        "account",
        "GET /api/v0/users/current/",
        "user_read",
        lambda vast, _: vast.user(),
        relied_on.USER,
    ),
    Question(
        "machines",
        LIST,
        "instance_read",
        lambda vast, _: vast.list_instances(),
        relied_on.PAGE,
        judge=_pages,
    ),
    Question(
        "one_row",
        f"{LIST} limit=1",
        "instance_read",
        lambda vast, _: vast.may_list(),
        relied_on.PAGE,
        judge=_one_row,
    ),
    Question(
        "machine",
        ONE,
        "instance_read",
        lambda vast, known: vast.show_instance(known.machines[0]),
        relied_on.ONE_INSTANCE,
        judge=_the_machine,
        needs=lambda known: known.machines,
    ),
    Question(
        "no_machine",
        f"{ONE} of no machine",
        "instance_read",
        lambda vast, _: vast.show_instance(NOBODYS),
        relied_on.NO_INSTANCE,
        of_nothing=True,
    ),
    Question(
        "log",
        "PUT /api/v0/instances/request_logs/{id}/",
        "instance_read",
        _place_of_log,
        relied_on.LOG_PLACE,
        needs=lambda known: known.running,
    ),
    Question(
        "offers",
        SEARCH,
        "misc",
        lambda vast, _: vast.search_offers(_search("on-demand")),
        relied_on.OFFERS,
        judge=_offers,
    ),
    Question(
        "offer",
        f"{SEARCH} ask_contract_id",
        "misc",
        _find_offer,
        relied_on.OFFERS,
        judge=_the_offer,
        needs=lambda known: known.offers,
    ),
    Question(
        "bids",
        f"{SEARCH} type=bid",
        "misc",
        lambda vast, _: vast.search_offers(_search("bid")),
        relied_on.OFFERS,
        judge=_bids,
    ),
    Question(
        "gpu_names",
        "GET /api/v0/gpu_names/unique/",
        None,
        lambda vast, _: vast.gpu_names(),
        relied_on.GPU_NAMES,
        judge=_names,
    ),
    Question(
        "ssh_keys",
        "GET /api/v0/ssh/",
        "user_read",
        lambda vast, _: vast.ssh_keys(),
        relied_on.SSH_KEYS,
        is_none=_says("no ssh keys found"),
    ),
    Question(
        "templates",
        TEMPLATE,
        "user_read",
        lambda vast, _: vast.search_templates({"recommended": {"eq": True}}),
        relied_on.TEMPLATES,
        is_none=_says("no templates found"),
    ),
    Question(
        "template",
        f"{TEMPLATE} hash_id",
        "user_read",
        lambda vast, known: vast.template(known.hashes[0]),
        relied_on.TEMPLATES,
        judge=_the_template,
        needs=lambda known: known.hashes,
    ),
    Question(
        "no_template",
        f"{TEMPLATE} of no template",
        "user_read",
        lambda vast, _: vast.template(NO_HASH),
        relied_on.TEMPLATES,
        judge=_no_template,
        is_none=_says("no templates found"),
        of_nothing=True,
    ),
    Question(
        "volumes",
        "GET /api/v0/volumes/",
        "instance_read",
        lambda vast, _: vast.list_volumes(),
        relied_on.VOLUMES,
    ),
    Question(
        "increases",
        "GET /api/v0/instances/pending-price-increases/",
        "instance_read",
        lambda vast, _: vast.price_increases(),
        relied_on.INCREASES,
    ),
    Question(
        "balance",
        "GET /api/v0/instances/balance/{id}/",
        "instance_read",
        lambda vast, known: vast.deposit(known.machines[0]),
        relied_on.BALANCE,
        needs=lambda known: known.machines,
    ),
    Question(
        "maintenances",
        "POST /api/v0/machines/maintenances",
        "instance_read",
        lambda vast, known: vast.maintenances(known.rented),
        relied_on.MAINTAINED,
        needs=lambda known: known.rented,
    ),
    Question(
        "clouds",
        "GET /api/v0/users/cloud_integrations/",
        "user_read",
        lambda vast, _: vast.clouds(),
        relied_on.CLOUDS,
    ),
    Question(
        "charges",
        "GET /api/v0/charges/",
        "billing_read",
        lambda vast, _: vast.charges(time.time() - DAY_S, time.time()),
        relied_on.CHARGES,
    ),
    Question(
        "payments",
        "GET /api/v1/invoices/",
        "billing_read",
        lambda vast, _: vast.payments(time.time() - MONTH_H * 3600, time.time()),
        relied_on.PAYMENTS,
    ),
    Question(
        "spend_rate",
        "GET /api/v0/users/spend-rate/",
        "user_read",
        lambda vast, _: vast.spend_rate(),
        relied_on.SPEND_RATE,
    ),
    Question(
        "room",
        "POST /api/v0/volumes/search/",
        "misc",
        lambda vast, known: rooms_on(vast, known.hosts[0], 1.0),
        relied_on.ROOMS,
        needs=lambda known: known.hosts,
    ),
)
