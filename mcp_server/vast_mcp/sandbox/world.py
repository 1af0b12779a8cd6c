"""The pretend world: one account, its offers, rentals, keys and templates, and a ledger of
everything it committed.
"""

import json
import random
import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from . import fates, listing, logs, offers, replies, search
from .account import INSTANCE_SECRET, Key, user_row
from .banners import BANNER, HOST, Doors
from .fates import Fate
from .faults import Faults
from .instances import Instance, Pace, Ways
from .launch import MAX_PRICE, MIN_PRICE, Launch, read_launch
from .ledger import LedgerEntry, Received
from .limits import Limits
from .logs import Log, Upload
from .offers import Offer
from .templates import Shelf
from .volumes import Volume, Volumes

FIRST_INSTANCE = 30_000_001
BID_PER_GPU = 32.0  # $/h, what a changed bid may be at most (A.6)
LABEL_CHARS = 1_024  # the label endpoint allows more than create does (A.2, C.7)

OFFER_FIELDS = frozenset(
    offers.priced(next(iter(offers.make_offers(0, 1, 0).values())), gb=8, bid=False, now=0)
)
SEARCH_FIELDS = OFFER_FIELDS | frozenset(search.VIEWS)


@dataclass(eq=False, repr=False)
class World:
    """Options come first and may be changed at any time; what happened follows from `reset` on."""

    seed: int = 7
    api_keys: set[str] | None = None  # None: any key that is not empty
    rent_again: bool = False  # a rented offer can be rented a second time (skypilot#9117)
    limits: bool = False  # enforce the intervals of section H
    clock: Callable[[], float] = time.time
    visible_after_looks: int = 0  # looks during which a new instance cannot be read
    gone_after_looks: int = 0  # looks during which a destroyed one still can
    looks_per_step: int | None = 1  # None: looks do not move instances on; 0: they run at once
    seconds_per_step: float | None = None  # and time does, when given
    leaky_filters: bool = False  # numeric filters let some rows through (B.2)
    bad_key_status: int = 404  # 401 by the specification (I)
    missing_permissions: set[str] = field(default_factory=set[str])  # e.g. {"instance_read"} (I)
    own_key_lacks: set[str] = field(
        default_factory=set[str]
    )  # of show, start, stop, label, destroy (A.11)
    own_key_status: int = 403  # said where a machine's own key does not reach
    offer_count: int = 264
    user_id: int = 4242
    credit: float = 25.0
    balance: float = 0.0
    team: bool = False
    log_looks: int = 2  # looks at a log's address that find nothing yet (C.7)
    log_text: str | None = None  # planted at the end of every log
    # said instead of the log's own address; {} is the name of the log
    log_url: str | None = None
    strict_volumes: bool = False  # refuse a rental whose volume id nobody knows
    volume_lingers_looks: int = (
        0  # looks at the volumes during which a destroyed instance still holds its own
    )
    ssh_banners: bool = (
        # addresses are doors on loopback that answer as SSH does; world.close() shuts them
        False
    )
    ssh_direct: bool = True  # with banners: the mapped port answers
    ssh_proxy: bool = True  # with banners: the proxy does
    ssh_banner: str = BANNER.decode()  # with banners: what a door says
    before_rent: Callable[[], object] | None = (
        None  # called once, as the next rent is judged: what others do just then
    )

    def __post_init__(self) -> None:
        self.faults = Faults()
        self.doors = Doors()
        # a forgotten close() leaves no open socket behind
        weakref.finalize(self, self.doors.close)
        self.reset()

    def close(self) -> None:
        """Shut every door; a world is good for use afterwards and opens new ones."""
        self.doors.close()

    def reset(self, seed: int | None = None) -> None:
        """A new world with the same options: everything that happened is forgotten."""
        self.seed = self.seed if seed is None else seed
        self.faults.clear()
        self.doors.close()
        self.offers: dict[int, Offer] = offers.make_offers(
            self.seed, self.offer_count, self.clock()
        )
        self.instances: dict[int, Instance] = {}
        self.keys: dict[int, Key] = {}
        self.shelf = Shelf(self.clock(), self.user_id)
        self.ledger: list[LedgerEntry] = []
        self.requests: list[Received] = []
        self.private_offers: set[int] = set()  # answered with 403: a host's own
        self.jammed_offers: set[int] = set()  # on offer, but the machine cannot start now (A.7)
        self.stolen_gpus: set[int] = (
            set()
        )  # instances whose GPU went to somebody else while stopped (C.5)
        self.gpu_waits: dict[int, int] = {}  # looks until a queued start finds its GPU free
        self.fates: dict[int, Fate] = {}
        self.volumes = Volumes(self.seed, self.offers.values())
        self.uploads: dict[str, Upload] = {}
        self.limiter = Limits(self.clock)
        self._dice = random.Random(self.seed)

    # What tests look at

    @property
    def rentals(self) -> list[Instance]:
        """Every rental ever committed, the dead included."""
        return list(self.instances.values())

    @property
    def living(self) -> list[Instance]:
        """Those that still cost money."""
        return [instance for instance in self.rentals if instance.alive]

    @property
    def templates(self) -> dict[str, dict[str, Any]]:
        """Templates by hash."""
        return self.shelf.by_hash

    def asked(self, endpoint: str) -> list[Received]:
        """The requests that reached one endpoint, faults or not."""
        return [request for request in self.requests if request.endpoint == endpoint]

    def committed(self, kind: str) -> list[LedgerEntry]:
        """The ledger's entries of one kind."""
        return [entry for entry in self.ledger if entry.kind == kind]

    # What tests arrange

    def offer(
        self,
        *,
        vm: bool | None = None,
        ports: bool | None = None,
        verified: bool | None = True,
        **traits: Any,
    ) -> Offer:
        """The cheapest free offer with these traits: row keys by value or predicate, and
        `country`, `max_price`.

        `verified=None` takes any. Nothing found is a LookupError.
        """
        wanted = {"rentable": True, "external": False, **traits}
        country, ceiling = wanted.pop("country", None), wanted.pop("max_price", None)
        now = self.clock()
        found = [
            row
            for row in (
                offers.priced(offer, gb=8, bid=False, now=now) for offer in self.offers.values()
            )
            if (vm is None or row["vms_enabled"] == vm)
            and (ports is None or (row["direct_port_count"] > 0) == ports)
            and (verified is None or (row["verification"] == "verified") == verified)
            and (country is None or row["geolocation"].endswith(country))
            and (ceiling is None or row["dph_total"] <= ceiling)
            and all(
                want(row[key]) if callable(want) else row[key] == want
                for key, want in wanted.items()
            )
        ]
        if not found:
            raise LookupError(f"no such offer: {traits}")
        return min(found, key=lambda row: (row["dph_total"], row["id"]))

    def take(self, offer_id: int) -> None:
        """Somebody else rents it."""
        self.offers[offer_id] |= {"rentable": False, "rented": True}

    def jam(self, offer_id: int) -> None:
        """Still on offer, but its machine cannot start now: what `cancel_unavail` is about
        (A.7).
        """
        self.jammed_offers.add(offer_id)

    def set_keys(self, public_keys: Iterable[str]) -> None:
        """The account has exactly these SSH keys; the ledger does not hear of it."""
        self.keys = {}
        for text in public_keys:
            self._new_key(text)

    def set_fate(
        self,
        offer_id: int,
        course: str | Iterable[str | None],
        status_msg: str | None = None,
        restart: Iterable[str | None] | None = None,
    ) -> None:
        """What becomes of machines rented from this offer: a name of `fates.FATES`, or status by
        status.

        A course may also come to `outbid` and `vanished`; `restart` is the course of a later
        start.
        """
        self.fates[offer_id] = fates.read_fate(course, status_msg, restart)

    def set_logs(self, instance_id: int, text: str | None, daemon: str | None = None) -> None:
        """What stands at the end of this instance's logs, the container's and the host daemon's."""
        log = self.instances[instance_id].log
        log.planted, log.planted_daemon = text, daemon

    def take_gpu(self, instance_id: int, looks: int | None = None) -> None:
        """Somebody else holds the GPU of this stopped instance: it cannot start (C.5).

        A start that is queued meanwhile goes on after so many looks at the instance, or when
        `free_gpu` says so.
        """
        self.stolen_gpus.add(instance_id)
        if looks is not None:
            self.gpu_waits[instance_id] = looks

    def free_gpu(self, instance_id: int) -> None:
        """The GPU is free again; a queued start goes on."""
        self.stolen_gpus.discard(instance_id)
        self.gpu_waits.pop(instance_id, None)
        instance = self.instances[instance_id]
        if instance.waiting_for_gpu:
            instance.waiting_for_gpu = False
            instance.start(self.clock())
            self._write("start", instance)

    def outbid(self, instance_id: int) -> None:
        """A bid loses its GPU: stopped by the service, still asked to run, its disk still billed
        (C.4).
        """
        instance = self.instances[instance_id]
        instance.offer["min_bid"] = max(instance.offer["min_bid"], round(instance.price * 1.1, 4))
        self._lose_bid(instance)

    def _lose_bid(self, instance: Instance) -> None:
        self._stop(instance)
        instance.intended, instance.outbid = "running", True
        instance.log.happened(self.clock(), "outbid, stopped")

    def _stop(self, instance: Instance) -> None:
        instance.stop(self.clock())
        self.doors.close(instance.id)

    def cancel_rental(self, instance_id: int) -> None:
        """The instance disappears without anybody asking: credit gone, contract over (K)."""
        self._end(self.instances[instance_id])
        self._write("reclaim", self.instances[instance_id])

    # What the service does: offers

    def search(self, flat: dict[str, Any], *, defaults: bool) -> list[Offer]:
        """Rows that answer a flat query."""
        query = search.Query(flat, SEARCH_FIELDS, defaults=defaults)
        now = self.clock()
        rows = (
            offers.priced(offer, gb=query.gb, bid=query.bid, now=now)
            for offer in self.offers.values()
        )
        return query.run(rows, leaky=self.leaky_filters)

    # Rentals

    def rent(self, ask_id: int, body: dict[str, Any]) -> Instance:
        """Accept an offer, or refuse; arguments are checked before availability."""
        others, self.before_rent = self.before_rent, None
        if others is not None:
            others()
        launch = read_launch(body, self.templates, ask_id)
        offer = self._free_offer(ask_id)
        self._check_vm(launch, offer, ask_id)
        if launch.disk > offer["disk_space"]:
            raise replies.invalid_args(
                f"disk: the machine has {offer['disk_space']} GB left", ask_id
            )
        if launch.volume_info is not None:
            self.volumes.check(
                launch.volume_info, offer["machine_id"], ask_id, strict=self.strict_volumes
            )
        if self.credit <= 0:
            raise replies.insufficient_credit()
        jammed = ask_id in self.jammed_offers
        if jammed and launch.cancel_unavail:
            raise replies.ask_gone(ask_id)
        low = launch.price is not None and launch.price < offer["min_bid"]
        instance = self._commit_rental(offer, launch, stopped=low or jammed or not launch.start)
        if low:
            msg = f"bid {launch.price} is below the minimum of {offer['min_bid']}"
            raise replies.invalid_price(msg, ask_id, new_contract=instance.id)
        return instance

    def _free_offer(self, ask_id: int) -> Offer:
        offer = self.offers.get(ask_id)
        if offer is None:
            raise replies.unknown_ask(ask_id)
        if ask_id in self.private_offers:
            raise replies.not_your_own(ask_id)
        if not offer["rentable"] and not self.rent_again:
            raise replies.ask_gone(ask_id)
        return offer

    def _check_vm(self, launch: Launch, offer: Offer, ask_id: int) -> None:
        if not launch.vm:
            return
        if not offer["vms_enabled"]:
            raise replies.invalid_args(f"offer {ask_id} does not support VMs", ask_id)
        if self.team or not self.keys:
            raise replies.no_ssh_key_for_vm(ask_id)

    def _commit_rental(self, offer: Offer, launch: Launch, *, stopped: bool) -> Instance:
        now = self.clock()
        fate = self.fates.get(offer["id"], Fate())
        instance = Instance(
            id=FIRST_INSTANCE + len(self.instances),
            offer=dict(offer),
            launch=launch,
            label=launch.label,
            born=now,
            secret=f"{INSTANCE_SECRET}{self._dice.getrandbits(128):032x}",
            pace=Pace(self.looks_per_step, self.seconds_per_step),
            hidden_looks=self.visible_after_looks,
            fate=fate,
            keys={} if self.team else {number: replace(key) for number, key in self.keys.items()},
            log=Log(planted=self.log_text, planted_daemon=self.log_text),
        )
        instance.set_course(fate.course, now)
        if stopped:
            instance.stop(now, "stopped")
        self.instances[instance.id] = instance
        self.take(offer["id"])
        self._write(
            "rent", instance, price=instance.price, stopped=stopped, vm=instance.kind == "vm"
        )
        self._attach_volume(instance)
        return instance

    def _attach_volume(self, instance: Instance) -> None:
        info = instance.launch.volume_info
        if info is None:
            return
        volume, new = self.volumes.attach(info, instance.id, self.clock())
        if volume is None:
            return
        instance.launch.volume_info = info | {"volume_id": volume.id, "name": volume.label}
        if new:
            self._write(
                "volume", instance, volume_id=volume.id, gb=volume.gb, machine_id=volume.machine_id
            )

    def destroy(self, instance_id: int) -> None:
        """For good; the offer is free again unless another machine of ours came from it."""
        instance = self._own(instance_id)
        self._end(instance)
        self._write("destroy", instance)

    def _end(self, instance: Instance) -> None:
        instance.destroyed_at = self.clock()
        instance.lingering_looks = self.gone_after_looks
        self.doors.close(instance.id)
        self.volumes.let_go(instance.id, self.volume_lingers_looks)
        if not any(other.offer_id == instance.offer_id for other in self.living):
            self.offers[instance.offer_id] |= {"rentable": True, "rented": False}

    def set_state(self, instance_id: int, state: str) -> None:
        """Start or stop; what is already so is a success that changes nothing."""
        instance = self._own(instance_id)
        if state == "stopped":
            if instance.intended != "stopped" or instance.waiting_for_gpu:
                self._stop(instance)
                self._write("stop", instance)
            return
        if instance_id in self.stolen_gpus:
            instance.intended, instance.waiting_for_gpu = "running", True
            raise replies.resources_unavailable()
        if instance.launch.is_bid and instance.price < instance.offer["min_bid"]:
            instance.intended, instance.outbid = "running", True  # until the bid is raised
            raise replies.resources_unavailable()
        if instance.intended != "running" or instance.outbid:
            instance.start(self.clock())
            self._write("start", instance)

    def set_label(self, instance_id: int, label: str | None) -> None:
        """Up to 1024 characters here (C.7)."""
        instance = self._own(instance_id)
        if label is not None and len(label) > LABEL_CHARS:
            raise replies.label_too_long()
        instance.label = label
        self._write("label", instance)

    def _own(self, instance_id: int) -> Instance:
        instance = self.instances.get(instance_id)
        if instance is None or not instance.alive:
            raise replies.no_such_instance(instance_id)
        return instance

    def reboot(self, instance_id: int) -> None:
        """The container stops and starts; GPU and disk stay (C.7)."""
        instance = self._own_running(instance_id)
        instance.set_course(fates.REBOOT, self.clock())
        self.doors.close(instance_id)
        self._write("reboot", instance)

    def recycle(self, instance_id: int) -> None:
        """A new container of a freshly pulled image: its disk's content goes, the GPU stays
        (C.7).
        """
        instance = self._own_running(instance_id)
        instance.recycle(self.clock())
        instance.log.lines.clear()
        self.doors.close(instance_id)
        self._write("recycle", instance)

    def _own_running(self, instance_id: int) -> Instance:
        instance = self._own(instance_id)
        if instance.intended != "running" or instance.waiting_for_gpu or instance.outbid:
            raise replies.not_running(instance_id)
        return instance

    def change_bid(self, instance_id: int, price: Any) -> None:
        """$/h for the machine; none is the winning one, as the official client promises (C.7).

        A price below the floor is taken, and the machine loses its GPU (C.4: outbid); back at
        the floor it starts again. Only what is out of all range is refused.
        """
        instance = self._own(instance_id)
        if not instance.launch.is_bid:
            raise replies.not_a_bid(instance_id)
        floor, ceiling = (
            instance.offer["min_bid"],
            min(MAX_PRICE, BID_PER_GPU * instance.offer["num_gpus"]),
        )
        if price is None:
            price = floor
        if isinstance(price, bool) or not isinstance(price, int | float):
            raise replies.invalid_args("price: Input should be a valid number")
        if not MIN_PRICE <= price <= ceiling:
            raise replies.bid_out_of_range(ceiling)
        instance.launch.price = float(price)
        self._write("bid", instance, price=float(price))
        if price < floor and instance.intended == "running" and not instance.outbid:
            self._lose_bid(instance)
        elif price >= floor and instance.outbid:
            instance.start(self.clock())

    def request_logs(self, instance_id: int, body: dict[str, Any]) -> str:
        """The name under which the log will be found (C.7)."""
        instance = self._own(instance_id)
        logs.check(body)
        name = f"{self._dice.getrandbits(128):032x}.log"
        self.uploads[name] = Upload(instance.log.text(body), self.log_looks)
        return name

    def read_log(self, name: str) -> str:
        """One look at a log's address."""
        upload = self.uploads.get(name)
        text = None if upload is None else upload.look()
        if text is None:
            raise replies.log_not_there()
        return text

    def show(self, instance_id: int) -> dict[str, Any] | None:
        """One look at one instance; None for what is unknown, gone or not readable yet (C.1)."""
        instance = self.instances.get(instance_id)
        if instance is None:
            return None
        self._follow(instance)
        if not instance.seen():
            return None
        row = instance.row(self.clock(), listed=False, ways=self._ways(instance))
        self._looked(instance)
        return row

    def list_page(self, query: listing.PageQuery) -> dict[str, Any]:
        """One look at every instance on a page of the list (C.2)."""
        now = self.clock()
        for instance in self.living:
            self._follow(instance)
        seen = [instance for instance in self.rentals if instance.seen()]
        rows = [instance.row(now, listed=True, ways=self._ways(instance)) for instance in seen]
        shown, page = listing.page(query, rows)
        for instance_id in shown:
            self._looked(self.instances[instance_id])
        return page

    def _looked(self, instance: Instance) -> None:
        instance.looks += 1
        if instance.waiting_for_gpu and instance.id in self.gpu_waits:
            self.gpu_waits[instance.id] -= 1
            if self.gpu_waits[instance.id] <= 0:
                self.free_gpu(instance.id)

    def _follow(self, instance: Instance) -> None:
        """What its course has come to since the last look."""
        if not instance.alive:
            return
        now = self.clock()
        event = instance.event(now)
        if event == fates.VANISHED:
            self.cancel_rental(instance.id)
            return
        if event == fates.OUTBID:
            self.outbid(instance.id)
        status = instance.status(now)
        if status != instance.last_logged:
            instance.last_logged = status
            instance.log.happened(
                now, f"{instance.id} {status or 'created'}: {instance.says(status) or 'ok'}"
            )

    def _ways(self, instance: Instance) -> Ways | None:
        """Doors where SSH answers, when the world has them and the instance is there to speak."""
        if not self.ssh_banners:
            return None
        speaks = (
            instance.alive and instance.speaks_ssh and instance.status(self.clock()) == "running"
        )
        banner = self.ssh_banner.encode()
        vm = instance.kind == "vm"  # the proxy cannot reach one (A.5)
        proxy = self.doors.port(
            instance.id, "proxy", opened=speaks and self.ssh_proxy and not vm, banner=banner
        )
        direct = self.doors.port(
            instance.id, "direct", opened=speaks and self.ssh_direct, banner=banner
        )
        # there SSH answers one number higher (C.6)
        jupyter = "jupyter" in instance.launch.runtype
        return Ways(HOST, proxy - 1 if jupyter else proxy, direct)

    def filter_values(self) -> list[dict[str, Any]]:
        """The combinations the official client offers as filters."""
        now = self.clock()
        rows = [instance.row(now, listed=True) for instance in self.living]
        return [
            {key: row[key] for key in ("actual_status", "verification", "gpu_name", "label")}
            for row in rows
        ]

    # Volumes

    def rent_volume(self, body: dict[str, Any]) -> Volume:
        """PUT /volumes/ (F)."""
        volume = self.volumes.rent(body.get("id"), body.get("size"), body.get("name"), self.clock())
        self._write("volume", volume_id=volume.id, gb=volume.gb, machine_id=volume.machine_id)
        return volume

    def delete_volume(self, volume_id: Any) -> None:
        """DELETE /volumes/ (F)."""
        volume = self.volumes.delete(volume_id, self.clock())
        self._write("volume_delete", volume_id=volume.id)

    # Keys and the account

    def list_keys(self) -> list[dict[str, Any]]:
        """No keys is a 404 (D)."""
        if self.team or not self.keys:
            raise replies.no_keys()
        return [key.as_json() for key in self.keys.values()]

    def add_key(self, text: Any) -> Key:
        """Whatever text comes is kept, a file's path too (D); the same key again is the one that
        is there.
        """
        if self.team:
            raise replies.team_keys()
        if not isinstance(text, str) or not text.strip():
            raise replies.no_ssh_key("ssh_key is required")
        for key in self.keys.values():
            if key.public_key.strip() == text.strip():
                return key
        key = self._new_key(text)
        self._write("key_add", key_id=key.id, public_key=text)
        return key

    def _new_key(self, text: str) -> Key:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.clock()))
        key = Key(max(self.keys, default=700_000) + 1, text, at, self.user_id)
        self.keys[key.id] = key
        return key

    def delete_key(self, key_id: int) -> None:
        """A missing one is a 400 (D)."""
        if self.keys.pop(key_id, None) is None:
            raise replies.no_ssh_key(f"no SSH key {key_id}")
        self._write("key_delete", key_id=key_id)

    def attached_keys(self, instance_id: int) -> str:
        """JSON as text (D)."""
        return json.dumps([key.as_json() for key in self._own(instance_id).keys.values()])

    def attach_key(self, instance_id: int, text: Any) -> Key:
        """A key for one instance; the account's own are there from its birth (D). A VM takes
        none later.
        """
        instance = self._own(instance_id)
        if self.team:
            raise replies.team_keys()
        if not isinstance(text, str) or not text.strip():
            raise replies.no_ssh_key("ssh_key is required")
        if any(key.public_key.strip() == text.strip() for key in instance.keys.values()):
            raise replies.already_attached()
        if instance.kind == "vm":
            raise replies.key_too_late_for_vm()
        known = next(
            (key for key in self.keys.values() if key.public_key.strip() == text.strip()), None
        )
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.clock()))
        number = max([*self.keys, *instance.keys, 700_000]) + 1
        key = replace(known) if known else Key(number, text, at, self.user_id)
        instance.keys[key.id] = key
        self._write("key_attach", instance, key_id=key.id, public_key=text)
        return key

    def detach_key(self, instance_id: int, key_id: int) -> None:
        """From one instance (D)."""
        instance = self._own(instance_id)
        if instance.keys.pop(key_id, None) is None:
            raise replies.no_such_ssh_key(key_id)
        self._write("key_detach", instance, key_id=key_id)

    def add_template(self, body: dict[str, Any]) -> dict[str, Any]:
        """A template of the account's own (E)."""
        template = self.shelf.add(body, self.clock())
        self._write("template", hash_id=template["hash_id"], name=template["name"])
        return template

    def edit_template(self, body: dict[str, Any]) -> dict[str, Any]:
        """The account's own, changed (E)."""
        template = self.shelf.edit(body, self.clock())
        self._write("template_edit", hash_id=template["hash_id"], name=template["name"])
        return template

    def user(self) -> dict[str, Any]:
        """The account as `users/current` shows it (G)."""
        first = next(iter(self.keys.values()), None)
        return user_row(
            self.user_id, self.balance, self.credit, first.public_key if first else None
        )

    def check_key(self, header: str | None) -> None:
        """The Authorization header, or the refusal of section I."""
        if header is None:
            raise replies.login_required()
        scheme, _, key = header.partition(" ")
        known = bool(key.strip()) if self.api_keys is None else key.strip() in self.api_keys
        if scheme.lower() != "bearer" or not (known or self.machine_of(header)):
            raise replies.invalid_key(self.bad_key_status)

    def machine_of(self, header: str | None) -> Instance | None:
        """The instance whose own key this is (A.11), living or dead: what becomes of the key is
        not recorded.
        """
        key = (header or "").partition(" ")[2].strip()
        return next(
            (instance for instance in self.instances.values() if key == instance.secret), None
        )

    def _write(self, kind: str, instance: Instance | None = None, **detail: Any) -> None:
        entry = LedgerEntry(len(self.ledger) + 1, kind, self.clock())
        if instance is not None:
            entry.instance_id, entry.offer_id, entry.label = (
                instance.id,
                instance.offer_id,
                instance.label,
            )
            entry.price = detail.pop("price", None)
            entry.machine_usd_per_hour = instance.dph_total
        entry.machines = len(self.living)
        entry.usd_per_hour = sum(instance.at_most for instance in self.living)
        entry.detail = detail
        self.ledger.append(entry)
