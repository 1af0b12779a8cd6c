"""show_instance: one machine by one look."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp import Client

from house import OURS, call, served
from vast_mcp.sandbox.account import INSTANCE_SECRET
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE, show_instance

TOOLS = list({spec.name: spec for spec in [*CATALOGUE, show_instance.SPEC]}.values())


@pytest.fixture
async def client(world: World, settings: Settings) -> AsyncIterator[Client]:
    async with served(world, settings, TOOLS) as made:
        yield made


def rent(world: World, **body: Any) -> int:
    offer = world.offer(ports=True, disk_space=lambda free: free > 40)
    return world.rent(
        offer["id"], {"image": "pytorch/pytorch", "disk": 16, "runtype": "ssh_direct", **body}
    ).id


async def show(client: Client, instance_id: int, **more: Any) -> dict[str, Any]:
    return await call(client, "show_instance", instance_id=instance_id, **more)


async def test_a_machine_that_runs_shows_the_ways_in_and_what_it_costs(
    client: Client, world: World
) -> None:
    """The disk bills while stopped too (docs/vast-api.md C.6 and C.8)."""
    world.looks_per_step = 0
    made = rent(world, label="train", env={"-p 8000:8000": "1"})
    seen = await show(client, made)
    row = world.show(made)
    ip = row["public_ipaddr"].strip()
    assert (seen["state"], seen["status"], seen["ours"], seen["untrusted_label"]) == (
        "running",
        "running",
        False,
        "train",
    )
    assert seen["access"]["ssh"].endswith(f" root@{ip}")
    assert seen["access"]["ports"] == {
        "8000/tcp": f"http://{ip}:{row['ports']['8000/tcp'][0]['HostPort']}"
    }
    assert seen["usd_per_hour"] == round(row["dph_total"], 5)
    assert seen["stopped_usd_per_hour"] == round(row["storage_total_cost"], 5) > 0
    assert "running_usd_per_hour" not in seen  # it is what bills now
    assert 0 <= seen["spent_usd"] < 0.01
    assert (seen["disk_gb"], seen["disk_used_gb"]) == (16, 0.4)
    assert len(json.dumps(seen)) < 3500


async def test_its_state_is_judged_and_the_step_fits(client: Client, world: World) -> None:
    """The three fields together (docs/vast-api.md C.4)."""
    made = rent(world)
    starting = await show(client, made)
    assert (starting["state"], starting["status"], starting["next_steps"][0]["tool"]) == (
        "starting",
        "provisioning",
        "wait_for_instance",
    )
    assert starting["access"]["ssh"].endswith(f"root@{world.show(made)['ssh_host']}")
    world.set_state(made, "stopped")
    stopped = await show(client, made)
    assert (stopped["state"], stopped["status"], stopped["intended"]) == (
        "stopped",
        "exited",
        "stopped",
    )
    start = {"instance_id": made, "action": "start"}
    assert stopped["next_steps"][0]["arguments"] == start | {"not_ours": True}
    world.set_label(made, OURS)
    assert (await show(client, made))["next_steps"][0]["arguments"] == start


async def test_the_jupyter_token_is_shown_only_when_asked_for(client: Client, world: World) -> None:
    """It opens the machine to whoever reads it (docs/vast-api.md C.6)."""
    world.looks_per_step = 0
    made = rent(world, runtype="jupyter_direct")
    token = world.show(made)["jupyter_token"]
    assert token not in json.dumps(await show(client, made))
    assert token in (await show(client, made, show_jupyter_token=True))["access"]["jupyter_url"]


async def test_what_vast_does_not_show_is_an_error(client: Client, world: World) -> None:
    """200 with null (docs/vast-api.md C.1)."""
    error = (await show(client, 99))["error"]
    assert (error["code"], error["next_steps"][0]["tool"]) == ("no_such_instance", "show_instances")


async def test_a_machine_rented_moments_ago_is_not_denied(client: Client, world: World) -> None:
    """A just-created id may be unreadable for seconds; it bills all the same
    (docs/vast-api.md C.1).
    """
    world.visible_after_looks = 5
    offer = world.offer(disk_space=lambda free: free > 40)
    made = await call(client, "create_instance", offer_id=offer["id"], disk=16)
    error = (await show(client, made["instance_id"]))["error"]
    assert "exists and bills" in error["message"]
    assert error["next_steps"][0] == {
        "tool": "wait_for_instance",
        "arguments": {"instance_id": made["instance_id"]},
        "why": "waits until it shows",
    }


async def test_a_machine_that_was_shown_and_is_not_is_not_said_to_exist(
    client: Client, world: World
) -> None:
    """It may be gone, and its row may be missing for a moment: neither is claimed."""
    offer = world.offer(disk_space=lambda free: free > 40)
    made = (await call(client, "create_instance", offer_id=offer["id"], disk=16))["instance_id"]
    await show(client, made)
    world.destroy(made)
    error = (await show(client, made))["error"]
    assert "exists and bills" not in error["message"]
    assert "counts as billing" in error["message"]
    assert [step["tool"] for step in error["next_steps"]] == ["wait_for_instance"]


async def test_text_of_strangers_is_marked_and_nothing_secret_is_shown(
    client: Client, world: World
) -> None:
    """A row holds the environment and tokens, and they stay behind (docs/architecture.md)."""
    offer = world.offer()
    world.set_fate(offer["id"], ("running",), "STATUS-EVIL \x1b[0m\u202e")
    made = world.rent(
        offer["id"], {"image": "IMAGE-EVIL", "disk": 8, "label": "LABEL-EVIL\u202e"}
    ).id
    result = await client.call_tool("show_instance", {"instance_id": made})
    payload = dict(result.structured_content or {})
    marked = {key: payload.pop(key) for key in list(payload) if key.startswith("untrusted_")}
    assert payload["asked"].pop("untrusted_image") == "IMAGE-EVIL"
    assert "EVIL" not in json.dumps(payload)
    assert (marked["untrusted_label"], marked["untrusted_status"]) == (
        "LABEL-EVIL",
        "STATUS-EVIL [0m",
    )
    assert INSTANCE_SECRET not in result.model_dump_json()


async def test_what_it_was_rented_as_is_shown_without_what_its_variables_hold(
    client: Client, world: World
) -> None:
    """So that "the same again" is possible: by the journal for what was rented here, by the row
    for what was not, where an image's name is a stranger's text (docs/vast-api.md A.4).
    """
    world.looks_per_step = 0
    env = {"HF_TOKEN": "s3cret-of-mine", "A": "1", "-p 8000:8000": "1", "-p 53:53/udp": "1"}
    offer = world.offer(ports=True, disk_space=lambda free: free > 40)
    wish = {"image": "a/b:1", "disk": 16, "runtype": "ssh_direct", "env": env}
    ours = await call(client, "create_instance", offer_id=offer["id"], **wish)
    theirs = rent(world, env=env)
    shown = await show(client, ours["instance_id"])
    same = {"launch": "ssh_direct", "ports": ["53/udp", "8000/tcp"]}
    assert shown["asked"] == same | {"image": "a/b:1", "env": ["A", "HF_TOKEN"]}
    other = await show(client, theirs)
    other["asked"]["ports"].sort()
    assert other["asked"] == same | {
        "untrusted_image": "pytorch/pytorch",
        "env": ["HF_TOKEN", "A"],
    }
    assert "s3cret-of-mine" not in json.dumps([shown, other])


async def test_a_lease_whose_watchdog_nobody_has_seen_is_a_warning(
    client: Client, world: World
) -> None:
    """Its line in the log is the proof from inside; a wait looks for it."""
    world.looks_per_step = 0
    offer = world.offer(disk_space=lambda free: free > 40)
    made = await call(client, "create_instance", offer_id=offer["id"], disk=16, lease_hours=1)
    before = await show(client, made["instance_id"])
    assert before["watchdog"] == "not_seen"
    assert any("not seen" in warning for warning in before["warnings"])
    await call(client, "show_logs", instance_id=made["instance_id"])
    after = await show(client, made["instance_id"])
    assert after["watchdog"] == "seen"
    assert not any("not seen" in warning for warning in after["warnings"])
