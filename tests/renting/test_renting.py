"""One wish, one machine: docs/protocol.md's rules, each through a client, on a world that rents an
offer twice if asked.
"""

from __future__ import annotations

import sqlite3
import stat
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from house import call, lenient_world, puts, served
from vast_mcp.environment import load
from vast_mcp.journal import Journal
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio

IN_DOUBT = ("outcome_unknown", True)


@pytest.fixture
def world() -> World:
    return lenient_world()


@pytest.fixture
def short(tmp_path: Path, state: Path) -> Settings:
    """A call ends while a lost request is still in doubt, and the doubt can be proven absent
    within seconds.
    """
    made = load({}, home=tmp_path, sandbox=True)
    times = replace(
        made.times, budget_s=1.2, put_s=0.2, look_s=0.02, seen_apart_s=0.02, lists_apart_s=1.0
    )
    return replace(
        made,
        state_dir=state,
        times=replace(times, absent_after_s=1.4, taken_after_s=4.0, young_s=600.0),
    )


def wish(world: World, **more: Any) -> dict[str, Any]:
    """The same wish every time, although renting it takes its offer out of the window."""
    chosen: int = vars(world).setdefault("chosen_by_test", world.offer(gpu_name="RTX 4090")["id"])
    return {"offer_id": chosen, "image": "a/b", "disk": 20, **more}


async def until_settled(
    client: Client, arguments: dict[str, Any], tries: int = 12
) -> dict[str, Any]:
    """What an agent does: the same call, as long as it is told that this settles it."""
    for _ in range(tries):
        answer = await call(client, "create_instance", **arguments)
        if "error" not in answer or not answer["error"]["retryable"]:
            return answer
    raise AssertionError(f"never settled: {answer}")


async def test_the_same_call_again_is_the_same_machine(world: World, short: Settings) -> None:
    """Replay (docs/protocol.md): the key's rental lives, and is looked at, for what it bills."""
    async with served(world, short) as client:
        first = await call(client, "create_instance", **wish(world))
        asked = len(world.requests)
        again = await call(client, "create_instance", **wish(world))
    assert "replayed" not in first
    assert again["replayed"] is True
    assert again["instance_id"] == first["instance_id"]
    assert len(world.requests) == asked + len(world.asked("show"))
    same = ("asked", "made", "lease", "stopped_usd_per_hour", "disk_gb")
    assert {name: again[name] for name in same} == {name: first[name] for name in same}
    # It may run by now, and then bills what it was said to.
    runs_at = again.get("running_usd_per_hour", again["usd_per_hour"])
    assert runs_at == pytest.approx(first["running_usd_per_hour"], abs=1e-4)


async def test_another_server_and_a_restart_know_the_same_machine(
    world: World, short: Settings
) -> None:
    """The journal is durable and shared."""
    async with served(world, short) as one, served(world, short) as two:
        first = await call(one, "create_instance", **wish(world, request_key="night"))
        second = await call(two, "create_instance", **wish(world, request_key="night"))
    async with served(world, short) as third:
        later = await call(third, "create_instance", **wish(world, request_key="night"))
    assert first["instance_id"] == second["instance_id"] == later["instance_id"]
    assert puts(world) == 1


@pytest.mark.parametrize(
    "kind", ["drop", "html504", "no_id", "success_false", "truncated_json", "hang"]
)
async def test_a_reply_lost_after_the_rent_is_recovered_in_the_same_call(
    world: World, short: Settings, kind: str
) -> None:
    """Reconcile: one match by token, seen twice, is the machine."""
    world.faults.add("create", kind, when="after")
    async with served(world, short) as client:
        answer = await call(client, "create_instance", **wish(world))
    assert answer["recovered"] is True
    assert [machine.id for machine in world.living] == [answer["instance_id"]]
    assert puts(world) == 1


async def test_a_request_that_never_arrived_is_sent_again_only_when_its_absence_is_proven(
    world: World, short: Settings
) -> None:
    """Absent: two whole lists, apart, some time after sending, and the offer still free."""
    world.faults.add("create", "drop", when="before")
    async with served(world, short) as client:
        first = await call(client, "create_instance", **wish(world))
        assert (first["error"]["code"], first["error"]["billing_possible"]) == IN_DOUBT
        assert puts(world) == 1
        answer = await until_settled(client, wish(world))
    assert [machine.id for machine in world.living] == [answer["instance_id"]]
    assert puts(world) == 2


async def test_nothing_else_is_rented_while_a_rental_is_in_doubt(
    world: World, short: Settings
) -> None:
    """The duplicate people really pay for: a timeout on offer A, then "let me take offer B"."""
    other = wish(world) | {"offer_id": world.offer(gpu_name="RTX 3090")["id"]}
    world.faults.add("create", "drop", when="before")
    doubtful = replace(short, times=replace(short.times, absent_after_s=60.0))
    async with served(world, doubtful) as client:
        lost = await call(client, "create_instance", **wish(world))
        refused = await call(client, "create_instance", **other)
        assert refused["error"]["code"] == "unresolved_intent"
        assert refused["error"]["token"] == lost["error"]["token"]
        assert puts(world) == 1
        keyed = other | {"request_key": "other", "allow_unresolved": True}
        assert "instance_id" in await call(client, "create_instance", **keyed)


async def test_another_offer_is_not_rented_beside_a_machine_that_nobody_was_told_of(
    world: World, short: Settings
) -> None:
    """The same duplicate, a moment later: settling the doubt finds the machine, and the agent
    hears of it first.
    """
    other = wish(world) | {"offer_id": world.offer(gpu_name="RTX 3090")["id"]}
    world.visible_after_looks = 10_000
    world.faults.add("create", "drop", when="after")
    async with served(world, short) as client:
        await call(client, "create_instance", **wish(world))
        (machine,) = world.living
        machine.hidden_looks = 0
        world.visible_after_looks = 0
        told = await call(client, "create_instance", **other)
        assert told["error"]["code"] == "earlier_rental_found"
        assert (told["error"]["instance_id"], told["error"]["billing_possible"]) == (
            machine.id,
            True,
        )
        assert puts(world) == 1
        meant = await call(client, "create_instance", **other)
    assert {machine.id for machine in world.living} == {machine.id, meant["instance_id"]}


async def test_a_call_whose_time_ends_while_another_is_in_doubt_says_so(
    world: World, short: Settings
) -> None:
    """Found by the storm: it said that what was in doubt is settled, while the request before it
    had just been lost.
    """
    other = wish(world) | {"offer_id": world.offer(gpu_name="RTX 3090")["id"]}
    slow = replace(short, times=replace(short.times, put_s=0.8, absent_after_s=60.0))
    world.faults.add("create", "hang", when="before", seconds=5)
    answers: dict[str, dict[str, Any]] = {}

    async def ask(name: str, client: Client, arguments: dict[str, Any]) -> None:
        answers[name] = await call(client, "create_instance", **arguments)

    async with served(world, slow) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(ask, "first", client, wish(world))
        await world.faults.until_hanging()
        tasks.start_soon(ask, "second", client, other)
    assert answers["first"]["error"]["code"] == "outcome_unknown"
    second = answers["second"]["error"]
    assert (second["code"], second["billing_possible"]) == ("unresolved_intent", True)
    assert puts(world) == 1


async def test_a_machine_whose_call_was_cut_short_is_told_of_before_another_is_rented(
    world: World, short: Settings
) -> None:
    """Esc during the PUT: it goes on, its answer reaches nobody, and the next create says so."""
    other = wish(world) | {"offer_id": world.offer(gpu_name="RTX 3090")["id"]}
    world.faults.add("create", "hang", when="after", seconds=0.15)
    async with served(world, short) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "create_instance", wish(world))
            await world.faults.until_hanging()
            tasks.cancel_scope.cancel()
        told = await call(client, "create_instance", **other)
    assert told["error"]["code"] == "earlier_rental_found"
    assert [machine.id for machine in world.living] == [told["error"]["instance_id"]]


async def test_a_late_machine_is_told_by_the_next_call_of_any_tool(
    world: World, short: Settings
) -> None:
    """Absent tokens stay watched: a late match becomes confirmed and is reported."""
    world.faults.add("create", "drop", when="before")
    async with served(world, short) as client:
        lost = await call(client, "create_instance", **wish(world))
        token = lost["error"]["token"]
        await until_settled(client, wish(world))
        body = dict(world.asked("create")[0].body)
        late = world.rent(wish(world)["offer_id"], body).id
        told: list[str] = []
        for _ in range(5):
            await anyio.sleep(short.times.seen_apart_s)
            answer = await call(client, "show_instances")
            told += answer.get("notices", [])
        again = await call(client, "show_instances")
    assert len(told) == 1
    assert str(late) in told[0]
    assert token in told[0]
    assert "notices" not in again


async def test_a_key_names_one_wish(world: World, short: Settings) -> None:
    """Same key, other digest: key_reused, nothing sent."""
    async with served(world, short) as client:
        await call(client, "create_instance", **wish(world, request_key="k"))
        answer = await call(
            client, "create_instance", **wish(world, request_key="k") | {"disk": 30}
        )
    assert answer["error"]["code"] == "key_reused"
    assert puts(world) == 1


async def test_an_offer_with_a_machine_of_ours_is_not_rented_again_by_accident(
    world: World, short: Settings
) -> None:
    """An offer a living rental came from, asked for with other arguments and no key."""
    async with served(world, short) as client:
        first = await call(client, "create_instance", **wish(world))
        answer = await call(client, "create_instance", **wish(world) | {"disk": 30})
        meant = await call(
            client, "create_instance", **wish(world) | {"disk": 30, "request_key": "second"}
        )
    assert answer["error"]["code"] == "offer_already_rented"
    assert answer["error"]["instance_id"] == first["instance_id"]
    assert meant["instance_id"] != first["instance_id"]


async def test_a_destroyed_machine_makes_room_for_the_same_wish(
    world: World, short: Settings
) -> None:
    """Gone: our own destroy was verified; the same call rents anew."""
    async with served(world, short) as client:
        first = await call(client, "create_instance", **wish(world))
        await call(client, "destroy_instance", instance_ids=[first["instance_id"]])
        again = await call(client, "create_instance", **wish(world))
    assert "replayed" not in again
    assert [machine.id for machine in world.living] == [again["instance_id"]]


async def test_a_machine_that_vanished_counts_as_gone_after_two_lists_apart(
    world: World, short: Settings
) -> None:
    """Gone otherwise: the intent is old, and two complete lists some time apart lack it."""
    grown = replace(short, times=replace(short.times, young_s=0.0, budget_s=20.0))
    async with served(world, grown) as client:
        first = await call(client, "create_instance", **wish(world))
        world.cancel_rental(first["instance_id"])
        answer = await until_settled(client, wish(world))
    assert answer["instance_id"] != first["instance_id"]
    assert puts(world) == 2


LIVE_429 = {
    "error": "HTTPTooManyRequests",
    "msg": "API requests too frequent",
    "retry_after": 0.05,
    "limit": 5.0,
}


@pytest.mark.parametrize("form", ["plain", "detail", "code", "json"])
async def test_a_known_429_is_sent_once_more_with_a_new_token(
    world: World, short: Settings, form: str
) -> None:
    """The PUT: once again, for one of the known 429 bodies, as a new attempt."""
    if form == "json":
        world.faults.add("create", "status", times=2, status=429, body=LIVE_429)
    else:
        world.faults.add("create", f"too_many_{form}", times=2)
    patient = replace(short, times=replace(short.times, budget_s=30.0))
    async with served(world, patient) as client:
        answer = await call(client, "create_instance", **wish(world))
    labels = [request.body["label"] for request in world.asked("create")]
    assert answer["error"]["code"] == "rate_limited"
    assert len(labels) == len(set(labels)) == 2
    assert not world.living


async def test_an_unknown_429_is_no_verdict(world: World, short: Settings) -> None:
    """Any other 429 is unknown, and is not sent again."""
    world.faults.add("create", "too_many_unknown")
    async with served(world, short) as client:
        answer = await call(client, "create_instance", **wish(world))
    assert (answer["error"]["code"], answer["error"]["billing_possible"]) == IN_DOUBT
    assert puts(world) == 1


async def test_gone_after_a_lost_request_is_not_reported_as_gone(
    world: World, short: Settings
) -> None:
    """`no_such_ask` after an earlier unknown reopens reconciling: it may be our own machine that
    took the offer.
    """
    world.rent_again = False
    world.faults.add("create", "drop", when="before")
    async with served(world, short) as client:
        await call(client, "create_instance", **wish(world))
        arguments = wish(world)
        # Proven absent, and in the moment before the second request somebody takes the offer.
        world.faults.add(
            "create",
            "status",
            status=410,
            body={"success": False, "error": "no_such_ask", "msg": "gone"},
        )
        while "error" in (answer := await call(client, "create_instance", **arguments)):
            assert answer["error"]["code"] in {"outcome_unknown", "not_rented"}
    assert [machine.id for machine in world.living] == [answer["instance_id"]]
    assert puts(world) == 3


async def test_an_offer_that_others_took_after_a_lost_request_ends_in_a_verdict(
    world: World, short: Settings
) -> None:
    """Reopening ends: what was proven absent long enough ago is not who took the offer."""
    slow = replace(short, times=replace(short.times, lists_apart_s=1.5, taken_after_s=2.5))
    world.rent_again = False
    world.faults.add("create", "drop", when="before")
    async with served(world, slow) as client:
        await call(client, "create_instance", **wish(world))
        world.take(wish(world)["offer_id"])
        codes: list[str] = []
        while "not_rented" not in codes and len(codes) < 12:
            codes.append((await call(client, "create_instance", **wish(world)))["error"]["code"])
    assert codes[-1] == "not_rented"
    assert set(codes) <= {"not_rented", "outcome_unknown"}
    assert puts(world) <= 3


async def test_an_account_that_cannot_be_told_is_no_new_account(
    world: World, short: Settings
) -> None:
    """Account: a reply that cannot be read for once must not give the account another name."""
    world.faults.add("user", "html200")
    async with served(world, short) as client:
        refused = await call(client, "create_instance", **wish(world))
        assert refused["error"]["code"] == "unexpected_reply"
        assert puts(world) == 0
        made = await call(client, "create_instance", **wish(world))
    async with served(world, short) as client:
        again = await call(client, "create_instance", **wish(world))
    assert (again["instance_id"], puts(world)) == (made["instance_id"], 1)


async def test_another_accounts_machine_of_the_same_number_hides_nothing(
    world: World, short: Settings
) -> None:
    """Ids are an account's own: a sandbox of yesterday, in the same journal, had the same
    numbers.
    """
    async with served(world, short) as client:
        yesterday = await call(client, "create_instance", **wish(world))
    today = World(rent_again=True, user_id=7)
    today.faults.add("create", "drop", when="after")
    async with served(today, short) as client:
        answer = await call(client, "create_instance", **wish(today))
    assert answer["recovered"] is True
    assert answer["instance_id"] == yesterday["instance_id"]
    assert len(today.living) == 1


async def test_a_low_bid_whose_error_was_lost_is_found_stopped(
    world: World, short: Settings
) -> None:
    """One match that does not fit what was asked: created_stopped with id and destroy step, on
    every repetition (docs/protocol.md).
    """
    offer = world.offer(gpu_name="RTX 4090")
    world.faults.add("search", "html503", times=None)  # its minimum bid cannot be known
    world.faults.add("create", "drop", when="after")
    arguments = {"offer_id": offer["id"], "image": "a/b", "disk": 20, "price": 0.001}
    patient = replace(short, times=replace(short.times, budget_s=5.0))
    async with served(world, patient) as client:
        first = await call(client, "create_instance", **arguments)
        again = await call(client, "create_instance", **arguments)
        (machine,) = world.living
        assert first["error"]["code"] == again["error"]["code"] == "created_stopped"
        assert first["error"]["instance_id"] == again["error"]["instance_id"] == machine.id
        step = first["error"]["next_steps"][-1]
        assert (await call(client, step["tool"], **step["arguments"]))["results"][0][
            "outcome"
        ] == "destroyed"
    assert puts(world) == 1


async def test_a_key_that_may_not_list_is_refused_before_anything_is_sent(
    world: World, short: Settings
) -> None:
    """cannot_reconcile, unless the person set VAST_MCP_ALLOW_BLIND."""
    world.missing_permissions = {"instance_read"}
    async with served(world, short) as client:
        answer = await call(client, "create_instance", **wish(world))
    assert answer["error"]["code"] == "cannot_reconcile"
    assert puts(world) == 0
    async with served(world, replace(short, allow_blind=True)) as client:
        answer = await call(client, "create_instance", **wish(world))
    assert any("may not list" in warning for warning in answer["warnings"])


async def test_open_intents_are_listed_with_their_tokens_and_settled_by_looking(
    world: World, short: Settings
) -> None:
    """show_instances marks ours and lists open intents; the look itself helps to settle them."""
    world.visible_after_looks = 10_000
    world.faults.add("create", "drop", when="after")
    async with served(world, short) as client:
        lost = await call(client, "create_instance", **wish(world))
        listed = await call(client, "show_instances")
        assert [row["token"] for row in listed["open_intents"]] == [lost["error"]["token"]]
        (machine,) = world.living
        machine.hidden_looks = 0
        answer = await until_settled(client, wish(world))
        listed = await call(client, "show_instances")
    assert listed["open_intents"] == []
    assert [(row["instance_id"], row["ours"]) for row in listed["instances"]] == [
        (answer["instance_id"], True)
    ]
    assert answer["instance_id"] == machine.id
    assert puts(world) == 1


async def test_a_server_that_starts_settles_what_the_last_one_left(
    world: World, short: Settings
) -> None:
    """Open intents are settled at start, and the next call of any tool says what was found."""
    world.visible_after_looks = 10_000
    world.faults.add("create", "drop", when="after")
    async with served(world, short) as client:
        await call(client, "create_instance", **wish(world))
    (machine,) = world.living
    machine.hidden_looks = 0
    async with served(world, short) as client:
        for _ in range(100):
            answer = await call(client, "search_offers", gpu_name="RTX 4090", limit=1)
            if "notices" in answer:
                break
            await anyio.sleep(0.02)
    assert str(machine.id) in answer["notices"][0]


async def test_the_journal_is_private_and_holds_no_secret(
    world: World, short: Settings, state: Path
) -> None:
    """Mode 0600, WAL with FULL, no secrets."""
    arguments = wish(
        world,
        env={"HF_TOKEN": "hf_planted_secret"},
        image_login="-u me -p planted_password docker.io",
    )
    async with served(world, short) as client:
        await call(client, "create_instance", **arguments)
        for path in state.rglob("*"):
            if path.is_file():
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
                assert b"planted" not in path.read_bytes()
        assert stat.S_IMODE(state.stat().st_mode) == 0o700


@pytest.mark.parametrize("spoil", ["a file in its place", "newer", "damaged"])
async def test_without_a_journal_nothing_is_sent_and_reading_works_on(
    world: World, short: Settings, state: Path, spoil: str
) -> None:
    """Journal failure: journal_unavailable; a damaged file is kept aside."""
    if spoil == "a file in its place":
        state.write_text("not a folder", encoding="utf-8")
    else:
        state.mkdir()
        if spoil == "newer":
            with sqlite3.connect(state / "journal.db") as db:
                db.execute("PRAGMA user_version = 99")
        else:
            (state / "journal.db").write_bytes(
                b"not a database at all, but longer than a header would be" * 40
            )
    async with served(world, short) as client:
        answer = await call(client, "create_instance", **wish(world))
        assert answer["error"]["code"] == "journal_unavailable"
        assert puts(world) == 0
        assert (await call(client, "show_instances"))["count"] == 0
    kept = list(state.glob("journal.db.damaged-*")) if state.is_dir() else []
    assert bool(kept) == (spoil == "damaged")


async def test_a_journal_of_the_first_version_is_completed(
    world: World, short: Settings, state: Path
) -> None:
    """Journal: what it lacks is added, and what was rented before is found after."""
    async with served(world, short) as client:
        first = await call(client, "create_instance", **wish(world))
    with sqlite3.connect(state / "journal.db", isolation_level=None) as db:
        for change in (
            "ALTER TABLE intents DROP COLUMN usd_per_hour",
            "ALTER TABLE intents DROP COLUMN lease_until",
            "DROP TABLE holds",
            "DROP TABLE approvals",
            "PRAGMA user_version = 1",
        ):
            db.execute(change)
    async with served(world, short) as client:
        again = await call(client, "create_instance", **wish(world))
    assert (again["instance_id"], again["replayed"]) == (first["instance_id"], True)
    with sqlite3.connect(state / "journal.db") as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == 2
        assert db.execute("SELECT count(*) FROM holds, approvals").fetchone()[0] == 0


async def test_a_journal_that_a_neighbour_is_just_making_is_waited_for(state: Path) -> None:
    """Shared safely by several servers: SQLite itself refuses at once, whatever its timeout, in
    this moment.
    """
    state.mkdir()
    neighbour = sqlite3.connect(state / "journal.db", isolation_level=None)
    neighbour.execute("BEGIN IMMEDIATE")
    opened: list[str] = []
    opening = threading.Thread(target=lambda: opened.append(Journal(state).digest({"a": 1})))
    opening.start()
    opening.join(0.2)
    assert opening.is_alive(), "it gave up, or did not notice its neighbour"
    neighbour.rollback()
    neighbour.close()
    opening.join()
    assert len(opened[0]) == 64


async def test_the_sandbox_keeps_its_journal_to_itself(world: World, tmp_path: Path) -> None:
    """The sandbox's journal lives and dies with its world."""
    alone = load({"VAST_MCP_STATE_DIR": str(tmp_path / "s")}, home=tmp_path, sandbox=True)
    async with served(world, alone) as client:
        await call(client, "create_instance", **wish(world))
    assert not (tmp_path / "s").exists()


async def test_callers_at_the_same_time_with_one_key_send_one_request(
    world: World, short: Settings
) -> None:
    """Concurrency: the first claims, the others wait and find what it made."""
    unhurried = replace(short, times=replace(short.times, budget_s=20.0))
    answers: list[dict[str, Any]] = []

    async def one(client: Client) -> None:
        answers.append(await call(client, "create_instance", **wish(world, request_key="same")))

    async with (
        served(world, unhurried) as first,
        served(world, unhurried) as second,
        anyio.create_task_group() as tasks,
    ):
        for client in (first, second) * 4:
            tasks.start_soon(one, client)
    assert puts(world) == 1
    assert len({answer["instance_id"] for answer in answers}) == 1
    assert sum("replayed" in answer for answer in answers) == 7
