"""The call that comes next for a machine: one, and nothing is destroyed that may hold anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import OURS, an_offer, an_offer_to_bid_on, call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

END = ["destroy_instance", "search_offers"]
STOP, START = ("manage_instance", "stop"), ("manage_instance", "start")

# What a machine that has run comes to, and the call that comes next.
RAN: list[tuple[tuple[str, ...], str | None, tuple[str, str | None]]] = [
    (("running",), None, ("wait_for_instance", None)),
    (("running", "frozen"), None, STOP),
    (("running", "stopped"), None, START),
    (("running", "exited"), None, ("show_logs", None)),
    (("running", "offline"), None, ("wait_for_instance", None)),
    (("running", "scheduling"), None, STOP),
    (("running", "created"), "manifest for a/b not found", ("show_logs", None)),
    (("running", "loading"), "no space left on device", STOP),
    (("running", "created"), "requested volume does not exist", ("show_volumes", None)),
    (("running", "running"), "Unable to determine the device handle", STOP),
]


async def rented(client: Client, world: World, course: Any, said: str | None = None) -> int:
    """A machine of ours with this course, of which looks take no step."""
    world.looks_per_step = None
    offer = an_offer(world)
    world.set_fate(offer["id"], course, said)
    made = await call(client, "create_instance", offer_id=offer["id"], image="a/b", disk=16)
    return made["instance_id"]


async def judged(client: Client, machine: int) -> dict[str, Any]:
    """The machine after a wait that judges it."""
    await call(client, "wait_for_instance", instance_id=machine, until="running", timeout_s=1)
    return await call(client, "show_instance", instance_id=machine)


def tools_of(answer: dict[str, Any]) -> list[str]:
    return [step["tool"] for step in answer["next_steps"]]


def first(answer: dict[str, Any]) -> tuple[str, str | None]:
    step = answer["next_steps"][0]
    return step["tool"], step["arguments"].get("action")


@pytest.mark.parametrize(("course", "said", "wanted"), RAN)
async def test_a_machine_that_has_run_is_never_destroyed_by_who_follows_steps(
    world: World, settings: Settings, course: Any, said: str | None, wanted: tuple[str, str | None]
) -> None:
    """What comes next can be taken back: somebody's work may be on its disk."""
    short = replace(settings, times=replace(settings.times, young_s=0.5))
    async with served(world, short) as client:
        machine = await rented(client, world, course[:1])
        shown = await call(client, "show_instance", instance_id=machine)
        if len(course) > 1:
            instance = world.instances[machine]
            instance.fate = replace(instance.fate, messages={course[1]: said} if said else {})
            instance.set_course(course[1:], world.now)
            shown = await judged(client, machine)
    assert first(shown) == wanted
    assert "destroy_instance" not in tools_of(shown)


async def test_a_machine_that_never_ran_and_never_will_is_ended_before_another_is_sought(
    client: Client, world: World
) -> None:
    """Nothing of anybody's is in it; whoever follows blindly pays for one machine, not two."""
    machine = await rented(client, world, (None, "created"), "no space left on device")
    early = await call(client, "show_instance", instance_id=machine)
    assert tools_of(early) == ["wait_for_instance"]  # one look is none
    world.instances[machine].set_course(("created",), world.now)
    shown = await judged(client, machine)
    assert tools_of(shown) == END
    end, search = shown["next_steps"]
    assert end["arguments"] == {"instance_ids": [machine]}
    assert search["arguments"]["exclude_machine_ids"] == [shown["machine_id"]]
    [row] = (await call(client, "show_instances"))["instances"]
    assert row["state"] == "failed"
    assert tools_of(await call(client, "show_instances")) == END


async def test_a_strangers_machine_is_never_ended(client: Client, world: World) -> None:
    """Also one that another computer's vast-mcp made: what that saw of it is not known here."""
    for label in ("thesis", OURS):
        offer = an_offer(world)
        world.set_fate(offer["id"], ("created",), "no space left on device")
        body = {"image": "a/b", "disk": 16, "label": label}
        shown = await judged(client, world.rent(offer["id"], body).id)
        assert "destroy_instance" not in tools_of(shown)


async def test_that_a_machine_has_run_is_known_to_the_next_process(
    world: World, settings: Settings, state: Path
) -> None:
    """A client may start a process for each call; another saw it run, and it may hold work."""
    kept = replace(settings, state_dir=state)
    async with served(world, kept) as client:
        machine = await rented(client, world, ("running",))
        await call(client, "show_instances")
    instance = world.instances[machine]
    instance.fate = replace(instance.fate, messages={"created": "no space left on device"})
    instance.set_course(("created",), world.now)
    async with served(world, kept) as client:
        assert "destroy_instance" not in tools_of(await judged(client, machine))


async def test_a_machine_that_was_heard_to_answer_leads_to_its_log(
    client: Client, world: World
) -> None:
    """Until then it is waited for, whichever tool is asked."""
    machine = await rented(client, world, ("running",))
    assert first(await call(client, "show_instance", instance_id=machine))[0] == "wait_for_instance"
    world.set_logs(machine, "None of it\nserving\n")
    await call(client, "wait_for_instance", instance_id=machine, until="log:serving")
    assert first(await call(client, "show_instance", instance_id=machine))[0] == "show_logs"
    await call(client, "manage_instance", instance_id=machine, action="reboot")
    assert first(await call(client, "show_instance", instance_id=machine))[0] == "wait_for_instance"


async def test_a_stopped_machine_says_what_a_start_bills(client: Client, world: World) -> None:
    """A start is the step, and its price stands beside it; after a stop comes the account."""
    machine = await rented(client, world, ("running",))
    stopped = await call(client, "manage_instance", instance_id=machine, action="stop")
    assert tools_of(stopped) == ["show_account"]
    shown = await call(client, "show_instance", instance_id=machine)
    assert first(shown) == START
    assert f"{shown['running_usd_per_hour']:.4f} $/h" in shown["next_steps"][0]["why"]
    assert (stopped["state"], stopped["usd_per_hour"]) == ("stopped", shown["usd_per_hour"])


async def test_a_lost_bid_leads_to_a_better_one(client: Client, world: World) -> None:
    """Also where it never ran."""
    offer = an_offer_to_bid_on(world)
    wish = {"offer_id": offer["id"], "image": "a/b", "disk": 16, "price": offer["min_bid"] * 1.5}
    made = await call(client, "create_instance", **wish)
    world.outbid(made["instance_id"])
    shown = await call(client, "show_instance", instance_id=made["instance_id"])
    assert first(shown) == ("manage_instance", "change_bid")


async def test_a_list_leads_to_what_starts_then_to_what_failed_then_to_the_newest(
    client: Client, world: World
) -> None:
    """And an empty account to an offer."""
    assert tools_of(await call(client, "show_instances")) == ["search_offers"]
    running = await rented(client, world, ("running",))
    listed = await call(client, "show_instances")
    assert listed["next_steps"][0]["arguments"] == {"instance_id": running}
    assert tools_of(listed) == ["show_instance"]
    await rented(client, world, ("exited",))
    starting = await rented(client, world, ("loading",))
    waited = (await call(client, "show_instances"))["next_steps"][0]
    assert (waited["tool"], starting in waited["arguments"]["instance_ids"]) == (
        "wait_for_instance",
        True,
    )
    none = await call(client, "show_instances", state="stopped")
    assert none["next_steps"][0]["arguments"] == {}
