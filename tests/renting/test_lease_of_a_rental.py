"""lease_hours on create_instance: what is sent, what is promised, and when the watchdog cannot come
along.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sqlite3
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import KEY_LINE, allowing, call, offers
from vast_mcp.leases import watchdog
from vast_mcp.leases.labels import lease_of
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings


async def rent(client: Client, world: World, **arguments: Any) -> dict[str, Any]:
    wish = {"offer_id": offers(world, 1)[0]["id"], "disk": 20, **arguments}
    return await call(client, "create_instance", **wish)


def sent(world: World) -> dict[str, Any]:
    return world.asked("create")[-1].body


async def test_a_leased_machine_carries_its_end_in_its_label_and_a_watchdog_before_its_script(
    client: Client, world: World
) -> None:
    """Leases, inside: the user's script is what the watchdog goes in front of."""
    before = time.time()
    made = await rent(client, world, lease_hours=2, onstart="echo mine\n", label="work")
    until = lease_of(made["label"])
    assert until is not None
    assert before + 7190 < until < time.time() + 7210
    assert re.fullmatch(r"work lease-until=[0-9]{10}#[0-9a-f]{16}", world.living[0].label or "")
    expected = watchdog.guarded(
        "echo mine\n",
        until=int(until),
        base_url="http://sandbox.localhost",
        made=int(until) - 2 * 3600,
    )
    assert sent(world)["onstart"] == expected
    # The default image brings curl, which is not said; what a person may do wrong is.
    assert re.fullmatch(
        r"Ends in 2 h, at [0-9T:Z-]+, by itself; do not stop it, destroy it \(.*\)\.", made["lease"]
    )
    assert "lease_hours" not in sent(world)


@pytest.mark.parametrize(
    ("image", "script", "bare"),
    [
        ("ubuntu:22.04", None, "ubuntu"),
        ("docker.io/library/debian:12-slim", "sleep 1\n", "debian"),
        (f"nvidia/cuda:12.4.1-devel-ubuntu22.04@sha256:{'0' * 64}", None, "nvidia/cuda"),
        ("localhost:5000/alpine", None, None),
        ("ubuntu:22.04", "apt-get install -y curl\n", None),
        ("alpine", None, "alpine"),
        ("pytorch/pytorch", None, None),
        ("somebody/ubuntu", None, None),
        ("python:3.12-alpine", None, None),
    ],
)
async def test_an_image_that_brings_nothing_to_delete_by_is_named_before_the_rent(
    client: Client, world: World, image: str, script: str | None, bare: str | None
) -> None:
    """In a dry run, in the answer and in a replay; the watchdog comes along all the same, for what
    the machine's start may install.
    """
    wish: dict[str, Any] = {"image": image, "lease_hours": 1, "offer_id": offers(world, 1)[0]["id"]}
    if script is not None:
        wish["onstart"] = script
    dry = await rent(client, world, **wish, dry_run=True)
    assert world.asked("create") == []
    made = await rent(client, world, **wish)
    again = await rent(client, world, **wish)
    for answer in (dry, made, again):
        assert ("brings none" in answer["lease"]) == (bare is not None)
        assert f"({bare} brings none" in answer["lease"] or bare is None
    assert "vast-mcp" in sent(world)["onstart"]


async def test_without_a_lease_nothing_is_added(client: Client, world: World) -> None:
    """Leases: none if unset."""
    made = await rent(client, world, onstart="echo mine\n")
    assert sent(world)["onstart"] == "echo mine\n"
    assert made["lease"].startswith("No end is set: it bills until destroy_instance")
    assert lease_of(made["label"]) is None


async def test_the_persons_lease_is_every_rentals_and_the_longest_one_is_kept(
    world: World, settings: Settings
) -> None:
    """VAST_MCP_LEASE_HOURS and VAST_MCP_MAX_LEASE_HOURS."""
    async with allowing(world, settings, lease_hours=3.0, max_lease_hours=5.0) as client:
        long = await rent(client, world, lease_hours=5.5)
        assert (long["error"]["code"], long["error"]["problems"][0]["field"]) == (
            "over_limit",
            "lease_hours",
        )
        until = lease_of((await rent(client, world))["label"])
    assert until is not None
    assert 3 * 3600 - 10 < until - time.time() <= 3 * 3600


async def test_the_same_call_with_another_lease_is_the_same_rental(
    client: Client, world: World
) -> None:
    """Guards are outside the digest; the machine that is there keeps the lease that it
    has (docs/protocol.md).
    """
    wish = {"offer_id": offers(world, 1)[0]["id"], "disk": 20}
    first = await call(client, "create_instance", **wish, lease_hours=2)
    again = await call(client, "create_instance", **wish, lease_hours=9)
    assert (again["replayed"], again["label"], again["lease"]) == (
        True,
        first["label"],
        first["lease"],
    )
    assert any("extend_lease" in warning for warning in again["warnings"])


async def test_the_same_call_says_where_a_moved_lease_ends(client: Client, world: World) -> None:
    """What was said at the rent is no longer so."""
    wish = {"offer_id": offers(world, 1)[0]["id"], "disk": 20}
    first = await call(client, "create_instance", **wish, lease_hours=2)
    moved = await call(
        client,
        "manage_instance",
        instance_id=first["instance_id"],
        action="extend_lease",
        lease_hours=9,
    )
    again = await call(client, "create_instance", **wish)
    assert again["lease"].startswith(f"Ends in 9 h, at {moved['lease_until']}, by itself")
    assert first["lease"].startswith("Ends in 2 h")


async def test_a_journal_of_before_keeps_the_sentence_itself_and_is_still_read(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """Until 0.1 the journal held what the answer said of a lease, and not its facts
    (docs/protocol.md).
    """
    state = tmp_path / "state"
    wish = {"offer_id": offers(world, 1)[0]["id"], "disk": 20}
    async with allowing(world, settings, state) as client:
        made = await call(client, "create_instance", **wish, lease_hours=2)
        with contextlib.closing(sqlite3.connect(state / "journal.db")) as db:
            facts = json.dumps({"lease": "Ends some day: as it was said."})
            db.execute("UPDATE intents SET facts = ?", (facts,))
            db.commit()
        again = await call(client, "create_instance", **wish)
        assert (again["replayed"], again["lease"]) == (True, "Ends some day: as it was said.")
        extend = {"instance_id": made["instance_id"], "action": "extend_lease", "lease_hours": 9}
        moved = await call(client, "manage_instance", **extend)
        again = await call(client, "create_instance", **wish)
    assert again["lease"] == (
        f"Extended to {moved['lease_until']}. As rented: Ends some day: as it was said."
    )


async def test_a_templates_script_comes_along_since_ours_replaces_it(
    client: Client, world: World
) -> None:
    """A scalar in the request beats the template's (docs/vast-api.md A.10)."""
    template = world.add_template(
        {"name": "t", "image": "x", "onstart": "echo from the template\n", "runtype": "ssh"}
    )
    made = await rent(client, world, template_hash_id=template["hash_id"], lease_hours=1)
    until = lease_of(made["label"])
    assert until is not None
    expected = watchdog.guarded(
        "echo from the template\n",
        until=int(until),
        base_url="http://sandbox.localhost",
        made=int(until) - 3600,
    )
    assert sent(world)["onstart"] == expected


async def test_a_template_is_read_once_whatever_asks_for_it(
    world: World, settings: Settings
) -> None:
    """Vast spaces those reads by 3 s. A long onstart, a limit on the price and a lease each need to
    know it (docs/vast-api.md H).
    """
    template = world.add_template(
        {"name": "t", "image": "x", "runtype": "ssh", "recommended_disk_space": 12}
    )
    offer_id = offers(world, 1)[0]["id"]
    wish = {
        "offer_id": offer_id,
        "template_hash_id": template["hash_id"],
        "onstart": "# a line\n" * 600,
    }
    async with allowing(world, settings, max_usd_per_hour=100.0) as client:
        made = await call(client, "create_instance", **wish, lease_hours=1)
    assert "by itself, if its image has curl" in made["lease"]
    assert len(world.asked("templates")) == 1


@pytest.mark.parametrize(
    "why", ["unreadable template", "args", "args template", "vm without shebang", "no room"]
)
async def test_where_the_watchdog_cannot_come_the_answer_says_that_only_the_outer_half_guards(
    world: World, settings: Settings, why: str
) -> None:
    """Leases: the outer half only, said in one line; what was to run is sent as it was."""
    world.set_keys([KEY_LINE])
    arguments: dict[str, Any] = {}
    if why == "unreadable template":
        arguments["template_hash_id"] = next(iter(world.templates))
        world.faults.add("templates", "html502", times=None)
    elif why == "args":
        arguments = {"args": ["serve"], "image": "x"}
    elif why == "args template":
        made = world.add_template(
            {"name": "t", "image": "x", "runtype": "args", "onstart": "/bin/tool"}
        )
        arguments["template_hash_id"] = made["hash_id"]
    elif why == "vm without shebang":
        offer = world.offer(
            vm=True, direct_port_count=lambda ports: ports > 0, disk_space=lambda gb: gb > 100
        )
        arguments = {
            "vm": True,
            "image": "docker.io/vastai/kvm:ubuntu_terminal",
            "onstart": "echo",
            "offer_id": offer["id"],
        }
    else:
        arguments["onstart"] = "# " + "".join(
            hashlib.sha256(bytes([i])).hexdigest() for i in range(50)
        )
    async with allowing(
        world, replace(settings, times=replace(settings.times, budget_s=20.0))
    ) as client:
        made = await rent(client, world, lease_hours=1, **arguments)
    assert "destroyed from outside alone" in made["lease"]
    assert lease_of(made["label"]) is not None
    assert sent(world).get("onstart") == arguments.get("onstart")


async def test_a_vm_without_a_script_gets_one_with_a_shebang(client: Client, world: World) -> None:
    """A VM runs no onstart without one (docs/vast-api.md A.5)."""
    world.set_keys([KEY_LINE])
    offer = world.offer(
        vm=True, direct_port_count=lambda ports: ports > 0, disk_space=lambda gb: gb > 100
    )
    image = "docker.io/vastai/kvm:ubuntu_terminal"
    made = await rent(client, world, offer_id=offer["id"], vm=True, image=image, lease_hours=1)
    assert sent(world)["onstart"].startswith("#!/bin/sh\n")
    assert "if Vast gives a VM its key" in made["lease"]


async def test_a_label_that_looks_leased_is_refused(client: Client, world: World) -> None:
    """Only lease_hours writes a lease."""
    answer = await rent(client, world, label="x lease-until=1795000000")
    assert answer["error"]["problems"][0]["field"] == "label"


async def test_a_label_that_looks_like_ours_is_refused(client: Client, world: World) -> None:
    """The lease would go before the wrong token, where nobody reads it."""
    answer = await rent(client, world, label="x#0123456789abcdef", lease_hours=1)
    assert answer["error"]["problems"][0]["field"] == "label"
