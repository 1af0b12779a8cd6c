"""Volumes: room near machines, and what the account keeps there (F). A volume bills until it is
deleted.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import replies, search
from .offers import MONTH_HOURS, Offer

Row = dict[str, Any]

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
    """One volume of the account, local to one machine."""

    id: int
    room: Row
    name: str | None
    gb: float
    born: float
    instances: list[int] = field(default_factory=list[int])
    leaving: dict[int, int] = field(
        default_factory=dict[int, int]
    )  # destroyed instances still attached, by looks
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
        return self.room["storage_cost"] * self.gb / MONTH_HOURS

    def row(self) -> Row:
        """As the list shows it."""
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


def make_rooms(seed: int, offers: Iterable[Offer]) -> dict[int, Row]:
    """Two machines of three have room for volumes; one offer each."""
    dice = random.Random(seed)
    by_machine = {offer["machine_id"]: offer for offer in reversed(list(offers))}
    rooms: dict[int, Row] = {}
    for machine, offer in sorted(by_machine.items()):
        if machine % 3 == 2:
            continue
        number = FIRST_ROOM + len(rooms)
        rooms[number] = {key: offer[key] for key in FROM_OFFER} | {
            "id": number,
            "disk_space": round(dice.uniform(20, 2_000), 1),
            "storage_cost": round(dice.uniform(0.05, 0.25), 3),
            "score": round(dice.uniform(1, 100), 3),
        }
    return rooms


def priced(room: Row, gb: float, now: float) -> Row:
    """What a search shows: the price of so many GB, and how long the contract can last (s)."""
    return room | {
        "storage_total_cost": room["storage_cost"] * gb / MONTH_HOURS,
        "allocated_storage": gb,
        "duration": max(0.0, room["end_date"] - now),
    }


def _check_name(name: Any) -> None:
    if name is not None and not (isinstance(name, str) and NAME.fullmatch(name)):
        raise replies.invalid_volume_name(name)


class Volumes:
    """What there is room for, and what the account has."""

    def __init__(self, seed: int, offers: Iterable[Offer]) -> None:
        self.rooms = make_rooms(seed, offers)
        self.owned: dict[int, Volume] = {}

    @property
    def living(self) -> list[Volume]:
        """Those that still cost money."""
        return [volume for volume in self.owned.values() if volume.deleted_at is None]

    def search(self, flat: Row, now: float) -> list[Row]:
        """Rows that answer a flat query; the client brings the default filters."""
        gb = search.as_number(flat.get("allocated_storage", 1.0))
        if gb is None or gb < 0:
            raise replies.invalid_request("allocated_storage: Input should be a valid number")
        rows = [priced(room, gb, now) for room in self.rooms.values()]
        known = frozenset(rows[0] if rows else ()) | frozenset(search.VIEWS)
        filters = search.read_filters(flat, known)
        found = search.in_order(
            search.select(rows, filters, leaky=False), search.read_order(flat.get("order"), known)
        )
        return found[: search.read_limit(flat.get("limit"))]

    def rent(self, room_id: Any, size: Any, name: Any, now: float) -> Volume:
        """PUT /volumes/: so many GB of a room."""
        room = self.rooms.get(room_id) if isinstance(room_id, int) else None
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

    def find(self, volume_id: Any) -> Volume | None:
        """A living volume."""
        volume = self.owned.get(volume_id) if isinstance(volume_id, int) else None
        return volume if volume is not None and volume.deleted_at is None else None

    def delete(self, volume_id: Any, now: float) -> Volume:
        """Refused while an instance holds it."""
        volume = self.find(volume_id)
        if volume is None:
            raise replies.no_such_volume(volume_id)
        if volume.in_use:
            raise replies.volume_in_use(volume.id)
        volume.deleted_at = now
        volume.room["disk_space"] = round(volume.room["disk_space"] + volume.gb, 1)
        return volume

    def check(self, info: Row, machine_id: int, ask_id: int, *, strict: bool) -> None:
        """That a rental on this machine can have the volume it asks for (A.8).

        An id nobody knows passes unless `strict`, and is then a pair in the row and nothing else.
        """
        asked = info.get("volume_id")
        if info.get("create_new"):
            room = self.rooms.get(asked) if isinstance(asked, int) else None
            if room is None and strict:
                raise replies.invalid_args(f"volume_info: no volume offer {asked!r}", ask_id)
            if room is not None and room["machine_id"] != machine_id:
                raise replies.volume_elsewhere(room["machine_id"], machine_id, ask_id)
            size = search.as_number(info.get("size", DEFAULT_GB))
            if room is not None and (size is None or not 1 <= size <= room["disk_space"]):
                raise replies.invalid_args(
                    f"volume_info: size must be 1 to {room['disk_space']} GB", ask_id
                )
            _check_name(info.get("name") if room is not None else None)
            return
        volume = self.find(asked)
        if volume is None:
            if strict:
                raise replies.invalid_args(f"volume_info: no volume {asked!r}", ask_id)
            return
        if volume.machine_id != machine_id:
            raise replies.volume_elsewhere(volume.machine_id, machine_id, ask_id)
        if volume.in_use:
            raise replies.invalid_args(
                f"volume_info: volume {volume.id} is in use by another instance", ask_id
            )

    def attach(self, info: Row, instance_id: int, now: float) -> tuple[Volume | None, bool]:
        """After `check`: the volume a new instance holds, and whether it was made for it."""
        new = bool(info.get("create_new"))
        if new:
            room_id, name = info.get("volume_id"), info.get("name")
            if not isinstance(room_id, int) or room_id not in self.rooms:
                return None, False
            volume = self.rent(room_id, info.get("size", DEFAULT_GB), name, now)
        else:
            volume = self.find(info.get("volume_id"))
        if volume is not None:
            volume.instances.append(instance_id)
        return volume, new

    def let_go(self, instance_id: int, looks: int) -> None:
        """An instance is gone; its volume stays attached for so many looks at the list (live), and
        bills on.
        """
        for volume in self.living:
            if instance_id in volume.instances:
                volume.instances.remove(instance_id)
                if looks > 0:
                    volume.leaving[instance_id] = looks

    def rows(self, kind: str | None) -> list[Row]:
        """One look at the list; only local volumes exist (F)."""
        if kind not in {None, "", "all_volume", "local_volume", "network_volume"}:
            raise replies.invalid_request(
                "type: must be all_volume, local_volume or network_volume"
            )
        shown = [] if kind == "network_volume" else [volume.row() for volume in self.living]
        for volume in self.living:
            volume.leaving = {one: looks - 1 for one, looks in volume.leaving.items() if looks > 1}
        return shown
