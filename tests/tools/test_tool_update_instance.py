"""update_instance: another template, image, environment or start script, on a disk made anew."""

from __future__ import annotations

import random
import string
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from pydantic import SecretStr

from house import allowing, an_offer, call, served
from vast_mcp.leases import watchdog
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools.update_instance import SPEC


async def ours(client: Client, world: World, **more: Any) -> int:
    made = await call(
        client, "create_instance", offer_id=an_offer(world)["id"], disk=16, image="a/b:1", **more
    )
    return made["instance_id"]


def runs(world: World) -> Any:
    """What the newest machine's container is made of, by the service's own record."""
    return world.rentals[-1].launch


async def test_a_machine_gets_another_image_and_keeps_its_id_and_price(
    client: Client, world: World
) -> None:
    """The container is made anew; the contract stays (docs/vast-api.md C.7)."""
    made = await ours(client, world)
    result = await call(client, "update_instance", instance_id=made, image="a/b:2")
    assert (result["instance_id"], result["status"]) == (made, "recycling")
    assert result["asked"]["image"] == "a/b:2"
    assert [step["tool"] for step in result["next_steps"]] == ["wait_for_instance"]
    assert [entry.kind for entry in world.ledger] == ["rent", "update_template", "recycle"]
    assert (runs(world).image, runs(world).disk) == ("a/b:2", 16)
    shown = await call(client, "show_instance", instance_id=made)
    assert shown["asked"]["image"] == "a/b:2"


def test_hosts_are_told_that_it_destroys() -> None:
    """Destructive, since it discards the container's disk."""
    assert (SPEC.destructive, SPEC.read_only, SPEC.idempotent) == (True, False, False)


async def test_a_call_that_changes_nothing_is_led_to_recycling(
    client: Client, world: World
) -> None:
    """The disk is not lost for nothing."""
    made = await ours(client, world)
    error = (await call(client, "update_instance", instance_id=made))["error"]
    assert error["code"] == "bad_arguments"
    assert "recycle_instance" in str(error["problems"])
    assert len(world.ledger) == 1


async def test_a_machine_of_somebody_else_needs_their_word(client: Client, world: World) -> None:
    """What its disk holds is theirs."""
    foreign = world.rent(an_offer(world)["id"], {"image": "x", "disk": 8, "label": "thesis"}).id
    error = (await call(client, "update_instance", instance_id=foreign, image="a/b"))["error"]
    assert (error["code"], world.asked("update_template")) == ("not_ours", [])
    assert "on its disk is lost" in error["message"]
    again = error["next_steps"][-1]
    assert again["arguments"] == {"instance_id": foreign, "image": "a/b", "not_ours": True}
    assert "error" not in await call(client, again["tool"], **again["arguments"])
    assert runs(world).image == "a/b"


async def test_secrets_are_neither_repeated_nor_kept(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """Values go to the machine, names into answer and journal."""
    kept = {"HF_TOKEN": SecretStr("kept-value-1234")}
    mine = replace(settings, env_pass=kept, state_dir=tmp_path)
    async with served(world, mine) as client:
        made = await ours(client, world, env={"OLD": "1"})
        result = await call(
            client,
            "update_instance",
            instance_id=made,
            env={"A": "value-of-a-5678"},
            env_from=["HF_TOKEN"],
        )
    assert runs(world).env == {"A": "value-of-a-5678", "HF_TOKEN": "kept-value-1234"}
    assert result["asked"]["env"] == ["A", "HF_TOKEN"]
    assert result["asked"]["image"] == "a/b:1"  # as before
    assert any("OLD" in warning for warning in result["warnings"])
    for secret in (b"kept-value-1234", b"value-of-a-5678"):
        assert secret.decode() not in str(result)
        assert not any(secret in file.read_bytes() for file in tmp_path.rglob("*.db*"))


@pytest.mark.parametrize("args", [{"onstart": "echo new"}, {"template": True}])
async def test_a_lease_has_its_watchdog_in_front_of_what_starts_then(
    world: World, settings: Settings, args: Any
) -> None:
    """Another start script, or a template's, would drop the inside half of a lease."""
    async with allowing(world, settings, lease_hours=5.0) as client:
        made = await ours(client, world)
        if args.pop("template", None):
            args["template_hash_id"] = next(
                hash_id for hash_id, one in world.templates.items() if one["runtype"] == "ssh"
            )
        result = await call(client, "update_instance", instance_id=made, **args)
    assert watchdog.is_in(runs(world).onstart)
    assert "by itself" in result["lease"]
    assert not any("outside alone" in warning for warning in result["warnings"])
    if "onstart" in args:
        assert "echo new" not in runs(world).onstart  # packed, as create_instance does it


async def test_an_image_alone_leaves_the_start_script_as_it_is(
    world: World, settings: Settings
) -> None:
    """Its watchdog is in it already."""
    async with allowing(world, settings, lease_hours=5.0) as client:
        made = await ours(client, world, onstart="echo hi")
        before = runs(world).onstart
        result = await call(client, "update_instance", instance_id=made, image="a/b:2")
    [sent] = world.asked("update_template")
    assert (sent.body, runs(world).onstart) == ({"image": "a/b:2", "recycle": True}, before)
    assert "by itself" in result["lease"]


async def test_a_lease_without_room_for_its_watchdog_is_said_to_end_from_outside(
    world: World, settings: Settings
) -> None:
    """Told, and kept: a later look says the same."""
    noise = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=3_000))
    async with allowing(world, settings, lease_hours=5.0) as client:
        made = await ours(client, world)
        script = f"echo {noise}"
        result = await call(client, "update_instance", instance_id=made, onstart=script)
        assert not watchdog.is_in(runs(world).onstart)
        assert "from outside alone" in result["lease"]
        shown = await call(client, "show_instance", instance_id=made)
    assert any("from outside alone" in warning for warning in shown["warnings"])


async def test_a_vm_is_refused(client: Client, world: World) -> None:
    """Vast makes containers anew."""
    world.set_keys(["ssh-ed25519 AAAA x"])
    vm = {"image": "docker.io/vastai/kvm:ubuntu_terminal", "vm": True, "label": "x"}
    made = world.rent(world.offer(vm=True, ports=True)["id"], {**vm, "disk": 8}).id
    error = (await call(client, "update_instance", instance_id=made, image="a/b", not_ours=True))[
        "error"
    ]
    assert (error["code"], world.asked("update_template")) == ("bad_arguments", [])


async def test_a_stopped_machine_is_started_first(client: Client, world: World) -> None:
    """A container that stands still is not made anew (docs/vast-api.md C.7)."""
    made = await ours(client, world)
    await call(client, "manage_instance", instance_id=made, action="stop")
    error = (await call(client, "update_instance", instance_id=made, image="a/b:2"))["error"]
    assert (error["code"], world.asked("update_template")) == ("not_running", [])
    assert error["next_steps"][0]["arguments"]["action"] == "start"


async def test_a_lost_reply_leaves_what_runs_to_the_row(client: Client, world: World) -> None:
    """Neither the old image nor the new one is claimed; the same call is no step, since it may
    lose the disk again.
    """
    made = await ours(client, world)
    world.faults.add("update_template", "drop", times=None, when="before")
    error = (await call(client, "update_instance", instance_id=made, image="a/b:2"))["error"]
    assert (error["code"], error["instance_id"]) == ("outcome_unknown", made)
    assert [step["tool"] for step in error["next_steps"]] == ["show_instance"]
    shown = await call(client, "show_instance", instance_id=made)
    assert "image" not in shown["asked"]
    assert shown["asked"]["untrusted_image"] == "a/b:1"


async def test_what_vast_refuses_changes_nothing_that_is_known(
    client: Client, world: World
) -> None:
    """The journal says again what it said."""
    made = await ours(client, world)
    refusal = {"success": False, "error": "invalid_args", "msg": "no"}
    world.faults.add("update_template", "status", status=400, body=refusal)
    error = (await call(client, "update_instance", instance_id=made, image="a/b:2"))["error"]
    assert error["code"] == "invalid_request"
    shown = await call(client, "show_instance", instance_id=made)
    assert shown["asked"]["image"] == "a/b:1"


async def test_a_template_that_went_stale_is_told_before_anything_is_sent(
    client: Client, world: World
) -> None:
    """An edit changes the hash (docs/vast-api.md A.10)."""
    made = await ours(client, world)
    error = (await call(client, "update_instance", instance_id=made, template_hash_id="0" * 32))[
        "error"
    ]
    assert (error["code"], world.asked("update_template")) == ("no_such_template", [])
