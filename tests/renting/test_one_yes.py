"""consent: one yes is for one act, and for exactly what was said.

What lets somebody in is asked about like what costs. "Nothing is sent" is counted by the requests
that the sandbox received.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import ElicitResult

from house import KEY_LINE, OTHER_KEY_LINE, OURS, an_offer, call, puts, served
from people import CANCEL, DECLINE, ERAS, YES, Mode, Person, approve, code_in, confirming, refused
from vast_mcp.leases.labels import lease_of
from vast_mcp.machines.keyfiles import fingerprint_of
from vast_mcp.sandbox.listing import PageQuery
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

NO_RIGHT = {"success": False, "error": "forbidden", "msg": "requires access: instance_write"}
PAGE = "<html><body>Access denied</body></html>"
FINGERPRINT = fingerprint_of(KEY_LINE.split()[1])


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Calls here wait for people, and are not about the time that runs out."""
    return replace(settings, times=replace(settings.times, budget_s=8.0))


def a_machine(world: World, label: str | None = OURS, **more: Any) -> int:
    offer = an_offer(world)
    return world.rent(offer["id"], {"image": "x", "disk": 8, "label": label, **more}).id


def stopped(world: World, label: str | None = OURS) -> int:
    machine = a_machine(world, label)
    world.set_state(machine, "stopped")
    return machine


def sent(world: World) -> list[str]:
    """Requests that change something."""
    acts = [one.endpoint for one in world.requests if one.method != "GET"]
    return [one for one in acts if one != "maintenances"]  # which is asked by a POST


async def code_for(client: Client, tool: str, **arguments: Any) -> str:
    return code_in(await refused(client, "needs_confirmation", tool, **arguments))


# ── what is a yes ──────────────────────────────────────────────────────────────────────────────


@ERAS
@pytest.mark.parametrize("said", ["true", "on", "yes", 1, 1.0, ["true"]])
async def test_only_the_boolean_true_is_a_yes(
    world: World, settings: Settings, state: Path, era: Mode, said: Any
) -> None:
    """The form that was shown has one field, which is true or false; anything else was not
    ticked by a person who read it.
    """
    person = Person(ElicitResult(action="accept", content={"yes": said}))
    offer = an_offer(world)["id"]
    async with confirming(world, settings, person, state=state, era=era) as client:
        await refused(client, "needs_confirmation", offer_id=offer, disk=8)
    assert (len(person.questions), puts(world)) == (1, 0)


async def test_one_approval_starts_once_however_many_servers_ask_at_once(
    world: World, settings: Settings, state: Path
) -> None:
    """The yes is spent in the transaction that announces the act. Who comes late finds the machine
    running, which needs no yes.
    """
    machine = stopped(world)
    start = {"instance_id": machine, "action": "start"}
    answers: list[dict[str, Any]] = []

    async def one(above: float, limits: dict[str, float]) -> None:
        async with confirming(world, settings, state=state, above=above, **limits) as client:
            answers.append(await call(client, "manage_instance", **start))

    async with confirming(world, settings, state=state) as client:
        assert approve(await code_for(client, "manage_instance", **start)) == 0
    async with anyio.create_task_group() as tasks:
        for limits in ({}, {}, {"max_usd_per_hour": 99.0}, {"max_total_usd_per_hour": 99.0}):
            tasks.start_soon(one, 0.0, limits)
    codes = {answer.get("error", {}).get("code") for answer in answers}
    assert codes <= {None, "needs_confirmation"}
    world.set_state(machine, "stopped")
    async with confirming(world, settings, state=state) as client:
        await code_for(client, "manage_instance", **start)
    assert len(world.committed("start")) == 1


async def test_a_sealed_yes_is_used_up_with_its_act(world: World, settings: Settings) -> None:
    """2026-07-28: the same state and answer, sent again after the machine stands still, at once by
    several, or to a machine that is gone, have asked nobody.
    """
    machine = stopped(world)
    start = {"instance_id": machine, "action": "start"}
    async with confirming(world, settings, Person()) as client:
        session = client.session
        needed = await session.call_tool("manage_instance", start, allow_input_required=True)
        again = partial(
            session.call_tool,
            "manage_instance",
            start,
            input_responses=dict.fromkeys(needed.input_requests or {}, YES),
            request_state=needed.request_state,
            allow_input_required=True,
        )
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(again)
        world.set_state(machine, "stopped")
        assert (await again()).result_type == "input_required"
    assert len(world.committed("start")) == 1


@pytest.mark.parametrize(
    ("fault", "again"),
    [
        ({"kind": "status", "status": 403, "body": NO_RIGHT}, "goes through"),
        ({"kind": "status", "status": 403, "text": PAGE}, "asks"),
        ({"kind": "status", "status": 401, "text": PAGE}, "asks"),
        ({"kind": "status", "status": 451, "body": {"error": "blocked"}}, "asks"),
        ({"kind": "html502"}, "asks"),
        ({"kind": "status", "status": 200, "text": "?"}, "asks"),
        ({"kind": "drop"}, "asks"),
    ],
    ids=[
        "refused",
        "a 403 page",
        "a 401 page",
        "a gateway's 451",
        "a gateway's page",
        "not understood",
        "no answer",
    ],
)
async def test_a_yes_comes_back_only_where_vast_refused_for_certain(
    world: World, settings: Settings, state: Path, fault: dict[str, Any], again: str
) -> None:
    """Any other answer may mean that it was done: a second act is a second question."""
    reboot = {"instance_id": stopped(world), "action": "reboot"}
    kind, detail = fault["kind"], {k: v for k, v in fault.items() if k != "kind"}
    async with confirming(world, settings, state=state) as client:
        assert approve(await code_for(client, "manage_instance", **reboot)) == 0
        world.faults.add("reboot", kind, times=None, **detail)
        await call(client, "manage_instance", **reboot)
        asked = len(world.asked("reboot"))
        world.faults.clear()
        second = await call(client, "manage_instance", **reboot)
    asks = second.get("error", {}).get("code") == "needs_confirmation"
    assert asks == (again == "asks")
    assert (len(world.asked("reboot")) == asked) == asks


# ── what stands still ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cur_state", ["stopped", "unloaded"])
async def test_a_machine_that_was_never_started_is_not_moved_unasked(
    world: World, settings: Settings, cur_state: str
) -> None:
    """Before its first container status it stands still like any other (docs/vast-api.md C.4)."""
    machine, person = a_machine(world), Person(DECLINE)
    page = world.list_page(PageQuery(25, None, [], {}, None))
    [row] = page["instances"]
    row |= {"actual_status": None, "intended_status": "running", "cur_state": cur_state}
    world.faults.add("list", "status", times=None, status=200, body=page)
    async with confirming(world, settings, person) as client:
        for act in ("start", "reboot"):
            arguments = {"instance_id": machine, "action": act}
            await refused(client, "declined", "manage_instance", **arguments)
    assert (len(person.questions), sent(world)) == (2, [])


@pytest.mark.parametrize("intended", ["running", None, "frozen", "stopped"])
@pytest.mark.parametrize("act", ["start", "reboot", "recycle"])
async def test_a_machine_that_stands_still_is_not_moved_unasked(
    world: World, settings: Settings, act: str, intended: str | None
) -> None:
    """Whatever it was last asked for: Vast stopped it, or says nothing of it
    (docs/vast-api.md C.4).
    """
    machine = stopped(world)
    world.instances[machine].intended = intended  # type: ignore[assignment]
    tool = "recycle_instance" if act == "recycle" else "manage_instance"
    more = {} if act == "recycle" else {"action": act}
    person = Person(DECLINE)
    async with confirming(world, settings, person) as client:
        await call(client, "show_instances")
        await refused(client, "declined", tool, instance_id=machine, **more)
    assert (len(person.questions), sent(world)) == (1, [])


async def test_an_outbid_machine_is_asked_about_at_any_bid(
    world: World, settings: Settings
) -> None:
    """A lower bid may be enough again, and then it runs and bills."""
    offer = an_offer(world)
    bid = offer["min_bid"] * 3
    machine = a_machine(world, price=bid)
    world.outbid(machine)
    person = Person(DECLINE)
    change = {"instance_id": machine, "action": "change_bid", "price": bid * 0.9}
    async with confirming(world, settings, person) as client:
        answer = await call(client, "manage_instance", **change)
    assert answer["error"]["code"] in {"declined", "bid_too_low"}
    assert sent(world) == []


@pytest.mark.parametrize("looks", [0, 4], ids=["just rented", "running"])
async def test_a_machine_that_runs_or_boots_is_started_and_rebooted_unasked(
    world: World, settings: Settings, looks: int
) -> None:
    """It costs what it costs: nothing is agreed to."""
    machine, person = a_machine(world), Person()
    for _ in range(looks):
        world.show(machine)
    async with confirming(world, settings, person) as client:
        for action in ("start", "reboot"):
            answer = await call(client, "manage_instance", instance_id=machine, action=action)
            assert "error" not in answer
    assert person.questions == []


# ── how long ───────────────────────────────────────────────────────────────────────────────────


@ERAS
async def test_a_lease_is_not_moved_past_what_was_agreed_unasked(
    world: World, settings: Settings, state: Path, era: Mode
) -> None:
    """The person agreed to "ends by itself after 1 hour"; the question says how long now."""
    person = Person()
    async with confirming(world, settings, person, state=state, era=era) as client:
        offer = an_offer(world)["id"]
        made = await call(client, "create_instance", offer_id=offer, disk=8, lease_hours=1)
        machine = made["instance_id"]
        ends = lease_of(world.instances[machine].label)
        extend = {"instance_id": machine, "action": "extend_lease", "lease_hours": 8760}
        person.answer = DECLINE
        await refused(client, "declined", "manage_instance", **extend)
        assert lease_of(world.instances[machine].label) == ends
        person.answer = YES
        answer = await call(client, "manage_instance", **extend)
    question = person.questions[-1]
    assert f"Let machine {machine} (" in question
    assert "live for 8760 hours from when this is done? It ends at 20" in question
    assert "$ an hour" in question
    assert (len(person.questions), answer["lease_left_hours"]) == (3, pytest.approx(8760, abs=1))


async def test_a_code_moves_a_lease_once(world: World, settings: Settings, state: Path) -> None:
    """In a shell too, and each further extension asks."""
    label = f"vast-mcp lease-until={int(time.time()) + 3600}#0123456789abcdef"
    machine = a_machine(world, label)
    extend = {"instance_id": machine, "action": "extend_lease", "lease_hours": 5}
    async with confirming(world, settings, state=state) as client:
        assert approve(await code_for(client, "manage_instance", **extend)) == 0
        assert (await call(client, "manage_instance", **extend))["seen"]
        longer = extend | {"lease_hours": 6}
        await refused(client, "needs_confirmation", "manage_instance", **longer)
    assert len(world.asked("label")) == 1


async def test_a_label_that_the_machine_rewrote_agrees_to_nothing(
    world: World, settings: Settings, state: Path
) -> None:
    """The journal has what was agreed, whatever the label says or no longer says."""
    person = Person()
    async with confirming(world, settings, person, state=state) as client:
        offer = an_offer(world)["id"]
        made = await call(client, "create_instance", offer_id=offer, disk=8, lease_hours=1)
        machine = made["instance_id"]
        label = world.instances[machine].label or ""
        person.answer = DECLINE
        later = int(time.time()) + 30 * 86_400
        for lie in (None, "thesis", re.sub(r"lease-until=\d+", f"lease-until={later}", label)):
            world.set_label(machine, lie)
            extend = {"instance_id": machine, "action": "extend_lease", "lease_hours": 800}
            await refused(client, "declined", "manage_instance", **extend)
    assert len(person.questions) == 4


async def test_a_first_lease_and_one_below_the_threshold_are_not_asked_about(
    world: World, settings: Settings
) -> None:
    """A first lease only shortens a life, and what may be rented unasked may live unasked."""
    machine, person = a_machine(world), Person()
    extend = {"instance_id": machine, "action": "extend_lease"}
    async with confirming(world, settings, person) as client:
        assert (await call(client, "manage_instance", **extend, lease_hours=2))["seen"]
    async with confirming(world, settings, person, above=50.0) as client:
        assert (await call(client, "manage_instance", **extend, lease_hours=3))["seen"]
    assert person.questions == []


# ── who comes in ───────────────────────────────────────────────────────────────────────────────


@ERAS
@pytest.mark.parametrize("above", [0.0, 50.0], ids=["always", "above a price"])
async def test_an_ssh_key_is_registered_and_attached_only_with_a_yes(
    world: World, settings: Settings, era: Mode, above: float
) -> None:
    """Whoever holds it comes in: it has no price, so any VAST_MCP_CONFIRM asks."""
    machine, person = a_machine(world), Person(DECLINE)
    world.set_keys([OTHER_KEY_LINE])
    async with confirming(world, settings, person, above=above, era=era) as client:
        [other] = (await call(client, "show_ssh_keys"))["keys"]
        attach = {"instance_id": machine, "key_id": other["key_id"]}
        await refused(client, "declined", "create_ssh_key", public_key=KEY_LINE)
        await refused(client, "declined", "attach_ssh_key", **attach)
        assert sent(world) == []
        person.answer = YES
        assert not (await call(client, "create_ssh_key", public_key=KEY_LINE))["already_registered"]
        assert "error" not in await call(client, "attach_ssh_key", **attach)
    register, enter = person.questions[0], person.questions[1]
    assert f"Register the SSH key {FINGERPRINT} " in register
    assert f"{fingerprint_of(OTHER_KEY_LINE.split()[1])} into machine {machine} (" in enter
    assert not any("$" in question for question in person.questions)
    assert not any("AAAA" in question for question in person.questions)
    assert len(person.questions) == 4


async def test_a_key_is_let_in_by_a_code_once(
    world: World, settings: Settings, state: Path
) -> None:
    """The code is for this key, on this machine; nothing is said of a price."""
    first, second = a_machine(world), a_machine(world)
    async with confirming(world, settings, state=state) as client:
        error = await refused(client, "needs_confirmation", "create_ssh_key", public_key=KEY_LINE)
        assert "$/h" not in error["message"]
        assert approve(code_in(error)) == 0
        other = {"public_key": OTHER_KEY_LINE}
        await refused(client, "needs_confirmation", "create_ssh_key", **other)
        made = await call(client, "create_ssh_key", public_key=KEY_LINE)
        attach = {"instance_id": first, "key_id": made["key_id"]}
        error = await refused(client, "needs_confirmation", "attach_ssh_key", **attach)
        assert error["next_steps"][0]["arguments"] == attach
        assert approve(code_in(error)) == 0
        elsewhere = attach | {"instance_id": second}
        await refused(client, "needs_confirmation", "attach_ssh_key", **elsewhere)
        assert "error" not in await call(client, "attach_ssh_key", **attach)
        await refused(client, "needs_confirmation", "attach_ssh_key", **attach)
    assert len(world.asked("attach_key")) == 1


async def test_a_key_that_is_there_already_is_not_asked_about(
    world: World, settings: Settings
) -> None:
    """Nothing is sent; nor is anybody asked where the person did not set VAST_MCP_CONFIRM."""
    world.set_keys([KEY_LINE])
    machine, person = a_machine(world), Person(CANCEL)
    async with confirming(world, settings, person) as client:
        answer = await call(client, "create_ssh_key", public_key=KEY_LINE)
        assert answer["already_registered"]
    async with served(world, settings, elicitation_callback=person) as client:
        made = await call(client, "create_ssh_key", public_key=OTHER_KEY_LINE)
        attach = {"instance_id": machine, "key_id": made["key_id"]}
        assert "error" not in await call(client, "attach_ssh_key", **attach)
    assert person.questions == []


# ── others' machines ───────────────────────────────────────────────────────────────────────────

ACTIONS: dict[str, dict[str, Any]] = {
    "start": {},
    "stop": {},
    "reboot": {},
    "label": {"label": "mine now"},
    "change_bid": {"price": 5.0},
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("label", [None, "thesis", "a lab#0123456789abcdeg"])
async def test_what_costs_or_interrupts_others_asks_for_not_ours(
    client: Client, world: World, action: str, label: str | None
) -> None:
    """A machine that vast-mcp did not make may hold somebody's work, and is paid by them."""
    machine = a_machine(world, label, price=an_offer(world)["min_bid"] * 2)
    if action == "start":
        world.set_state(machine, "stopped")
    arguments = {"instance_id": machine, "action": action, **ACTIONS[action]}
    error = await refused(client, "not_ours", "manage_instance", **arguments)
    assert (error["problems"][0]["field"], sent(world)) == ("not_ours", [])
    step = error["next_steps"][-1]
    if action == "label":  # an answer repeats no label
        assert step["tool"] == "show_instances"
    else:
        assert step["arguments"] == arguments | {"not_ours": True}
    answer = await call(client, "manage_instance", **arguments, not_ours=True)
    assert "error" not in answer, answer
    assert len(sent(world)) == 1


@pytest.mark.parametrize("action", ACTIONS)
async def test_ours_need_no_further_word(client: Client, world: World, action: str) -> None:
    """By another computer's label, too."""
    machine = a_machine(world, price=an_offer(world)["min_bid"] * 2)
    if action == "start":
        world.set_state(machine, "stopped")
    arguments = {"instance_id": machine, "action": action, **ACTIONS[action]}
    assert "error" not in await call(client, "manage_instance", **arguments)
