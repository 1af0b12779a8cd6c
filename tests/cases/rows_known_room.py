"""Ports, disk, bid and time that an offer has, against what an order wants of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from case import Case, Given, Legal, Want, not_warned, refused, rented, warned
from vast_mcp.sandbox.world import World

HOUR = 3600.0
TEMPLATE_PORTS = "-p 1111:1111 -p 6006:6006 -p 8080:8080"
VM = {"vm": True, "image": "docker.io/vastai/kvm:ubuntu_terminal"}


def on(template: dict[str, Any] | None = None, **arguments: Any) -> Given:
    """create_instance on the offer that `having` made; with a template of one's own where its
    content is given.
    """

    def given(world: World) -> dict[str, Any]:
        more = {}
        if template is not None:
            made = world.add_template({"name": "mine", "image": "example/mine", **template})
            more["template_hash_id"] = made["hash_id"]
        return {"offer_id": the_offer(world)["id"], "disk": 20, **more, **arguments}

    return given


def the_offer(world: World) -> dict[str, Any]:
    """The row that `having` edits, whatever stands in it."""
    free = [row for row in world.offers.values() if row["rentable"] and not row["external"]]
    return next(row for row in free if row["verification"] == "verified")


def having(**cells: Any) -> Callable[[World], None]:
    """A world whose offer has these cells."""

    def arrange(world: World) -> None:
        plain = {"dph_base": 0.4, "min_bid": 0.2, "direct_port_count": 100, "disk_space": 500.0}
        the_offer(world).update(plain | {"end_date": world.now + 900 * HOUR} | cells)

    return arrange


def ports(*numbers: int, way: str = "") -> dict[str, str]:
    return {f"-p {number}:{number}{way}": "1" for number in numbers}


def row(
    name: str, has: dict[str, Any], given: Given, *wants: Want, kind: type[Case] = Case
) -> Case:
    return kind(name, "create_instance", given, wants, world=having(**has))


def legal(name: str, has: dict[str, Any], given: Given, *wants: Want) -> Case:
    return row(name, has, given, *(wants or (rented(),)), kind=Legal)


NO_PORTS = {"direct_port_count": 0}
ENOUGH = ("search_offers", "min_direct_ports")

PORTS = [
    row(
        "direct SSH where there is no direct port",
        NO_PORTS,
        on(runtype="ssh_direct"),
        refused("runtype", "no direct ports", "at least 1", "proxy", "'min_direct_ports': 1"),
    ),
    legal("SSH by the proxy where there is no direct port", NO_PORTS, on(runtype="ssh")),
    legal("the proxy by name", NO_PORTS, on(runtype="ssh_proxy")),
    legal("no launch mode", NO_PORTS, on()),
    legal("direct SSH with one port", {"direct_port_count": 1}, on(runtype="ssh_direct")),
    row(
        "direct Jupyter where there is no direct port",
        NO_PORTS,
        on(runtype="jupyter_direct"),
        refused("runtype", "at least 2", '"jupyter" goes by'),
    ),
    row(
        "direct Jupyter with one port of the two",
        {"direct_port_count": 1},
        on(runtype="jupyter_direct"),
        refused("runtype", "has 1 direct port", "at least 2"),
    ),
    legal("direct Jupyter with two", {"direct_port_count": 2}, on(runtype="jupyter_direct")),
    legal("Jupyter by the proxy", NO_PORTS, on(runtype="jupyter")),
    row(
        "a port of one's own where there is none",
        NO_PORTS,
        on(env="-p 8000:8000"),
        refused("env", "no direct ports", *ENOUGH),
    ),
    row(
        "a port in an object",
        NO_PORTS,
        on(env=ports(8000)),
        refused("env", "room for 0"),
    ),
    row(
        "a port for an args rental",
        NO_PORTS,
        on(runtype="args", image="vllm/vllm-openai", env=ports(8000)),
        refused("env", "no direct ports"),
    ),
    row(
        "a port that is the same outside",
        NO_PORTS,
        on(env=ports(72299)),
        refused("env", "no direct ports"),
    ),
    row(
        "a UDP port",
        NO_PORTS,
        on(env=ports(5000, way="/udp")),
        refused("env", "no direct ports"),
    ),
    row(
        "more ports than there are",
        {"direct_port_count": 3},
        on(env=ports(8000, 8001, 8002, 8003)),
        refused("env", "has 3 direct ports", "at least 4", "'min_direct_ports': 4"),
    ),
    row(
        "direct SSH takes one of the ports",
        {"direct_port_count": 3},
        on(runtype="ssh_direct", env=ports(8000, 8001, 8002)),
        refused("env", "at least 4", "room for 2"),
    ),
    row(
        "the search for enough ports is for the same card",
        {"direct_port_count": 1, "gpu_name": "RTX 3060"},
        on(env=ports(8000, 8001)),
        refused("env", "'gpu_name': ['RTX 3060']"),
    ),
    legal("as many ports as there are", {"direct_port_count": 3}, on(env=ports(8000, 8001, 8002))),
    legal(
        "direct SSH beside them",
        {"direct_port_count": 3},
        on(runtype="ssh_direct", env=ports(8000, 8001)),
    ),
    legal(
        "SSH's own port is not counted twice",
        {"direct_port_count": 1},
        on(runtype="ssh_direct", env=ports(22)),
    ),
    row(
        "TCP and UDP of one number may need two",
        {"direct_port_count": 1},
        on(env=ports(5000) | ports(5000, way="/udp")),
        rented(),
        warned("at least 2"),
    ),
    legal(
        "TCP and UDP of one number, with two",
        {"direct_port_count": 2},
        on(env=ports(5000) | ports(5000, way="/udp")),
        not_warned("direct ports"),
    ),
    legal(
        "ports of an offer whose number is not known",
        {"direct_port_count": None},
        on(env=ports(80)),
    ),
    row(
        "a VM whose ports are fewer than it opens",
        {"direct_port_count": 2, "vms_enabled": True},
        on(**VM, env=ports(80, 443)),
        refused("env", "at least 3"),
    ),
    legal(
        "a VM with as many",
        {"direct_port_count": 3, "vms_enabled": True},
        on(**VM, env=ports(80, 443)),
    ),
    row(
        "a template's ports where there are none",
        NO_PORTS,
        on(template={"env": TEMPLATE_PORTS}),
        rented(),
        warned("has 0 direct ports"),
    ),
    row(
        "a template's direct SSH where there is no port",
        NO_PORTS,
        on(template={"runtype": "ssh", "ssh_direct": True}),
        rented(),
        warned("the template wants at least 1"),
    ),
    row(
        "a template's direct Jupyter with one port",
        {"direct_port_count": 1},
        on(template={"runtype": "jupyter", "jup_direct": True}),
        rented(),
        warned("at least 2"),
    ),
    legal(
        "a template's direct SSH that the call takes away",
        NO_PORTS,
        on(template={"runtype": "ssh", "ssh_direct": True}, runtype="ssh"),
        rented(),
        not_warned("direct port"),
    ),
    legal(
        "a template by the proxy",
        NO_PORTS,
        on(template={"runtype": "ssh", "ssh_direct": False}),
        rented(),
        not_warned("direct port"),
    ),
    legal(
        "a template's ports with enough",
        {"direct_port_count": 3},
        on(template={"env": TEMPLATE_PORTS}),
        rented(),
        not_warned("direct port"),
    ),
]


def beside_room(world: World, gb: float) -> None:
    """Room of so many GB for a new volume on the offer's machine."""
    having()(world)
    room = next(iter(world.volumes.rooms.values()))
    room["disk_space"] = gb
    the_offer(world)["machine_id"] = room["machine_id"]


def with_volume(world: World, gb: int) -> dict[str, Any]:
    """The offer with a new volume of so many GB."""
    room = next(iter(world.volumes.rooms.values()))
    made = {"create_new": True, "volume_id": room["id"], "size": gb, "mount_path": "/workspace"}
    return {"offer_id": the_offer(world)["id"], "disk": 20, "volume_info": made}


DISK = [
    row(
        "a disk above what is free",
        {"disk_space": 60.5},
        on(disk=61),
        refused("disk", "61 GB of disk", "60.5 GB are free", "at most 60", "'min_disk_gb': 61"),
    ),
    row(
        "a disk far above what is free, on trial",
        {"disk_space": 60.5},
        on(disk=500, dry_run=True),
        refused("disk", "at most 60"),
    ),
    legal("a disk of all that is free", {"disk_space": 60.5}, on(disk=60.5)),
    row(
        "a template's disk above what is free",
        {"disk_space": 60.5},
        lambda world: {
            name: value
            for name, value in on(template={"recommended_disk_space": 100})(world).items()
            if name != "disk"
        },
        refused("disk", "the template brings", "at most 60"),
    ),
    legal(
        "the call's disk beats the template's",
        {"disk_space": 60.5},
        on(template={"recommended_disk_space": 100}, disk=40),
        rented(disk=40),
    ),
    Case(
        "a new volume above the room beside the offer",
        "create_instance",
        lambda world: with_volume(world, 31),
        refused("volume_info.size", "at most 30", "search_volumes"),
        world=lambda world: beside_room(world, 30.0),
    ),
    Legal(
        "a new volume of all the room beside the offer",
        "create_instance",
        lambda world: with_volume(world, 30),
        rented(),
        world=lambda world: beside_room(world, 30.0),
    ),
]

BIDS = [
    row(
        "a bid above the price on demand",
        {"dph_base": 0.4, "min_bid": 0.2},
        on(price=0.5),
        refused("price", "0.5 $/h is more", "on demand, 0.4", "0.2 to 0.4"),
    ),
    row(
        "a bid above the price on demand, on trial",
        {"dph_base": 0.4, "min_bid": 0.2},
        on(price=0.5, dry_run=True),
        refused("price", "on demand, 0.4"),
    ),
    row(
        "a bid above the price on demand, with a limit",
        {"dph_base": 0.4, "min_bid": 0.2},
        on(price=0.41, max_usd_per_hour=3),
        refused("price", "on demand, 0.4"),
    ),
    row(
        "a floor above the price on demand leaves no bid",
        {"dph_base": 0.4, "min_bid": 0.907},
        on(price=0.907),
        refused("price", "on demand, 0.4", "leave it out", never="0.907 to"),
    ),
    row(
        "a bid below a floor that is above the price on demand",
        {"dph_base": 0.4, "min_bid": 0.907},
        on(price=0.3),
        refused("price", "on demand at 0.4", code="bid_too_low"),
    ),
    row(
        "a bid of what it costs on demand",
        {"dph_base": 0.4, "min_bid": 0.2},
        on(price=0.4),
        rented(price=0.4),
        warned("On demand it costs the same"),
    ),
    legal(
        "a bid between floor and price",
        {"dph_base": 0.4, "min_bid": 0.2},
        on(price=0.3),
        rented(price=0.3),
        not_warned("On demand it costs", "What it costs on demand"),
    ),
    legal(
        "a bid at the floor",
        {"dph_base": 0.4, "min_bid": 0.2},
        on(price=0.2),
        rented(price=0.2),
        not_warned("On demand it costs", "What it costs on demand"),
    ),
    legal(
        "a bid below the floor",
        {"dph_base": 0.4, "min_bid": 0.2},
        on(price=0.19),
        refused("price", "at least 0.2", code="bid_too_low"),
    ),
    legal("no bid where the floor is above the price", {"dph_base": 0.4, "min_bid": 0.907}, on()),
    Legal(
        "a bid on an offer that cannot be looked up",
        "create_instance",
        on(price=9),
        (rented(price=9), warned("could not be looked up")),
        world=lambda world: world.faults.add("search", "html502", times=None),
    ),
]


def leased(name: str, hours: float, *wants: Want, kind: type[Case] = Case, **more: Any) -> Case:
    def arrange(world: World) -> None:
        having(end_date=world.now + hours * HOUR)(world)

    return kind(name, "create_instance", on(**more), wants, world=arrange)


TIME = [
    leased(
        "a lease beyond the offer's end",
        48.5,
        rented(),
        warned("before the lease of 72"),
        lease_hours=72,
    ),
    leased(
        "a lease within it",
        100,
        rented(),
        not_warned("offer ends"),
        lease_hours=72,
        kind=Legal,
    ),
    leased("an offer of some hours", 5, rented(), warned("ends in 5.0 hours"), kind=Legal),
    leased(
        "a lease within the offer's few hours",
        5,
        rented(),
        warned("ends in 5.0 hours"),
        not_warned("before the lease"),
        lease_hours=2,
        kind=Legal,
    ),
]

ROWS: list[Case] = [*PORTS, *DISK, *BIDS, *TIME]
