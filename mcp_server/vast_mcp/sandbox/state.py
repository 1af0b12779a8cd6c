"""A state is what a pretend Vast.ai is at one moment: its options, what happened since `reset`, and
what can happen to a machine without a request.
"""

import random
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import offers
from .account import ApiKey, Key
from .doors import Doors
from .fates import Fate
from .faults import Faults
from .instances import Instance
from .ledger import LedgerEntry, Received
from .logs import Upload
from .machine import lies
from .machines import Machines
from .odd import Oddities
from .offers import Offer
from .office import Office
from .rate_limits import RateLimits
from .shapes import Json
from .templates import Shelf
from .volumes import Volumes


@dataclass(eq=False, repr=False)
class State:
    """Options come first and may be changed at any time; what happened follows from `reset` on."""

    seed: int = 7
    api_keys: set[str] | None = None  # None: any key that is not empty
    rent_again: bool = False  # a rented offer can be rented a second time (skypilot#9117)
    limits: bool = False  # enforce the intervals of section H
    limits_scale: float = 1.0  # factor on them, for tests whose times are shortened
    # those of the hand-written description where it has others: twice to three times as long
    written_limits: bool = False
    limit_form: str = "json"  # or plain, detail, code: the form of a 429
    search_quota: int | None = None  # rows that searches of offers may show a day; 20,000 was seen
    # a filter on cuda_max_good without one on compute_cap hides the H100 and H200 (B.2)
    cuda_hides: bool = True
    clock: Callable[[], float] = time.time
    visible_after_looks: int = 0  # looks during which a new instance cannot be read
    gone_after_looks: int = 0  # looks during which a destroyed one still can
    looks_per_step: int | None = 1  # None: looks do not move instances on; 0: they run at once
    seconds_per_step: float | None = None  # and time does, when given
    # a lost bid turns all three words to stopped, else the machine is still asked to run (C.4)
    lost_bids_stop: bool = True
    low_bid_error: bool = False  # a bid lost at creation is a 400 that names the instance (A.6)
    contract_as_text: bool = False  # new_contract comes as digits in a text (A.11)
    # how a start whose GPU is taken is answered: a key of replies.QUEUED, and with which status
    queued_as: str = "plain"
    queued_status: int = 200
    starts_wait: bool = False  # such a start stays queued; six reports saw none that did (C.5)
    not_running_status: int = 200  # of a reboot; 400 by the hand-written specification (C.7)
    destroy_without_body: bool = False  # 204, as one client's fake has it (C.7)
    leaky_filters: bool = False  # numeric filters let some rows through (B.2)
    search_cap: int = 64  # rows in one reply of a search (B.1: 64, one client saw 100)
    drops_onstart: bool = False  # a start script is accepted and not stored (A.10)
    # of leases: usual, absent (their start scripts leave none) or deaf (they may not read labels)
    watchdog: str = "usual"
    watchdog_look_s: float = 0.0  # between two looks of one; it is 600
    watchdogs_end: bool = False  # one whose time has come ends its machine, at the next look
    # how a start script ends that says so in its log; None: it goes on
    onstart_status: int | None = 0
    old_list: bool = False  # the v0 list answers, as it does for older accounts (C.2)
    bad_key_status: int = 404  # 401 by the specification (I)
    missing_permissions: set[str] = field(default_factory=set[str])  # e.g. {"instance_read"} (I)
    # what a machine's own key may not do, of show, start, stop, label, destroy (A.11)
    own_key_lacks: set[str] = field(default_factory=set[str])
    own_key_status: int = 403  # said where a machine's own key does not reach
    offer_count: int = 264
    user_id: int = 4242
    credit: float = 25.0
    balance: float = 0.0
    charges_lag_s: float = 0.0  # what was billed so lately is not among the charges yet (G)
    team: bool = False
    log_looks: int = 2  # looks at a log's address that find nothing yet (C.7)
    log_text: str | None = None  # planted at the end of every log
    # said instead of the log's own address; {} is the name of the log
    log_url: str | None = None
    strict_volumes: bool = False  # refuse a rental whose volume id nobody knows
    # looks at the volumes during which a destroyed instance still holds its own
    volume_lingers_looks: int = 0
    # addresses are doors on loopback, with an SSH server, HTTP or TLS behind; close() shuts them
    ssh_banners: bool = False
    ssh_direct: bool = True  # with banners: the mapped port answers
    ssh_proxy: bool = True  # with banners: the proxy does
    ssh_banner: str = ""  # with banners: what SSH's doors say in place of speaking it
    # what every machine is not, of what its offer says (docs/sandbox-machine.md)
    lies: list[str] = field(default_factory=list[str])
    clouds: list[Json] = field(default_factory=list[Json])  # cloud connections (C.10)
    maintenances: list[Json] = field(default_factory=list[Json])  # announced by hosts (C.11)
    # called once, as the next rent, or making of a volume, is judged: what others do just then
    before_rent: Callable[[], object] | None = None
    # called once, as the next look at one instance is made
    before_show: Callable[[], object] | None = None

    offers: dict[int, Offer] = field(init=False)
    private_offers: set[int] = field(init=False)  # answered with 403: a host's own
    jammed_offers: set[int] = field(init=False)  # on offer, but the machine cannot start now (A.7)
    instances: dict[int, Instance] = field(init=False)
    fates: dict[int, Fate] = field(init=False)  # by offer
    stolen_gpus: set[int] = field(init=False)  # instances whose GPU went elsewhere (C.5)
    gpu_waits: dict[int, int] = field(init=False)  # looks until a queued start finds its GPU free
    office: Office = field(init=False)
    keys: dict[int, Key] = field(init=False)
    issued: dict[int, ApiKey] = field(init=False)  # API keys that the account made (G)
    shelf: Shelf = field(init=False)
    volumes: Volumes = field(init=False)
    uploads: dict[str, Upload] = field(init=False)
    ledger: list[LedgerEntry] = field(init=False)
    requests: list[Received] = field(init=False)
    limiter: RateLimits = field(init=False)
    dice: random.Random = field(init=False)
    faults: Faults = field(init=False, default_factory=Faults)
    doors: Doors = field(init=False, default_factory=Doors)
    machines: Machines = field(init=False)
    odd: Oddities = field(init=False, default_factory=Oddities)

    def __post_init__(self) -> None:
        lies.check(self.lies)
        self.machines = Machines(self.doors.do, self.clock)
        # a forgotten close() leaves no open socket behind
        weakref.finalize(self, self.doors.close_all)
        self.reset()

    def close(self) -> None:
        """Shut every door; a world is good for use afterwards and opens new ones."""
        self.doors.close_all()

    def reset(self, seed: int | None = None) -> None:
        """Begin a new world with the same options: everything that happened is forgotten."""
        if seed is not None:
            self.seed = seed
        self.faults.clear()
        self.odd.clear()
        self.machines.forget_all()
        self.doors.forget_all()
        self._stock_market()
        self._clear_account()
        self.ledger, self.requests = [], []
        self.limiter = RateLimits(self.clock)
        self.dice = random.Random(self.seed)

    def _stock_market(self) -> None:
        self.offers = offers.make_offers(self.seed, self.offer_count, self.now)
        self.volumes = Volumes(self.seed, self.offers.values())
        self.private_offers, self.jammed_offers = set(), set()
        self.fates = {}

    def _clear_account(self) -> None:
        self.instances, self.keys, self.uploads = {}, {}, {}
        self.stolen_gpus, self.gpu_waits = set(), {}
        self.issued, self.office = {}, Office()
        self.shelf = Shelf(self.now, self.user_id)

    # What there is

    @property
    def now(self) -> float:
        """The time by this world's clock, in epoch seconds."""
        return self.clock()

    @property
    def rentals(self) -> list[Instance]:
        """Every rental ever committed, the dead included."""
        return list(self.instances.values())

    @property
    def living(self) -> list[Instance]:
        """Those that still cost money."""
        return [instance for instance in self.rentals if instance.alive]

    def find(self, instance_id: int) -> Instance | None:
        """The living instance of this id."""
        instance = self.instances.get(instance_id)
        if instance is None or not instance.alive:
            return None
        return instance

    def knows_key(self, key: str) -> bool:
        """Whether this is a key of the account's."""
        return key != "" and (self.api_keys is None or key in self.api_keys)

    def issued_key(self, text: str) -> ApiKey | None:
        """Find the API key that the account made with this secret."""
        return next((key for key in self.issued.values() if key.secret == text), None)

    @property
    def first_public_key(self) -> str | None:
        """The one SSH key that the account's own row shows (G)."""
        for key in self.keys.values():
            return key.public_key
        return None

    def priced_offers(self, gb: float, *, bid: bool) -> list[Offer]:
        """Every offer as a search shows it now, with so many GB of disk."""
        now = self.now
        rooms = self.volumes.rooms_by_machine
        rows = [offers.priced(one, gb=gb, bid=bid, now=now) for one in self.offers.values()]
        return [row | _room_of(rooms.get(row["machine_id"])) for row in rows]

    @property
    def templates(self) -> dict[str, dict[str, Any]]:
        """Templates by hash."""
        return self.shelf.by_hash

    # What happens without a request

    def take(self, offer_id: int) -> None:
        """Let somebody rent an offer, so that nobody else can."""
        self.offers[offer_id] |= {"rentable": False, "rented": True}

    def free_gpu(self, instance_id: int) -> None:
        """Give an instance's GPU back to it; a queued start goes on."""
        self.stolen_gpus.discard(instance_id)
        self.gpu_waits.pop(instance_id, None)
        instance = self.instances[instance_id]
        if instance.waiting_for_gpu:
            instance.waiting_for_gpu = False
            instance.start(self.now)
            self.write("start", instance)

    def outbid(self, instance_id: int) -> None:
        """Outbid an instance: the service stops it, and its disk is still billed (C.4)."""
        instance = self.instances[instance_id]
        floor = max(instance.offer["min_bid"], round(instance.price * 1.1, 4))
        instance.offer["min_bid"] = floor
        self.lose_bid(instance)

    def lose_bid(self, instance: Instance) -> None:
        """Stop an instance whose bid is below the floor; it starts again once it is not."""
        self.doors.close(instance.id)
        self.machines.halt(instance.id)
        instance.lose_bid(self.now, asked_to_run=not self.lost_bids_stop)
        instance.log.happened(self.now, "outbid, stopped")

    def stop(self, instance: Instance) -> None:
        """Stop an instance and shut its doors; what runs in it ends, and its disk stays."""
        instance.stop(self.now)
        self.doors.close(instance.id)
        self.machines.halt(instance.id)

    def cancel_rental(self, instance_id: int) -> None:
        """End an instance that nobody asked to end: credit gone, contract over (K)."""
        instance = self.instances[instance_id]
        self.end(instance)
        self.write("reclaim", instance)

    def end(self, instance: Instance) -> None:
        """End an instance for good. Its offer is free again unless another machine of ours came
        from it.
        """
        self._refund(instance)
        instance.destroyed_at = self.now
        instance.lingering_looks = self.gone_after_looks
        self.doors.forget(instance.id)
        self.machines.forget(instance.id)
        self.volumes.let_go(instance.id, self.volume_lingers_looks)
        if not any(other.offer_id == instance.offer_id for other in self.living):
            self.offers[instance.offer_id] |= {"rentable": True, "rented": False}

    def _refund(self, instance: Instance) -> None:
        """Give back the rest of a deposit; all of it, where the machine was deverified (C.8)."""
        instance.tick(self.now)
        deposit, instance.deposit = instance.deposit, None
        if deposit is None:
            return
        if instance.offer["verification"] == "deverified":
            self.credit += deposit.usd
        else:
            self.credit += deposit.refund(instance.meter.usd_since(deposit.at))

    def write(self, kind: str, instance: Instance | None = None, **detail: Any) -> None:
        """Enter in the ledger what was committed just now, and the account as it then stands."""
        entry = LedgerEntry(len(self.ledger) + 1, kind, self.now)
        if instance is not None:
            entry.instance_id, entry.offer_id = instance.id, instance.offer_id
            entry.label = instance.label
            entry.price = detail.pop("price", None)
            entry.machine_usd_per_hour = instance.dph_total
        entry.machines = len(self.living)
        entry.usd_per_hour = sum(instance.at_most for instance in self.living)
        entry.usd_per_hour += sum(volume.usd_per_hour for volume in self.volumes.living)
        entry.detail = detail
        self.ledger.append(entry)


def _room_of(room: Json | None) -> Json:
    """Name the volume offer of the same machine, as a row of a machine does: so many GB, and the
    price of one of them (B.4).
    """
    if room is None:
        return {}
    return {
        "avail_vol_ask_id": room["id"],
        "avail_vol_size": room["disk_space"],
        "avail_vol_dph": offers.disk_price(room, 1),
    }
