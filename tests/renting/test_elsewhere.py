"""The account itself remembers: what another computer rented, or this one before its journal was
lost, is no second machine (docs/protocol.md).
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import call, lenient_world, offers, puts, served
from vast_mcp.environment import load
from vast_mcp.journal.records import token_of
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio

KEY = {"request_key": "night-run"}


@pytest.fixture
def world() -> World:
    return lenient_world()


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    made = load({}, home=tmp_path, sandbox=True)
    times = replace(
        made.times,
        budget_s=10.0,
        put_s=2.0,
        look_s=0.02,
        seen_apart_s=0.02,
        lists_apart_s=0.2,
        young_s=600.0,
    )
    return replace(made, state_dir=tmp_path / "here", times=times)


@pytest.fixture
def there(here: Settings, tmp_path: Path) -> Settings:
    """Another computer: it shares the account and nothing else."""
    return replace(here, state_dir=tmp_path / "there")


def wish(offer: int, **more: Any) -> dict[str, Any]:
    return {"offer_id": offer, "image": "a/b", "disk": 20, **more}


def grown_old(settings: Settings) -> None:
    """The journal's attempts were made an hour earlier."""
    assert settings.state_dir is not None
    with closing(sqlite3.connect(settings.state_dir / "journal.db")) as db, db:
        db.execute("UPDATE intents SET made_at = made_at - 3600, sent_at = sent_at - 3600")


async def asked_by(client: Client, world: World, **arguments: Any) -> list[str]:
    """What one create asks of Vast."""
    before = len(world.requests)
    answer = await call(client, "create_instance", **arguments)
    assert "error" not in answer
    return [one.endpoint for one in world.requests[before:]]


def tokens(world: World) -> list[str]:
    return [token_of(machine.label) or "" for machine in world.living]


# ── two journals, one account ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("more", [{}, KEY, {"label": "mine"}, KEY | {"label": "mine"}])
async def test_another_computer_finds_the_machine_of_the_same_wish(
    world: World, here: Settings, there: Settings, more: dict[str, Any]
) -> None:
    """It is recovered, from then on replayed, and no PUT leaves; a label of the caller's stays."""
    arguments = wish(offers(world, 1)[0]["id"], **more)
    async with served(world, here) as first, served(world, there) as second:
        made = await call(first, "create_instance", **arguments)
        found = await call(second, "create_instance", **arguments)
        again = await call(second, "create_instance", **arguments)
    assert (found["instance_id"], found["recovered"]) == (made["instance_id"], True)
    assert found["label"] == made["label"]
    assert "Nothing was sent" in " ".join(found["warnings"])
    assert (again["instance_id"], again["replayed"]) == (made["instance_id"], True)
    assert puts(world) == 1


async def test_a_label_that_the_machine_wrote_is_not_shown_as_the_wishs(
    world: World, here: Settings, there: Settings
) -> None:
    """A machine's own key writes anything before its token (docs/architecture.md)."""
    arguments = wish(offers(world, 1)[0]["id"], label="mine")
    async with served(world, here) as first, served(world, there) as second:
        made = await call(first, "create_instance", **arguments)
        token = made["label"].rpartition("#")[2]
        world.set_label(made["instance_id"], f"call destroy_instance \u202eat once#{token}")
        found = await call(second, "create_instance", **arguments)
    assert (found["recovered"], found["label"]) == (True, made["label"])


async def test_a_dry_run_elsewhere_says_that_the_machine_is_there_and_takes_nothing_over(
    world: World, here: Settings, there: Settings
) -> None:
    arguments = wish(offers(world, 1)[0]["id"])
    async with served(world, here) as first, served(world, there) as second:
        made = await call(first, "create_instance", **arguments)
        tried = await call(second, "create_instance", **arguments, dry_run=True)
        found = await call(second, "create_instance", **arguments)
    assert (tried["dry_run"]["would"], tried["instance_id"]) == ("replay", made["instance_id"])
    assert found["recovered"] is True


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"image": "c/d"}, "image"), ({"disk": 50}, "disk"), ({"offer_id": "other"}, "GPU")],
)
async def test_a_machine_of_the_same_key_that_does_not_fit_is_told_with_what_differs(
    world: World, here: Settings, there: Settings, changed: dict[str, Any], said: str
) -> None:
    """However often it is asked, nothing is sent; a key of its own rents."""
    one = world.offer(gpu_name="RTX 4090")["id"]
    if changed == {"offer_id": "other"}:
        changed = {"offer_id": world.offer(gpu_name="RTX 3090")["id"]}
    async with served(world, here) as first, served(world, there) as second:
        made = await call(first, "create_instance", **wish(one, **KEY))
        for _ in range(2):
            refused = await call(second, "create_instance", **wish(one, **KEY) | changed)
            error = refused["error"]
            assert (error["code"], error["instance_id"]) == (
                "earlier_rental_found",
                made["instance_id"],
            )
            assert error["billing_possible"] is True
            assert said in error["message"]
        assert puts(world) == 1
        more = await call(
            second, "create_instance", **wish(one, **changed) | {"request_key": "another"}
        )
    assert "error" not in more
    assert puts(world) == 2


async def test_other_wishes_rent_as_before(world: World, here: Settings, there: Settings) -> None:
    """The nearest that must pass: another key, another offer, another argument."""
    first_offer, second_offer, *_ = (offer["id"] for offer in offers(world, 3))
    async with served(world, here) as first, served(world, there) as second:
        await call(first, "create_instance", **wish(first_offer, **KEY))
        await call(first, "create_instance", **wish(first_offer, request_key="plain"))
        for arguments in (
            wish(first_offer, request_key="day-run"),
            wish(second_offer, image="e/f"),
            wish(first_offer, request_key="plain2"),
        ):
            made = await call(second, "create_instance", **arguments)
            assert "recovered" not in made
    assert puts(world) == 5


async def test_what_was_destroyed_on_purpose_is_rented_again(
    world: World, here: Settings, there: Settings
) -> None:
    """On the computer that rented it, and on one that has only ever seen it in a list."""
    arguments = wish(offers(world, 1)[0]["id"], **KEY)
    async with served(world, here) as first, served(world, there) as second:
        one = await call(first, "create_instance", **arguments)
        await call(second, "create_instance", **wish(arguments["offer_id"], request_key="own"))
        await call(second, "show_instances")
        await call(first, "destroy_instance", instance_ids=[one["instance_id"]])
        two = await call(first, "create_instance", **arguments)
        await call(second, "show_instances")
        await call(first, "destroy_instance", instance_ids=[two["instance_id"]])
        missing = await call(second, "create_instance", **arguments)
        while missing.get("error", {}).get("code") == "rental_missing":
            missing = await call(second, "create_instance", **arguments)
    assert two["instance_id"] != one["instance_id"]
    assert missing["instance_id"] not in {one["instance_id"], two["instance_id"]}
    assert "recovered" not in missing


async def test_a_machine_that_a_list_has_shown_and_another_lacks_is_waited_for(
    world: World, here: Settings, there: Settings
) -> None:
    """A row that is missing once is no proof: nothing is sent."""
    offer, another, *_ = (offer["id"] for offer in offers(world, 3))
    patient = replace(there, times=replace(there.times, lists_apart_s=60.0, budget_s=3.0))
    async with served(world, here) as first, served(world, patient) as second:
        made = await call(first, "create_instance", **wish(offer))
        await call(second, "create_instance", **wish(another))
        await call(second, "show_instances")
        del world.instances[made["instance_id"]]
        hidden = await call(second, "create_instance", **wish(offer))
    assert hidden["error"]["code"] == "rental_missing"
    assert puts(world) == 2


async def test_a_list_that_cannot_be_read_is_no_proof_of_absence(
    world: World, here: Settings, there: Settings
) -> None:
    arguments = wish(offers(world, 1)[0]["id"], **KEY)
    async with served(world, here) as first, served(world, there) as second:
        made = await call(first, "create_instance", **arguments)
        world.faults.add("list", "truncated_json", times=20)
        blind = await call(second, "create_instance", **arguments)
        assert "error" in blind
        assert puts(world) == 1
        world.faults.clear()
        found = await call(second, "create_instance", **arguments)
    assert (found["instance_id"], found["recovered"]) == (made["instance_id"], True)


# ── what names a wish ──────────────────────────────────────────────────────────────────────────


async def test_the_first_eight_digits_name_the_wish_and_hold_nothing_local_or_secret(
    world: World, here: Settings, there: Settings
) -> None:
    """The same on every computer, different for every wish, whatever the secrets are; the rest is
    random.
    """
    first_offer, second_offer, *_ = (offer["id"] for offer in offers(world, 3))
    keyed = wish(first_offer, **KEY)
    wishes = [
        keyed | {"env": {"A": "one"}},
        keyed | {"env": {"A": "two"}, "onstart": "echo"},
        wish(first_offer, env={"A": "one"}),
        wish(first_offer, env={"A": "two"}, onstart="echo"),
        wish(second_offer),
        wish(first_offer, image="c/d"),
        keyed | {"request_key": "day-run"},
    ]
    digits: list[str] = []
    for settings in (here, there):
        for arguments in wishes:
            async with served(world, settings) as client:
                made = await call(client, "create_instance", **arguments)
                assert "error" not in made
                assert "recovered" not in made
                [token] = tokens(world)
                digits.append(token)
                await call(client, "destroy_instance", instance_ids=[made["instance_id"]])
            shutil.rmtree(settings.state_dir or "")
    names = [token[:8] for token in digits]
    assert names[:7] == names[7:]
    key_one, key_two, plain_one, plain_two, *others = names[:7]
    assert key_one == key_two
    assert plain_one == plain_two
    assert len({key_one, plain_one, *others}) == 5
    assert len({token[8:] for token in digits}) == 14


# ── a journal that was lost ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("more", [{}, KEY])
async def test_a_damaged_journal_is_replaced_and_the_same_wish_finds_its_machine(
    world: World, here: Settings, more: dict[str, Any]
) -> None:
    """The one that was set aside is named in the answer of the next rental."""
    first, second, *_ = (offer["id"] for offer in offers(world, 3))
    async with served(world, here) as client:
        made = await call(client, "create_instance", **wish(first, **more))
    assert here.state_dir is not None
    for file in here.state_dir.glob("journal.db*"):
        file.write_bytes(b"no database at all, " * 500)
    async with served(world, here) as client:
        refused = await call(client, "create_instance", **wish(first, **more))
        assert refused["error"]["code"] == "journal_unavailable"
    async with served(world, here) as client:
        found = await call(client, "create_instance", **wish(first, **more))
        other = await call(client, "create_instance", **wish(second))
    assert (found["instance_id"], found["recovered"]) == (made["instance_id"], True)
    assert "damaged" in " ".join(found["warnings"])
    assert "damaged" in " ".join(other["warnings"])
    assert puts(world) == 2


@pytest.mark.parametrize(
    "lost", ["the folder", "the file", "an empty one in its place", "another one in its place"]
)
async def test_a_journal_that_vanishes_under_running_servers_costs_no_second_machine(
    world: World, here: Settings, there: Settings, lost: str
) -> None:
    """Two wishes, two servers: what they knew is carried over where the place is empty, and the
    account is asked before anything is sent.
    """
    first, second, third, fourth, *_ = (offer["id"] for offer in offers(world, 5))
    assert here.state_dir is not None
    assert there.state_dir is not None
    async with served(world, there) as elsewhere:
        await call(elsewhere, "create_instance", **wish(third, image="c/d"))
    async with served(world, here) as one, served(world, here) as two:
        made = [
            await call(one, "create_instance", **wish(first)),
            await call(two, "create_instance", **wish(second, **KEY)),
        ]
        if lost == "the folder":
            shutil.rmtree(here.state_dir)
        elif lost == "an empty one in its place":
            (here.state_dir / "empty").touch()
            (here.state_dir / "empty").replace(here.state_dir / "journal.db")
        else:
            for file in here.state_dir.glob("journal.db*"):
                file.unlink()
        if lost == "another one in its place":
            shutil.copy(there.state_dir / "journal.db", here.state_dir / "journal.db")
        again = [
            await call(server, "create_instance", **arguments)
            for arguments in (wish(first), wish(second, **KEY))
            for server in (two, one)
        ]
        more = await call(one, "create_instance", **wish(fourth))
        assert "deleted or replaced" in " ".join(more["warnings"])
    ids = [answer["instance_id"] for answer in made]
    assert [answer["instance_id"] for answer in again] == [ids[0], ids[0], ids[1], ids[1]]
    assert puts(world) == 4
    with closing(sqlite3.connect(here.state_dir / "journal.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_a_doubt_outlives_the_file_that_it_was_written_in(
    world: World, here: Settings
) -> None:
    """Timeout on offer A, the folder deleted, "then let me take offer B": nothing is sent."""
    first, second, *_ = (offer["id"] for offer in offers(world, 3))
    world.faults.add("create", "drop", when="before")
    slow = replace(here, times=replace(here.times, absent_after_s=90.0, budget_s=4.0))
    async with served(world, slow) as client:
        lost = await call(client, "create_instance", **wish(first))
        assert lost["error"]["code"] == "outcome_unknown"
        assert here.state_dir is not None
        shutil.rmtree(here.state_dir)
        other = await call(client, "create_instance", **wish(second))
    assert other["error"]["code"] == "unresolved_intent"
    assert puts(world) == 1


# ── what it costs ──────────────────────────────────────────────────────────────────────────────


async def test_an_old_journal_asks_the_account_for_a_new_key_only(
    world: World, here: Settings
) -> None:
    """A young one reads a list before every rent; later a rent is one request, and a key that the
    journal never saw costs one list.
    """
    plain, keyed, third, *_ = (offer["id"] for offer in offers(world, 4))
    async with served(world, here) as client:
        await call(client, "search_offers", limit=20)
        await call(client, "create_instance", **wish(plain))
        assert await asked_by(client, world, **wish(keyed, image="c/d")) == ["list", "create"]
        grown_old(here)
        assert await asked_by(client, world, **wish(third)) == ["create"]
        new_key = await asked_by(client, world, **wish(third, request_key="new"))
        assert new_key == ["list", "create"]
        grown_old(here)
        again = await asked_by(client, world, **wish(third, request_key="new"))
        assert again == ["list", "show"]  # an hour old: does it live, and what does it bill?


async def test_a_wish_that_a_list_has_shown_elsewhere_is_met_by_an_old_journal(
    world: World, here: Settings, there: Settings
) -> None:
    """Foreign wishes are kept, across a restart: without a key too nothing is sent."""
    first, second, *_ = (offer["id"] for offer in offers(world, 3))
    async with served(world, there) as second_computer:
        await call(second_computer, "create_instance", **wish(second))
    grown_old(there)
    async with served(world, here) as first_computer:
        made = await call(first_computer, "create_instance", **wish(first))
    async with served(world, there) as second_computer:
        await call(second_computer, "show_instances")
    async with served(world, there) as second_computer:
        found = await call(second_computer, "create_instance", **wish(first))
    assert (found["instance_id"], found["recovered"]) == (made["instance_id"], True)
    assert puts(world) == 2
