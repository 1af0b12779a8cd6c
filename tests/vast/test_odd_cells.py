"""One odd cell is one unknown, told once: never a lost list, and never told as none."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import KEY_LINE, OURS, allowing, an_offer, call, offers, puts, sampled, served
from vast_mcp.sandbox.odd import ABSENT
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

ODD: list[Any] = [
    *("soon", "", True, [], [1], {}, {"a": 1}, math.nan, math.inf, -math.inf, 1e300, 10**50),
    *("1e3", "NaN", "0x10", "1_000", "\u0661\u0662"),
]
NUMBERS = [
    *("dph_total", "dph_base", "start_date", "end_date", "num_gpus", "disk_space", "storage_cost"),
    *("storage_total_cost", "gpu_util", "disk_usage", "ssh_port", "machine_id", "min_bid"),
]
TEXTS = ["label", "status_msg", "image_uuid", "image_runtype", "geolocation", "gpu_name"]
STATES = ["actual_status", "intended_status", "cur_state"]
NO_TEXT: list[Any] = [5, 0.5, True, [], ["a"], {}, {"a": 1}, math.nan, math.inf]
CELLS = [(cell, odd) for cell in NUMBERS for odd in ODD]
CELLS += [(cell, odd) for cell in (*TEXTS, *STATES) for odd in NO_TEXT]
CELLS += [(cell, odd) for cell in STATES for odd in ("a word of tomorrow", "hibernating", "")]
CELLS += [("is_bid", odd) for odd in ("yes", 2, [], {}, math.nan)]
CELLS += [("ports", odd) for odd in ("22", 22, [22], True, {"22/tcp": 22}, {"22/tcp": [{}]})]
CELLS += [(cell, None) for cell in ("dph_total", "start_date", "intended_status")]
CELLS += [(cell, ABSENT) for cell in ("dph_total", "label", "actual_status")]

NAMELESS: list[Any] = [
    *({}, {"id": None}, {"id": "x"}, {"id": 0}, {"id": -5}, {"id": {}}, {"id": True}),
    *({"id": 1.5}, {"id": math.nan}, None, "a row", 7, []),
]


def a_machine(world: World, label: str | None = OURS, **body: Any) -> int:
    """A machine that runs."""
    body = {"image": "ubuntu", "disk": 20, "label": label, **body}
    made = world.rent(an_offer(world)["id"], body)
    made.set_course(("running",), world.now)
    return made.id


def about(answer: dict[str, Any], *words: str) -> list[str]:
    """The warnings that have all these words."""
    return [said for said in answer["warnings"] if all(word in said for word in words)]


# ── machines ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tool", ["show_instances", "show_instance", "show_account"])
@pytest.mark.thorough
async def test_one_odd_cell_of_a_machine_is_one_unknown_and_said_once(
    world: World, settings: Settings, tool: str
) -> None:
    """Only the id may fail a row; numeric cells were seen as null, text and NaN
    (docs/vast-api.md C.3).
    """
    odd_one, other = a_machine(world), a_machine(world, "somebody's")
    arguments = {"instance_id": odd_one} if tool == "show_instance" else {}
    for cell, value in sampled(CELLS, 11):
        world.odd.clear()
        world.odd.add("instance", cell, value, row=odd_one)
        async with served(world, settings) as client:  # another would remember what it read
            answer = await call(client, tool, **arguments)
        assert len(about(answer, f"Machine {odd_one}", f"`{cell}`")) == 1, (cell, value)
        assert not about(answer, str(other)), (cell, value)
        if tool == "show_instances":
            assert {row["instance_id"] for row in answer["instances"]} == {odd_one, other}


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("label", None),
        ("actual_status", None),
        ("status_msg", None),
        ("end_date", None),
        ("gpu_util", None),
        ("ports", None),
        ("ports", {"22/tcp": [{"HostPort": 40125}], "80/tcp": None}),
        ("dph_total", "0.75"),
        ("dph_total", 1),
        ("num_gpus", "2"),
        ("public_ipaddr", "203.0.113.9\n"),
        ("public_ipaddr", ""),
        ("is_bid", 0),
        ("start_date", "1788653963.8"),
        ("end_date", ABSENT),
        ("actual_status", "restarting"),
    ],
)
async def test_a_cell_that_may_be_so_is_no_odd_one(
    client: Client, world: World, cell: str, value: Any
) -> None:
    """Null where it is usual, a number as exact text, HostPort as a number
    (docs/vast-api.md C.3).
    """
    machine = a_machine(world)
    world.odd.add("instance", cell, value)
    assert (await call(client, "show_instances"))["warnings"] == []
    shown = await call(client, "show_instance", instance_id=machine)
    assert not about(shown, "could not be read")
    if (cell, value) == ("dph_total", "0.75"):
        assert shown["usd_per_hour"] == 0.75


async def test_a_port_outside_may_be_a_number(client: Client, world: World) -> None:
    """HostPort is text, and was seen as a number (docs/vast-api.md C.3)."""
    machine = a_machine(world)
    world.odd.add("instance", "ports", {"22/tcp": [{"HostPort": 40125}]})
    shown = await call(client, "show_instance", instance_id=machine)
    assert "-p 40125 " in shown["access"]["ssh"]


async def test_many_odd_cells_are_few_warnings(client: Client, world: World) -> None:
    """An answer is read by a model: what is alike is one sentence."""
    for _ in range(30):
        a_machine(world)
    world.odd.add("instance", "dph_total", "dear")
    world.odd.add("instance", "num_gpus", "many")
    shown = await call(client, "show_instances")
    [said] = about(shown, "could not be read")
    assert "`dph_total`, `num_gpus`" in said
    assert "22 more" in said
    assert about(shown, "30 of 30 machines show no price")


async def test_an_unknown_price_is_in_no_total_and_no_limit_lets_it_pass(
    world: World, settings: Settings
) -> None:
    """What cannot be read counts as billing nobody knows how much."""
    machine, dear = a_machine(world), a_machine(world)
    world.odd.add("instance", "dph_total", "dear", row=dear)
    for limit in ({"max_total_usd_per_hour": 1e6}, {"min_credit_hours": 0.001}):
        async with allowing(world, settings, **limit) as client:
            error = (await call(client, "create_instance", offer_id=an_offer(world)["id"]))["error"]
            assert error["code"] == "price_unknown"
            assert f"machine {dear}" in error["message"]
            assert str(machine) not in error["message"]
    assert puts(world) == 0


@pytest.mark.parametrize(
    "cell",
    ["status_msg", "gpu_util", "label", "num_gpus", "geolocation", "start_date", "gpu_name"],
)
async def test_a_cell_that_no_limit_needs_stops_no_rental(
    world: World, settings: Settings, cell: str
) -> None:
    a_machine(world)
    world.odd.add("instance", cell, {"odd": 1})
    async with allowing(world, settings, max_total_usd_per_hour=1e6, max_instances=5) as client:
        made = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=20)
    assert made["instance_id"] in world.instances


async def test_whether_a_machine_is_ours_is_not_told_where_its_label_cannot_be_read(
    client: Client, world: World
) -> None:
    """The label, which may end in a token, says whose it is."""
    machine = a_machine(world)
    assert (await call(client, "show_instance", instance_id=machine))["ours"] is True
    world.odd.add("instance", "label", ["#0123456789abcdef"])
    assert "ours" not in await call(client, "show_instance", instance_id=machine)
    [row] = (await call(client, "show_instances"))["instances"]
    assert "ours" not in row


# ── a row without an id ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("value", NAMELESS, ids=str)
async def test_a_machine_without_an_id_is_counted_and_said(
    client: Client, world: World, value: Any
) -> None:
    nameless, other = a_machine(world), a_machine(world)
    world.odd.add("instance", None, value, row=nameless)
    shown = await call(client, "show_instances")
    assert shown["count"] == 2
    assert [row["instance_id"] for row in shown["instances"]] == [other]
    assert len(about(shown, "1 row", "no id")) == 1
    account = await call(client, "show_account")
    assert account["machines"] == 2
    assert {"total_usd_per_hour", "hours_left"}.isdisjoint(account)


async def test_a_row_without_an_id_that_is_there_once_is_read_again(
    client: Client, world: World
) -> None:
    made = [a_machine(world), a_machine(world)]
    page = (await call(client, "show_instances"))["instances"]
    assert len(page) == 2
    body = {"success": True, "instances": [{}, {"id": made[0]}], "next_token": None}
    world.faults.add("list", "status", status=200, body=body)
    shown = await call(client, "show_instances")
    assert {row["instance_id"] for row in shown["instances"]} == set(made)
    assert shown["warnings"] == []


@pytest.mark.parametrize(
    "limit",
    [{"max_total_usd_per_hour": 1e6}, {"min_credit_hours": 0.001}, {"max_instances": 1}],
    ids=lambda limit: next(iter(limit)),
)
async def test_a_machine_without_an_id_is_one_of_unknown_price(
    world: World, settings: Settings, limit: dict[str, float]
) -> None:
    """Limits on all machines refuse; a limit on one machine has nothing to do with it."""
    world.odd.add("instance", "id", None, row=a_machine(world))
    async with allowing(world, settings, **limit) as client:
        error = (await call(client, "create_instance", offer_id=an_offer(world)["id"]))["error"]
    assert error["code"] == ("over_limit" if "max_instances" in limit else "price_unknown")
    assert puts(world) == 0
    async with allowing(world, settings, max_usd_per_hour=100, max_instances=2) as client:
        assert "instance_id" in await call(
            client, "create_instance", offer_id=an_offer(world)["id"], disk=20
        )


def with_proof(settings: Settings, state: Path) -> Settings:
    """Absence is proven within a test's time."""
    times = replace(
        settings.times, lists_apart_s=0.05, absent_after_s=0.05, taken_after_s=0.1, young_s=0.0
    )
    return replace(settings, state_dir=state, times=times)


HIDING: list[tuple[str | None, Any]] = [
    ("id", None),
    ("id", "x"),
    (None, "no row"),
    ("label", 7),
    ("label", ["x"]),
    ("label", math.nan),
    ("label", ABSENT),
]


async def lost_rental(world: World, settings: Settings, state: Path) -> dict[str, Any]:
    """The answer to a rental whose request was lost, in a journal that is not new."""
    first, second = offers(world, 2)
    odd, world.odd.here = world.odd.here, []
    async with served(world, with_proof(settings, state)) as client:
        await call(client, "create_instance", offer_id=first["id"], disk=20)
        world.odd.here = odd
        world.faults.add("create", "drop")
        return await call(client, "create_instance", offer_id=second["id"], disk=20)


@pytest.mark.parametrize(("cell", "value"), HIDING, ids=range(len(HIDING)))
async def test_a_list_that_hides_a_token_proves_no_absence(
    world: World, settings: Settings, state: Path, cell: str | None, value: Any
) -> None:
    """A label that is no text may end in the token of the doubt."""
    world.odd.add("instance", cell, value, row=a_machine(world, None))
    error = (await lost_rental(world, settings, state))["error"]
    assert (error["code"], error["billing_possible"]) == ("outcome_unknown", True)
    assert puts(world) == 2


@pytest.mark.parametrize("cell", ["dph_total", "status_msg", "start_date", "actual_status"])
async def test_another_odd_cell_hides_no_token(
    world: World, settings: Settings, state: Path, cell: str
) -> None:
    """Two whole lists without it prove that nothing was rented, and it is rented once more."""
    world.odd.add("instance", cell, ["odd"], row=a_machine(world, None))
    assert "instance_id" in await lost_rental(world, settings, state)
    assert puts(world) == 3


@pytest.mark.parametrize("cell", ["id", "label"])
async def test_another_computers_machine_may_be_in_a_row_that_hides_it(
    world: World, settings: Settings, state: Path, cell: str
) -> None:
    """A journal that is new looks for it first, and rents nothing where it cannot see."""
    world.odd.add("instance", cell, ["odd"], row=a_machine(world, None))
    async with served(world, replace(settings, state_dir=state)) as client:
        error = (await call(client, "create_instance", offer_id=an_offer(world)["id"]))["error"]
    assert (error["code"], puts(world)) == ("incomplete_list", 0)


@pytest.mark.parametrize("value", [None, "x", {}])
async def test_no_machine_is_gone_because_a_row_without_an_id_stands_in_its_place(
    world: World, settings: Settings, state: Path, value: Any
) -> None:
    """The same call again must find the machine, and not rent a second one."""
    wish = {"offer_id": an_offer(world)["id"], "disk": 20}
    async with served(world, with_proof(settings, state)) as client:
        made = await call(client, "create_instance", **wish)
        world.odd.add("instance", "id", value)
        for _ in range(4):  # each reads the list twice, a moment apart
            await call(client, "show_instances")
        world.odd.clear()
        again = await call(client, "create_instance", **wish)
    assert again.get("instance_id", again) == made["instance_id"]
    assert puts(world) == 1


async def test_a_machine_that_a_list_names_between_two_that_lack_it_is_not_gone(
    world: World, settings: Settings, state: Path
) -> None:
    """Whatever else that list hides."""
    settings = with_proof(settings, state)
    settings = replace(settings, times=replace(settings.times, lists_apart_s=1e-9))
    wish = {"offer_id": an_offer(world)["id"], "disk": 20}
    async with served(world, settings) as client:
        made = await call(client, "create_instance", **wish)
        lists: list[list[Any]] = [[], [{"id": made["instance_id"]}, {}], []]
        for rows in lists:
            body = {"success": True, "instances": rows}
            world.faults.add("list", "status", times=max(1, len(rows)), status=200, body=body)
            await call(client, "show_instances")
        again = await call(client, "create_instance", **wish)
    assert again.get("instance_id", again) == made["instance_id"]
    assert puts(world) == 1


@pytest.mark.parametrize("total", [3, "3", 3.0, "3.0"])
async def test_a_list_with_fewer_rows_than_it_says_is_none(
    client: Client, world: World, total: Any
) -> None:
    body = {"success": True, "instances": [], "total_instances": total}
    world.faults.add("list", "status", times=None, status=200, body=body)
    assert (await call(client, "show_instances"))["error"]["code"] == "incomplete_list"


# ── offers ─────────────────────────────────────────────────────────────────────────────────────

OFFER_CELLS = [
    *("num_gpus", "gpu_ram", "reliability2", "direct_port_count", "duration", "cuda_max_good"),
    *("storage_cost", "disk_space", "machine_id"),
]


async def test_one_odd_cell_of_an_offer_is_one_unknown_and_said_once(
    client: Client, world: World
) -> None:
    offer = world.offer()["id"]
    rows = [(cell, odd) for cell in OFFER_CELLS for odd in ODD]
    for cell, value in sampled(rows, 17):
        world.odd.clear()
        world.odd.add("offer", cell, value, row=offer)
        found = await call(client, "search_offers")
        assert offer in [row["offer_id"] for row in found["offers"]], (cell, value)
        assert len(about(found, f"Offer {offer}", f"`{cell}`")) == 1, (cell, value)


@pytest.mark.parametrize("cells", [["ask_contract_id", "id"], ["dph_base", "dph_total"]])
async def test_offers_that_cannot_be_read_are_not_told_as_none(
    client: Client, world: World, cells: list[str]
) -> None:
    for cell in cells:
        world.odd.add("offer", cell, "x")
    found = await call(client, "search_offers")
    assert found["offers"] == []
    assert about(found, "could")
    assert not about(found, "lists nothing")


async def test_offers_that_are_no_list_are_no_empty_answer(client: Client, world: World) -> None:
    world.faults.add("search", "status", times=None, status=200, body={"offers": None})
    assert (await call(client, "search_offers"))["error"]["code"] == "incomplete_list"


async def test_an_offer_whose_price_cannot_be_read_is_rented_under_no_limit(
    world: World, settings: Settings
) -> None:
    offer = an_offer(world)["id"]
    world.odd.add("offer", "dph_base", "dear")
    world.odd.add("offer", "dph_total", "dear")
    async with allowing(world, settings, max_usd_per_hour=100) as client:
        error = (await call(client, "create_instance", offer_id=offer, disk=20))["error"]
    assert (error["code"], puts(world)) == ("price_unknown", 0)


# ── volumes, templates, keys, the account ──────────────────────────────────────────────────────


def a_volume(world: World) -> Any:
    room = next(room for room in world.volumes.rooms.values() if room["disk_space"] > 10)
    return world.volumes.rent(room["id"], 10, None, world.now)


VOLUME_CELLS = ["label", "machine_id", "disk_space", "storage_cost", "instances", "status"]


@pytest.mark.parametrize("cell", VOLUME_CELLS)
@pytest.mark.parametrize("value", [{"a": 1}, math.nan, True])
async def test_one_odd_cell_of_a_volume_is_one_unknown_and_said_once(
    client: Client, world: World, cell: str, value: Any
) -> None:
    made = a_volume(world)
    world.odd.add("volume", cell, value)
    shown = await call(client, "show_volumes")
    [row] = shown["volumes"]
    assert row["volume_id"] == made.id
    assert len(about(shown, f"Volume {made.id}", f"`{cell}`")) == 1
    if cell == "instances":
        assert "attached_to" not in row  # not known is not attached to nothing
        assert shown["next_steps"] == []


@pytest.mark.parametrize("value", NAMELESS[:4], ids=str)
async def test_a_volume_without_an_id_is_counted_and_bills_nobody_knows_how_much(
    world: World, settings: Settings, value: Any
) -> None:
    a_volume(world)
    world.odd.add("volume", None, value)
    async with allowing(world, settings, max_total_usd_per_hour=1e6) as client:
        shown = await call(client, "show_volumes")
        assert (shown["count"], shown["volumes"]) == (1, [])
        assert about(shown, "1 row", "no id")
        assert "total_usd_per_hour" not in await call(client, "show_account")
        error = (await call(client, "create_instance", offer_id=an_offer(world)["id"]))["error"]
    assert (error["code"], puts(world)) == ("price_unknown", 0)


@pytest.mark.parametrize("value", [None, "x", {}])
async def test_no_volume_is_gone_because_a_row_without_an_id_stands_in_its_place(
    client: Client, world: World, value: Any
) -> None:
    """It was seen before, bills on, and nothing says that it is gone."""
    made = a_volume(world)
    error = (await call(client, "destroy_volume", volume_id=made.id))["error"]
    assert error["code"] == "not_ours"
    world.odd.add("volume", "id", value)
    for volume in (made.id, made.id + 9):
        error = (await call(client, "destroy_volume", volume_id=volume, not_ours=True))["error"]
        assert error["code"] == "incomplete_list"
    world.odd.clear()
    gone = await call(client, "destroy_volume", volume_id=made.id, not_ours=True)
    assert gone["outcome"] == "destroyed"


async def test_a_template_with_an_odd_cell_is_found_and_one_without_a_hash_is_said(
    client: Client, world: World, settings: Settings
) -> None:
    found = await call(client, "search_templates")
    first = found["templates"][0]["template_hash_id"]
    [number] = [row["id"] for row in world.templates.values() if row["hash_id"] == first]
    for cell in ("name", "image", "recommended_disk_space", "count_created", "runtype"):
        world.odd.clear()
        world.odd.add("template", cell, {"a": 1}, row=number)
        async with served(world, settings) as other:  # this one remembers what it read
            again = await call(other, "search_templates", limit=20)
        assert first in [row["template_hash_id"] for row in again["templates"]], cell
        assert len(about(again, f"Template {first}", f"`{cell}`")) == 1
    world.odd.add("template", "hash_id", 7, row=number)
    async with served(world, settings) as other:
        again = await call(other, "search_templates")
    assert again["count"] == found["count"] - 1
    assert about(again, "Templates: 1 row")


@pytest.mark.parametrize("value", [None, {}, "none", 5])
async def test_templates_that_are_no_list_are_no_empty_answer(
    client: Client, world: World, value: Any
) -> None:
    body = {"success": True, "templates": value}
    world.faults.add("templates", "status", times=None, status=200, body=body)
    assert (await call(client, "search_templates"))["error"]["code"] == "incomplete_list"


@pytest.mark.parametrize("body", [{}, {"ssh_keys": None}, {"ssh_keys": {}}, "none", 5])
async def test_keys_that_are_no_list_are_not_told_as_none(
    client: Client, world: World, body: Any
) -> None:
    world.faults.add("keys", "status", times=None, status=200, body=body)
    assert (await call(client, "show_ssh_keys"))["error"]["code"] == "unexpected_reply"


async def test_no_key_and_an_empty_list_of_keys_is_none(client: Client, world: World) -> None:
    assert (await call(client, "show_ssh_keys"))["count"] == 0
    for body in ([], {"ssh_keys": []}):
        world.faults.add("keys", "status", status=200, body=body)
        assert (await call(client, "show_ssh_keys"))["count"] == 0


async def test_a_key_with_an_odd_cell_is_listed_and_one_without_an_id_is_counted(
    client: Client, world: World
) -> None:
    world.set_keys([KEY_LINE])
    [key] = world.keys.values()
    for value in (5, None, {}, math.nan):
        world.odd.clear()
        world.odd.add("key", "public_key", value)
        world.odd.add("key", "key", value)
        shown = await call(client, "show_ssh_keys")
        assert [row["key_id"] for row in shown["keys"]] == [key.id]
        assert not about(shown, "no key:")
    world.odd.clear()
    world.odd.add("key", "id", "x")
    shown = await call(client, "show_ssh_keys")
    assert (shown["count"], shown["keys"]) == (1, [])
    assert about(shown, "SSH keys: 1 row")


async def test_a_vm_is_not_refused_for_want_of_a_key_that_may_be_there(
    client: Client, world: World
) -> None:
    world.set_keys([KEY_LINE])
    world.odd.add("key", "id", "x")
    offer = an_offer(world, vm=True, ports=True)
    wish = {"offer_id": offer["id"], "disk": 20, "vm": True, "image": "docker.io/vastai/kvm:x"}
    assert "instance_id" in await call(client, "create_instance", **wish)


@pytest.mark.parametrize("value", [None, "much", {}, math.nan, True, ABSENT])
async def test_credit_that_cannot_be_read_is_unknown_and_said(
    world: World, settings: Settings, value: Any
) -> None:
    a_machine(world)
    world.odd.add("account", "credit", value)
    async with allowing(world, settings, min_credit_hours=0.001) as client:
        shown = await call(client, "show_account")
        assert {"credit_usd", "hours_left"}.isdisjoint(shown)
        assert len(about(shown, "Account", "`credit`")) == 1
        error = (await call(client, "create_instance", offer_id=an_offer(world)["id"]))["error"]
    assert (error["code"], puts(world)) == ("price_unknown", 0)


async def test_credit_as_text_is_credit(client: Client, world: World) -> None:
    world.odd.add("account", "credit", "12.5")
    assert (await call(client, "show_account"))["credit_usd"] == 12.5


# ── what is not known bills ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "status", ["frozen", "rebooting", "recycling", "unknown", "hibernating", 7, ABSENT]
)
async def test_a_frozen_machine_and_one_of_unknown_status_bill_in_full(
    world: World, settings: Settings, status: Any
) -> None:
    """A frozen one is charged for its GPU; of another word nobody knows (docs/vast-api.md C.4,
    C.8).
    """
    machine = world.instances[a_machine(world)]
    world.set_state(machine.id, "stopped")
    whole, disk = machine.dph_total, machine.dph_total - machine.price
    async with allowing(world, settings, max_total_usd_per_hour=whole) as client:
        before = await call(client, "show_account")
        assert before["total_usd_per_hour"] == pytest.approx(disk, abs=1e-4)
        world.odd.add("instance", "actual_status", status)
        listed = await call(client, "show_instances")
        assert listed["total_usd_per_hour"] == pytest.approx(whole, abs=1e-4)
        assert listed["of_which"]["stopped_disks"] == 0
        account = await call(client, "show_account")
        assert account["of_which"]["running"] == pytest.approx(whole, abs=1e-4)
        assert account["hours_left"] == pytest.approx(world.credit / whole, abs=0.1)
        error = (await call(client, "create_instance", offer_id=an_offer(world)["id"]))["error"]
    assert (error["code"], puts(world)) == ("over_limit", 0)


@pytest.mark.parametrize("status", ["exited", "stopped", "created", "loading", None])
async def test_a_stopped_machine_whose_container_is_down_bills_its_disk(
    client: Client, world: World, status: Any
) -> None:
    machine = world.instances[a_machine(world)]
    world.set_state(machine.id, "stopped")
    world.odd.add("instance", "actual_status", status)
    shown = await call(client, "show_account")
    disk = machine.dph_total - machine.price
    assert shown["total_usd_per_hour"] == pytest.approx(disk, abs=1e-4)


@pytest.mark.parametrize("cell", ["intended_status", "cur_state"])
async def test_what_a_machine_was_asked_for_counts_in_full_where_it_cannot_be_read(
    world: World, settings: Settings, cell: str
) -> None:
    """One that is down may have been asked to run."""
    machine = world.instances[a_machine(world)]
    world.stop(machine)
    machine.intended = "running" if cell == "cur_state" else "stopped"
    world.odd.add("instance", cell, 7)
    limit = {"max_total_usd_per_hour": machine.dph_total}
    async with allowing(world, settings, **limit) as client:
        error = (await call(client, "create_instance", offer_id=an_offer(world)["id"]))["error"]
        started = (await call(client, "show_account")).get("starting_usd_per_hour")
    assert (error["code"], puts(world)) == ("over_limit", 0)
    assert (started is not None) == (cell == "cur_state")


async def test_a_frozen_machine_of_the_sandbox_keeps_its_gpu(client: Client, world: World) -> None:
    """Its GPU is charged, which the ledger and the answers agree on (docs/vast-api.md C.4)."""
    offer = an_offer(world)["id"]
    world.set_fate(offer, (None, "frozen"))
    made = await call(client, "create_instance", offer_id=offer, disk=20)
    await call(client, "show_instances")
    [row] = (await call(client, "show_instances"))["instances"]
    assert (row["status"], row["state"]) == ("frozen", "running")
    account = await call(client, "show_account")
    machine = world.instances[made["instance_id"]]
    assert account["total_usd_per_hour"] == pytest.approx(machine.at_most, abs=1e-4)


# ── readings that are none ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("util", "temp", "shown"),
    [
        (0, 0, None),
        (0.0, None, None),
        ("0.0", "0", None),
        (0, ABSENT, None),
        (0.0, 42.0, 0.0),
        (66.99, 44.5, 66.99),
        (66.99, 0, 66.99),
        (None, 44.5, None),
    ],
)
async def test_a_gpu_without_a_temperature_is_not_told_as_idle(
    client: Client, world: World, util: Any, temp: Any, shown: float | None
) -> None:
    """A busy machine alternates with 0 and 0, which is no report (docs/vast-api.md C.3)."""
    machine = a_machine(world)
    world.odd.add("instance", "gpu_util", util)
    world.odd.add("instance", "gpu_temp", temp)
    answer = await call(client, "show_instance", instance_id=machine)
    assert answer.get("gpu_util_percent") == shown
    assert not about(answer, "could not be read")


async def test_how_busy_a_gpu_is_is_said_to_be_a_kept_figure(client: Client) -> None:
    """49 % was shown where the machine itself said 0 (docs/vast-api.md C.3)."""
    tools = (await client.list_tools()).tools
    [schema] = [tool.output_schema for tool in tools if tool.name == "show_instance"]
    assert schema is not None
    assert "ached by Vast" in schema["properties"]["gpu_util_percent"]["description"]
