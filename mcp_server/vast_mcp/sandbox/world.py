"""The world is the one thing that a test holds: it arranges what is about to happen, looks at what
did, and lets the account act past the wire.
"""

import operator
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from . import doorways, fates, listing, looks, money, possessions, rises, service, ssh_keys
from .billing import Traffic
from .doors import Manner
from .instances import Instance
from .ledger import LedgerEntry, Received
from .offers import Offer
from .office import Rise
from .shapes import Json
from .state import State

# What `World.offer` knows beyond the keys of a row.
TRAITS: dict[str, Callable[[Offer, Any], bool]] = {
    "vm": lambda row, want: row["vms_enabled"] == want,
    "ports": lambda row, want: (row["direct_port_count"] > 0) == want,
    "verified": lambda row, want: (row["verification"] == "verified") == want,
    "country": lambda row, want: row["geolocation"].endswith(want),
    "max_price": lambda row, want: row["dph_total"] <= want,
}


class World(State):
    """A world is a pretend Vast.ai with one account, its offers, rentals, keys and templates, and a
    ledger of everything it committed. Its options are those of `State`.
    """

    # What tests look at

    def asked(self, endpoint: str) -> list[Received]:
        """List the requests that reached one endpoint, faults or not."""
        return [request for request in self.requests if request.endpoint == endpoint]

    def committed(self, kind: str) -> list[LedgerEntry]:
        """List the ledger's entries of one kind."""
        return [entry for entry in self.ledger if entry.kind == kind]

    def metered(self, instance_id: int | None = None) -> float:
        """$/h that the meters of one instance run at now; without one, of all and of volumes."""
        if instance_id is not None:
            return sum(self.instances[instance_id].rates(self.now).values())
        machines = sum(self.metered(instance.id) for instance in self.living)
        return machines + sum(volume.usd_per_hour for volume in self.volumes.living)

    def offer(self, **traits: Any) -> Offer:
        """Find the cheapest free offer with these traits: row keys by value or predicate, and those
        of `TRAITS`, of which None takes any.

        Offers are verified unless asked for otherwise. Nothing found is a LookupError.
        """
        wanted = {"rentable": True, "external": operator.not_, "verified": True, **traits}
        rows = sorted(self.priced_offers(8, bid=False), key=itemgetter("dph_total", "id"))
        found = next((row for row in rows if _has_all(row, wanted)), None)
        if found is None:
            raise LookupError(f"no such offer: {traits}")
        return found

    # What tests arrange

    def jam(self, offer_id: int) -> None:
        """Keep an offer whose machine cannot start now: what `cancel_unavail` is about (A.7)."""
        self.jammed_offers.add(offer_id)

    def set_keys(self, public_keys: Iterable[str]) -> None:
        """Give the account exactly these SSH keys; the ledger does not hear of it."""
        self.keys = {}
        for text in public_keys:
            ssh_keys.new_key(self, text)

    def set_fate(
        self,
        offer_id: int,
        course: str | Iterable[str | None],
        status_msg: str | None = None,
        restart: Iterable[str | None] | None = None,
    ) -> None:
        """Choose what becomes of machines rented from this offer: a name of `fates.FATES`, or
        status by status.

        A course may also come to `outbid`, `vanished` and `given_up`; `restart` is the course of a
        later start.
        """
        self.fates[offer_id] = fates.read_fate(course, status_msg, restart)

    def set_logs(self, instance_id: int, text: str | None, daemon: str | None = None) -> None:
        """Plant the end of this instance's logs, the container's and the host daemon's."""
        log = self.instances[instance_id].log
        log.planted, log.planted_daemon = text, daemon

    def take_gpu(self, instance_id: int, looks: int | None = None) -> None:
        """Let somebody else hold the GPU of this stopped instance: it cannot start (C.5).

        A start meanwhile comes to nothing, unless `starts_wait`, or `looks` are given: then it
        waits, and goes on after so many looks at the instance, or when `free_gpu` says so.
        """
        self.stolen_gpus.add(instance_id)
        if looks is not None:
            self.gpu_waits[instance_id] = looks

    def set_door(self, instance_id: int, way: str, manner: Manner) -> None:
        """Let one way into this instance behave so from now on (docs/sandbox.md, doors).

        A way is `direct`, `proxy`, or a port inside as `8000/tcp`; a manner is `usual`, `closed`,
        `silent`, of SSH's ways `not_ssh` or `refuses_keys`, of other ports an HTTP status.
        """
        doorways.set_manner(self, instance_id, way, manner)

    def change_host_key(self, instance_id: int, way: str | None = None) -> None:
        """Let one of SSH's ways into this instance, or both, have another host key from now on."""
        self.doors.renew(instance_id, way)

    def lie(self, instance_id: int, *names: str) -> None:
        """Let this machine tell these lies from now on, and no others (docs/sandbox-machine.md)."""
        self.machines.lie(instance_id, names)

    # What tests let the account do, past the wire

    def rent(self, ask_id: int, body: Json) -> Instance:
        """Rent as a create request with this body does."""
        return service.rent(self, ask_id, body)

    def set_state(self, instance_id: int, state: str) -> None:
        """Start or stop an instance as a request does."""
        service.set_state(self, instance_id, state)

    def set_label(self, instance_id: int, label: str | None) -> None:
        """Label an instance as a request does."""
        service.set_label(self, instance_id, label)

    def destroy(self, instance_id: int) -> None:
        """Destroy an instance as a request does."""
        service.destroy(self, instance_id)

    def age(self, instance_id: int, hours: float) -> None:
        """Make an instance so many hours older than it is."""
        instance = self.instances[instance_id]
        instance.born -= hours * 3600
        instance.meter.shift(hours * 3600)

    def move_traffic(self, instance_id: int, down_gb: float, up_gb: float) -> None:
        """Bill an instance for what goes down and up now, at the prices of its row."""
        instance = self.instances[instance_id]
        for kind, gb, price in (("bwd", down_gb, "inet_down_cost"), ("bwu", up_gb, "inet_up_cost")):
            instance.traffic.append(Traffic(kind, self.now, gb, instance.offer[price]))

    def top_up(self, usd: float) -> None:
        """Buy credit with a card."""
        money.top_up(self, usd)

    def raise_price(self, instance_id: int, factor: float = 1.5, days: float = 30) -> Rise:
        """Let the host ask for a price so many times this one, from the contract's end on (C.7)."""
        return rises.ask(self, instance_id, factor, days)

    def show(self, instance_id: int) -> Json | None:
        """Look at one instance as a request does, which moves it on."""
        return looks.show(self, instance_id)

    def list_page(self, query: listing.PageQuery) -> Json:
        """Look at a page of the list as a request does, which moves its instances on."""
        return looks.list_page(self, query)

    def add_template(self, body: Json) -> Json:
        """Add a template as a request does."""
        return possessions.add_template(self, body)

    def user(self) -> Json:
        """Look at the account as a request does."""
        return possessions.user(self)


def _has_all(row: Offer, wanted: Json) -> bool:
    return all(_has(row, name, want) for name, want in wanted.items())


def _has(row: Offer, name: str, want: Any) -> bool:
    if name in TRAITS:
        return want is None or TRAITS[name](row, want)
    if callable(want):
        return bool(want(row[name]))
    return row[name] == want
