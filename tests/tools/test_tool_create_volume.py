"""create_volume: one wish is one volume, whatever becomes of the reply (docs/protocol.md)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from house import allowing, call, served
from people import ERAS, Mode, Person, confirming
from served_sandbox import control, served_sandbox
from vast_mcp.commands.cli import run
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

LOST = [("drop", "after"), ("html502", "after"), ("drop", "before"), ("html502", "before")]


def a_room(world: World) -> int:
    return next(one["id"] for one in world.volumes.rooms.values() if one["disk_space"] > 60)


def price(world: World, room: int, gb: int) -> float:
    return world.volumes.rooms[room]["storage_cost"] * gb / 720


def sent(world: World) -> int:
    return len(world.asked("rent_volume")) + len(world.asked("clone_volume"))


@pytest.fixture
def soon(settings: Settings) -> Settings:
    """Within a call there is time for everything that a verdict takes."""
    times = replace(
        settings.times,
        budget_s=20.0,
        look_s=0.02,
        seen_apart_s=0.02,
        lists_apart_s=0.1,
        absent_after_s=0.1,
        taken_after_s=0.2,
    )
    return replace(settings, times=times)


def hasty(settings: Settings) -> Settings:
    """A doubt outlasts the call, and the call is short."""
    return replace(settings, times=replace(settings.times, budget_s=0.9))


# ── one wish, one volume ───────────────────────────────────────────────────────────────────────


async def test_a_volume_is_made_by_itself_and_bills(client: Client, world: World) -> None:
    """PUT /volumes/ with a name that ends in the token (docs/vast-api.md F)."""
    room = a_room(world)
    made = await call(client, "create_volume", volume_offer_id=room, size_gb=20, name="data")
    [volume] = world.volumes.living
    assert (made["volume_id"], made["size_gb"]) == (volume.id, 20)
    assert made["usd_per_hour"] == pytest.approx(price(world, room, 20), abs=1e-5)
    assert volume.label.startswith("data_vast_mcp_")
    assert made["lease"].startswith("No end is set")
    shown = await call(client, "show_account")
    assert shown["of_which"]["volumes"] == pytest.approx(volume.usd_per_hour, abs=1e-4)
    await call(client, "destroy_volume", volume_id=volume.id)
    assert world.volumes.living == []


async def test_the_same_call_makes_no_second_and_another_key_does(
    client: Client, world: World
) -> None:
    wish: dict[str, Any] = {"volume_offer_id": a_room(world), "size_gb": 5}
    first = await call(client, "create_volume", **wish)
    again = await call(client, "create_volume", **wish)
    assert (again["volume_id"], again["replayed"]) == (first["volume_id"], True)
    other = await call(client, "create_volume", **wish, request_key="b")
    assert other["volume_id"] != first["volume_id"]
    error = (await call(client, "create_volume", **{**wish, "size_gb": 6}, request_key="b"))[
        "error"
    ]
    assert (error["code"], sent(world)) == ("key_reused", 2)
    await call(client, "destroy_volume", volume_id=first["volume_id"])
    anew = await call(client, "create_volume", **wish)
    assert anew["volume_id"] not in {first["volume_id"], other["volume_id"]}


async def test_a_dry_run_prices_it_and_sends_nothing(client: Client, world: World) -> None:
    room = a_room(world)
    seen = await call(client, "create_volume", volume_offer_id=room, size_gb=7, dry_run=True)
    assert (seen["would"], sent(world)) == ("make", 0)
    assert seen["usd_per_hour"] == pytest.approx(price(world, room, 7), abs=1e-5)
    [step] = seen["next_steps"]
    await call(client, step["tool"], **step["arguments"])
    again = await call(client, "create_volume", volume_offer_id=room, size_gb=7, dry_run=True)
    assert (again["would"], sent(world)) == ("replay", 1)


async def test_a_volume_offer_that_nobody_lists_makes_nothing(client: Client, world: World) -> None:
    error = (await call(client, "create_volume", volume_offer_id=4711))["error"]
    assert (error["code"], sent(world)) == ("not_found", 0)


# ── a lost reply ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("kind", "when"), LOST)
async def test_a_lost_reply_is_settled_by_lists_and_is_one_volume(
    world: World, soon: Settings, kind: str, when: str
) -> None:
    """Found by its name, or proven absent and sent once more, in the same call."""
    world.faults.add("rent_volume", kind, when=when)
    async with served(world, soon) as client:
        made = await call(client, "create_volume", volume_offer_id=a_room(world))
    [volume] = world.volumes.living
    assert made["volume_id"] == volume.id
    assert sent(world) == (1 if when == "after" else 2)
    assert made.get("recovered", False) == (when == "after")


async def test_while_a_volume_is_in_doubt_no_other_is_made(
    world: World, settings: Settings
) -> None:
    """Another one now may pay twice; it is counted and told meanwhile."""
    world.faults.add("rent_volume", "drop", when="before")
    wish = {"volume_offer_id": a_room(world), "size_gb": 5}
    async with served(world, hasty(settings)) as client:
        await _in_doubt(client, world, wish)


async def _in_doubt(client: Client, world: World, wish: dict[str, Any]) -> None:
    error = (await call(client, "create_volume", **wish))["error"]
    assert (error["code"], error["billing_possible"]) == ("outcome_unknown", True)
    again = (await call(client, "create_volume", **wish))["error"]
    assert (again["code"], again["token"]) == ("outcome_unknown", error["token"])
    other = (await call(client, "create_volume", **{**wish, "size_gb": 6}))["error"]
    assert (other["code"], sent(world)) == ("unresolved_intent", 1)
    shown = await call(client, "show_account")
    assert shown["open_intents"] == 1
    assert error["token"] in shown["warnings"][0]


async def test_a_volume_without_our_name_stays_unknown(world: World, soon: Settings) -> None:
    """The list shows no name: a new volume of that size may be it (docs/vast-api.md F: `name` is
    the official client's only).
    """
    world.faults.add("rent_volume", "drop", when="after")
    world.volumes.named = False
    short = replace(soon, times=replace(soon.times, budget_s=0.9))
    async with served(world, short) as client:
        for _ in range(2):
            error = (await call(client, "create_volume", volume_offer_id=a_room(world)))["error"]
    [volume] = world.volumes.living
    assert (error["code"], sent(world)) == ("outcome_unknown", 1)
    assert error["results"] == [{"volume_id": volume.id, "outcome": "may_be_it"}]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_copy_whose_reply_is_lost_stays_unknown_until_a_person_decides(
    world: World, soon: Settings, when: str
) -> None:
    """A copy has no name of ours: nothing but its time and size tells it (docs/vast-api.md F)."""
    short = replace(soon, times=replace(soon.times, budget_s=0.9))
    async with served(world, short) as client:
        first = await call(client, "create_volume", volume_offer_id=a_room(world), size_gb=5)
        world.faults.add("clone_volume", "drop", when=when)
        copy = {"volume_offer_id": a_room(world), "clone_of": first["volume_id"]}
        for _ in range(2):
            error = (await call(client, "create_volume", **copy))["error"]
            assert error["code"] == "outcome_unknown"
        assert "a person decides" in error["message"]
    assert sent(world) == 2
    made = [one.id for one in world.volumes.living if one.id != first["volume_id"]]
    assert [one["volume_id"] for one in error.get("results", [])] == made


async def test_a_copy_is_as_large_as_its_source_and_is_ours(client: Client, world: World) -> None:
    first = await call(client, "create_volume", volume_offer_id=a_room(world), size_gb=5)
    room = a_room(world)
    copy = {"volume_offer_id": room, "clone_of": first["volume_id"]}
    small = (await call(client, "create_volume", **copy, size_gb=4))["error"]
    assert small["code"] == "bad_arguments"
    made = await call(client, "create_volume", **copy)
    assert made["size_gb"] == 5
    assert world.asked("clone_volume")[0].body == {
        "src_id": first["volume_id"],
        "dst_id": room,
        "size": 5,
    }
    gone = await call(client, "destroy_volume", volume_id=made["volume_id"])
    assert gone["outcome"] == "destroyed"
    missing = (await call(client, "create_volume", **{**copy, "clone_of": 4711}))["error"]
    assert missing["code"] == "not_found"


def test_a_person_decides_in_a_shell(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """`vast-mcp reconcile --volume TOKEN=none`: then the same call makes it."""
    with served_sandbox(tmp_path) as url:
        for name, value in {
            "VAST_URL": url,
            "VAST_API_KEY": "any-key",
            "VAST_MCP_TIME_SCALE": "0.05",
        }.items():
            monkeypatch.setenv(name, value)

        def called(tool: str, **arguments: Any) -> dict[str, Any]:
            run(["call", tool, json.dumps(arguments)])
            return json.loads(capsys.readouterr().out)

        room = called("search_volumes", machine_id=10000)["volume_offers"][0]["volume_offer_id"]
        first = called("create_volume", volume_offer_id=room, size_gb=5)["volume_id"]
        control(url, "faults", {"endpoint": "clone_volume", "kind": "drop", "when": "before"})
        copy = {"volume_offer_id": room, "clone_of": first}
        token = called("create_volume", **copy)["error"]["token"]
        assert run(["reconcile", "--json", "--wait", "0"]) == 3  # it may exist, and bills then
        [open_one] = json.loads(capsys.readouterr().out)["open"]
        assert (open_one["token"], open_one["state"]) == (token, "unknown")
        assert run(["reconcile", "--volume", f"{token}=4711"]) != 0
        assert run(["reconcile", "--volume", f"{token}=none"]) == 0
        capsys.readouterr()
        assert called("create_volume", **copy)["volume_id"] not in {None, first}


# ── what a person allows ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("limit", ["max_total_usd_per_hour", "max_usd_per_hour", "mine"])
async def test_a_volume_over_a_limit_is_not_made(
    world: World, settings: Settings, limit: str
) -> None:
    """Volumes count as machines do; the call's own guard too."""
    room = a_room(world)
    exact = price(world, room, 20)
    for most, refused in ((exact * 0.99, True), (exact * 1.01, False)):
        guard = {"max_usd_per_hour": most} if limit == "mine" else {}
        limits = {} if limit == "mine" else {limit: most}
        async with allowing(world, settings, **limits) as client:
            wish = {"volume_offer_id": room, "size_gb": 20, **guard}
            answer = await call(client, "create_volume", **wish)
        assert (answer.get("error", {}).get("code") == "over_limit") == refused, answer
    assert len(world.volumes.living) == 1


async def test_a_volume_is_no_machine_and_its_doubt_counts(
    world: World, settings: Settings
) -> None:
    """A limit on machines does not count it; a limit on money counts one that may exist."""
    room = a_room(world)
    most = price(world, room, 20) * 1.5
    async with allowing(
        world, hasty(settings), max_instances=1, max_total_usd_per_hour=most
    ) as client:
        world.faults.add("rent_volume", "drop", when="before")
        await call(client, "create_volume", volume_offer_id=room, size_gb=20)
        offer = min(world.priced_offers(8, bid=False), key=lambda one: one["dph_total"])
        error = (await call(client, "create_instance", offer_id=offer["id"]))["error"]
    assert error["code"] == "over_limit"


@ERAS
async def test_a_person_is_asked_and_reads_until_when_it_bills(
    world: World, settings: Settings, era: Mode
) -> None:
    person = Person()
    async with confirming(world, settings, person, era=era) as client:
        made = await call(client, "create_volume", volume_offer_id=a_room(world), lease_hours=2)
    [question] = person.questions
    assert "Make a volume of 15 GB" in question
    assert "when it is deleted with all that is on it" in question
    assert made["lease_left_hours"] == pytest.approx(2, abs=0.02)


# ── several processes ──────────────────────────────────────────────────────────────────────────


async def test_two_servers_with_one_wish_make_one_volume(
    world: World, soon: Settings, state: Path
) -> None:
    both = replace(soon, state_dir=state)
    answers: list[dict[str, Any]] = []

    async def ask(client: Client) -> None:
        answers.append(await call(client, "create_volume", volume_offer_id=room))

    room = a_room(world)
    async with (
        served(world, both) as one,
        served(world, both) as two,
        anyio.create_task_group() as tasks,
    ):
        for client in (one, two, one, two):
            tasks.start_soon(ask, client)
    [volume] = world.volumes.living
    assert {answer["volume_id"] for answer in answers} == {volume.id}


@pytest.mark.parametrize("other", ["a copy", "another machine", "another size"])
async def test_another_computers_volume_of_this_key_is_no_other_wishs(
    world: World, settings: Settings, tmp_path: Path, other: str
) -> None:
    """A key that names something else elsewhere is told, and nothing is made or taken for it."""
    room, far = (one["id"] for one in list(world.volumes.rooms.values())[:2])
    async with served(world, replace(settings, state_dir=tmp_path / "a")) as client:
        first = await call(client, "create_volume", volume_offer_id=room, request_key="data")
        source = await call(client, "create_volume", volume_offer_id=room, request_key="source")
    wish: dict[str, Any] = {
        "a copy": {"volume_offer_id": room, "clone_of": source["volume_id"]},
        "another machine": {"volume_offer_id": far},
        "another size": {"volume_offer_id": room, "size_gb": 16},
    }[other]
    async with served(world, replace(settings, state_dir=tmp_path / "b")) as client:
        error = (await call(client, "create_volume", **wish, request_key="data"))["error"]
    assert (error["code"], sent(world)) == ("earlier_rental_found", 2)
    assert error["results"] == [{"volume_id": first["volume_id"]}]


async def test_a_journal_that_was_replaced_meanwhile_sends_nothing(
    world: World, settings: Settings, state: Path
) -> None:
    """An attempt that stood in it may be in doubt, and nobody would know."""
    answers: list[dict[str, Any]] = []
    async with (
        served(world, replace(settings, state_dir=state)) as client,
        anyio.create_task_group() as tasks,
    ):
        await call(client, "create_volume", volume_offer_id=a_room(world), request_key="before")

        async def asks() -> None:
            answers.append(await call(client, "create_volume", volume_offer_id=a_room(world)))

        world.faults.add("search_volumes", "hang")
        tasks.start_soon(asks)
        await world.faults.until_hanging()
        for path in state.glob("journal.db*"):
            path.unlink()
        world.faults.release()
    assert answers[0]["error"]["code"] == "journal_unavailable"
    assert sent(world) == 1


async def test_another_computer_finds_the_volume_of_its_wish(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """The first digits of the token name the wish, on every computer (docs/protocol.md)."""
    wish = {"volume_offer_id": a_room(world), "request_key": "data"}
    for computer in ("a", "b"):
        async with served(world, replace(settings, state_dir=tmp_path / computer)) as client:
            made = await call(client, "create_volume", **wish)
    [volume] = world.volumes.living
    assert (made["volume_id"], made["recovered"]) == (volume.id, True)
