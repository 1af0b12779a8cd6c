"""Machines have room for volumes, and the account keeps its own there (docs/vast-api.md F). A
volume bills until it is deleted.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import replies, search
from .offers import Offer, disk_price
from .shapes import Json

FIRST_ROOM = 40_000_001
FIRST_VOLUME = 50_000_001
DEFAULT_GB = 15.0  # what the official client asks for when nothing is said (A.8)
NAME = re.compile(r"[A-Za-z0-9_]{1,64}")

FROM_OFFER = (
    "machine_id",
    "host_id",
    "geolocation",
    "reliability",
    "reliability2",
    "verification",
    "external",
    "hosting_type",
    "inet_up",
    "inet_down",
    "cpu_arch",
    "cpu_ghz",
    "cuda_max_good",
    "disk_bw",
    "disk_name",
    "driver_version",
    "driver_vers",
    "gpu_arch",
    "has_avx",
    "os_version",
    "pci_gen",
    "pcie_bw",
    "static_ip",
    "total_flops",
    "cluster_id",
    "nw_disk_min_bw",
    "nw_disk_avg_bw",
    "nw_disk_max_bw",
    "start_date",
    "end_date",
)


@dataclass
class Volume:
    """A volume belongs to the account and stands on one machine."""

    id: int
    room: Json
    name: str | None
    gb: float
    born: float
    instances: list[int] = field(default_factory=list[int])
    # destroyed instances that still hold it, with the looks that they do so for
    leaving: dict[int, int] = field(default_factory=dict[int, int])
    deleted_at: float | None = None

    @property
    def label(self) -> str:
        return self.name or f"V.{self.id}"

    @property
    def machine_id(self) -> int:
        return self.room["machine_id"]

    @property
    def in_use(self) -> bool:
        return bool(self.instances or self.leaving)

    @property
    def usd_per_hour(self) -> float:
        return disk_price(self.room, self.gb)

    def row(self) -> Json:
        """Report the volume as the list shows it."""
        return {key: self.room[key] for key in FROM_OFFER} | {
            "id": self.id,
            "label": self.label,
            "status": "in-use" if self.in_use else "created",
            "disk_space": self.gb,
            "storage_cost": self.room["storage_cost"],
            "storage_total_cost": self.usd_per_hour,
            "instances": [*self.instances, *self.leaving],
            "start_date": float(self.born),
            "end_date": self.room["end_date"],
        }

    def let_go(self, instance_id: int, looks: int) -> None:
        """Let go of a gone instance, which stays attached for so many looks."""
        self.instances.remove(instance_id)
        if looks > 0:
            self.leaving[instance_id] = looks

    def count_look(self) -> None:
        """Count one look at the list: what lingers may be gone at the next."""
        self.leaving = {one: looks - 1 for one, looks in self.leaving.items() if looks > 1}


def make_rooms(seed: int, offers: Iterable[Offer]) -> dict[int, Json]:
    """Give two machines of three room for volumes, one offer each."""
    dice = random.Random(seed)
    by_machine = {offer["machine_id"]: offer for offer in reversed(list(offers))}
    roomy = [offer for machine, offer in sorted(by_machine.items()) if machine % 3 != 2]
    return {number: _room(dice, number, offer) for number, offer in enumerate(roomy, FIRST_ROOM)}


def _room(dice: random.Random, number: int, offer: Offer) -> Json:
    return {key: offer[key] for key in FROM_OFFER} | {
        "id": number,
        "ask_contract_id": number,
        "bundle_id": offer["bundle_id"],
        "disk_space": round(dice.uniform(20, 2_000), 1),
        "storage_cost": round(dice.uniform(0.05, 0.25), 3),
        "score": round(dice.uniform(1, 100), 3),
    }


def priced(room: Json, gb: float, now: float) -> Json:
    """Build the row that a search returns: the price of so many GB, and how long the contract can
    last (s).
    """
    return room | {
        "storage_total_cost": disk_price(room, gb),
        "allocated_storage": gb,
        "duration": max(0.0, room["end_date"] - now),
    }


def _check_name(name: Any) -> None:
    if name is not None and not (isinstance(name, str) and NAME.fullmatch(name)):
        raise replies.invalid_volume_name(name)


class Volumes:
    """The service knows every room for volumes, and every volume that the account ever had."""

    def __init__(self, seed: int, offers: Iterable[Offer]) -> None:
        self.rooms = make_rooms(seed, offers)
        self.owned: dict[int, Volume] = {}
        self.named = True  # whether names that were given are shown: `name` is the client's (F)

    @property
    def rooms_by_machine(self) -> dict[int, Json]:
        """Each machine has one room at most."""
        return {room["machine_id"]: room for room in self.rooms.values()}

    @property
    def living(self) -> list[Volume]:
        """Those that still cost money."""
        return [volume for volume in self.owned.values() if volume.deleted_at is None]

    def search(self, flat: Json, now: float) -> list[Json]:
        """Find the rooms that answer a flat query; the client brings the default filters."""
        gb = search.read_gb(flat.get("allocated_storage", 1.0))
        rows = [priced(room, gb, now) for room in self.rooms.values()]
        known = frozenset(search.VIEWS).union(*rows[:1])
        found = search.select(rows, search.read_filters(flat, known), leaky=False)
        order = search.read_order(flat.get("order"), known)
        limit = search.read_limit(flat.get("limit"), search.CAP)
        return search.in_order(found, order)[:limit]

    def rent(self, room_id: Any, size: Any, name: Any, now: float) -> Volume:
        """Rent so many GB of a room."""
        room = self._room(room_id)
        if room is None:
            raise replies.no_such_volume_offer(room_id)
        _check_name(name)
        gb = search.as_number(size)
        if gb is None or not gb >= 1:
            raise replies.invalid_args("size must be at least 1 GB")
        if gb > room["disk_space"]:
            raise replies.invalid_args(f"size: the machine has {room['disk_space']} GB left")
        volume = Volume(FIRST_VOLUME + len(self.owned), room, name, gb, now)
        room["disk_space"] = round(room["disk_space"] - gb, 1)
        self.owned[volume.id] = volume
        return volume

    def clone(self, source_id: Any, room_id: Any, size: Any, now: float) -> Volume:
        """Rent room for a copy of a volume; it is not smaller than what it copies (F)."""
        if source_id is None or room_id is None:
            raise replies.invalid_args("src_id and dst_id are required")
        source = self.find(source_id)
        if source is None:
            msg = f"Unauthorized to access volume {str(source_id)[:40]}, or it does not exist"
            raise replies.refusal(401, "unauthorized", msg)
        gb = source.gb if size is None else search.as_number(size)
        if gb is None or not gb >= source.gb:
            raise replies.invalid_args(f"size: the source volume has {source.gb:g} GB")
        return self.rent(room_id, gb, None, now)

    def find(self, volume_id: Any) -> Volume | None:
        """The living volume of this id."""
        if not isinstance(volume_id, int):
            return None
        volume = self.owned.get(volume_id)
        if volume is None or volume.deleted_at is not None:
            return None
        return volume

    def _room(self, room_id: Any) -> Json | None:
        if not isinstance(room_id, int):
            return None
        return self.rooms.get(room_id)

    def delete(self, volume_id: Any, now: float) -> Volume:
        """Delete a volume, unless an instance holds it."""
        volume = self.find(volume_id)
        if volume is None:
            raise replies.no_such_volume(volume_id)
        if volume.in_use:
            raise replies.volume_in_use()
        volume.deleted_at = now
        volume.room["disk_space"] = round(volume.room["disk_space"] + volume.gb, 1)
        return volume

    def check(self, info: Json, machine_id: int, ask_id: int, *, strict: bool) -> None:
        """Refuse a rental on this machine that cannot have the volume it asks for (A.8).

        An id that nobody knows passes unless `strict`, and is then a pair in the row and nothing
        else.
        """
        asked = info.get("volume_id")
        if info.get("create_new"):
            room = self._room(asked)
            if room is not None:
                _check_room(room, info, machine_id, ask_id)
            elif strict:
                raise replies.invalid_args(f"volume_info: no volume offer {asked!r}", ask_id)
            return
        volume = self.find(asked)
        if volume is not None:
            _check_volume(volume, machine_id, ask_id)
        elif strict:
            raise replies.invalid_args(f"volume_info: no volume {asked!r}", ask_id)

    def attach(self, info: Json, instance_id: int, now: float) -> tuple[Volume | None, bool]:
        """Attach the volume of a new instance, after `check`; say whether it was made for it."""
        is_new = bool(info.get("create_new"))
        volume = self._rent_for(info, now) if is_new else self.find(info.get("volume_id"))
        if volume is None:
            return None, False
        volume.instances.append(instance_id)
        return volume, is_new

    def _rent_for(self, info: Json, now: float) -> Volume | None:
        room_id = info.get("volume_id")
        if self._room(room_id) is None:
            return None
        return self.rent(room_id, info.get("size", DEFAULT_GB), info.get("name"), now)

    def let_go(self, instance_id: int, looks: int) -> None:
        """Let go of a gone instance; its volume stays attached for so many looks at the list
        (live), and bills on.
        """
        for volume in self.living:
            if instance_id in volume.instances:
                volume.let_go(instance_id, looks)

    def rows(self, kind: str | None) -> list[Json]:
        """Look once at the list; only local volumes exist (F)."""
        if kind not in {None, "", "all_volume", "local_volume", "network_volume"}:
            msg = "type: must be all_volume, local_volume or network_volume"
            raise replies.invalid_request(msg)
        shown = [volume.row() for volume in self.living]
        if not self.named:
            shown = [row | {"label": f"V.{row['id']}"} for row in shown]
        for volume in self.living:
            volume.count_look()
        if kind == "network_volume":
            return []
        return shown


def _check_room(room: Json, info: Json, machine_id: int, ask_id: int) -> None:
    if room["machine_id"] != machine_id:
        raise replies.volume_elsewhere(room["machine_id"], machine_id, ask_id)
    size = search.as_number(info.get("size", DEFAULT_GB))
    if size is None or not 1 <= size <= room["disk_space"]:
        msg = f"volume_info: size must be 1 to {room['disk_space']} GB"
        raise replies.invalid_args(msg, ask_id)
    _check_name(info.get("name"))


def _check_volume(volume: Volume, machine_id: int, ask_id: int) -> None:
    if volume.machine_id != machine_id:
        raise replies.volume_elsewhere(volume.machine_id, machine_id, ask_id)
    if volume.in_use:
        msg = f"volume_info: volume {volume.id} is in use by another instance"
        raise replies.invalid_args(msg, ask_id)
