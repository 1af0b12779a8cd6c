"""After the request to rent nothing is certain that is not written down: a journal that does not
take the verdict, a reply that breaks us. It settles by looking, in the same process.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from house import GOLDEN, call, lenient_world, offers, puts
from vast_mcp.environment import load
from vast_mcp.host.server import VastServer, build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

pytestmark = pytest.mark.anyio

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def world() -> World:
    return lenient_world()


@pytest.fixture
def short(tmp_path: Path, state: Path) -> Settings:
    made = load({}, home=tmp_path, sandbox=True)
    times = replace(
        made.times, budget_s=1.2, put_s=0.4, look_s=0.02, seen_apart_s=0.02, lists_apart_s=0.2
    )
    return replace(
        made, state_dir=state, times=replace(times, absent_after_s=0.4, taken_after_s=4.0)
    )


class OnTheWay:
    """The service, and somebody between it and us: when a request to rent has been carried out,
    `then` happens, and its reply is changed.
    """

    def __init__(
        self, world: World, *, then: Callable[[], Any] = lambda: None, change: Any = None
    ) -> None:
        self._app, self._then, self._change = create_app(world), then, change

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "PUT" or "/asks/" not in scope["path"]:
            return await self._app(scope, receive, send)
        parts: list[dict[str, Any]] = []

        async def keep(message: dict[str, Any]) -> None:
            parts.append(message)

        await self._app(scope, receive, keep)
        self._then()
        body = b"".join(part.get("body", b"") for part in parts)
        if self._change is not None:
            body = self._change(json.loads(body))
        headers = [pair for pair in parts[0]["headers"] if pair[0] != b"content-length"]
        await send({**parts[0], "headers": headers})
        await send({"type": "http.response.body", "body": body})


def wish(offer: int, **more: Any) -> dict[str, Any]:
    return {"offer_id": offer, "image": "a/b", "disk": 20, **more}


async def until_it_answers(
    client: Client, arguments: dict[str, Any], *codes: str
) -> dict[str, Any]:
    """The same call, while its answer is one of these errors."""
    with anyio.fail_after(100):
        while True:
            answer = await call(client, "create_instance", **arguments)
            if "error" not in answer or answer["error"]["code"] not in codes:
                return answer
    raise AssertionError


class Journal:
    """The journal's file, which can be made to take nothing."""

    def __init__(self, state: Path) -> None:
        self._path = state / "journal.db"
        self._neighbour: sqlite3.Connection | None = None
        self.server: VastServer | None = None

    def lock(self) -> None:
        """A neighbour writes, and does not end."""
        self._neighbour = sqlite3.connect(self._path, isolation_level=None)
        self._neighbour.execute("BEGIN IMMEDIATE")

    def refuse(self) -> None:
        """The disk takes nothing more."""
        assert self.server is not None
        self.server.session.journal._db.open().execute("PRAGMA query_only = 1")

    def mend(self) -> None:
        if self._neighbour is not None:
            self._neighbour.execute("ROLLBACK")
            self._neighbour.close()
            self._neighbour = None
        assert self.server is not None
        self.server.session.journal._db.open().execute("PRAGMA query_only = 0")

    def states(self) -> list[str]:
        with closing(sqlite3.connect(self._path)) as db:
            return [row[0] for row in db.execute("SELECT state FROM intents ORDER BY id")]


@pytest.fixture
def journal(state: Path) -> Iterator[Journal]:
    made = Journal(state)
    yield made
    with contextlib.suppress(AssertionError):
        made.mend()


@contextlib.asynccontextmanager
async def over(app: OnTheWay, settings: Settings, journal: Journal) -> Any:
    journal.server = build(settings, CATALOGUE, app)
    async with Client(journal.server) as client:
        yield client


@pytest.mark.parametrize("fails", ["lock", "refuse"])
async def test_a_verdict_that_could_not_be_written_is_said_and_settles_in_the_same_process(
    world: World, short: Settings, journal: Journal, fails: str
) -> None:
    """It is told by its id; other answers tell it too, nothing else is rented, and once the journal
    takes writes again the same call finds it and another wish is rented.
    """
    first, second, *_ = (offer["id"] for offer in offers(world, 3))
    app = OnTheWay(world, then=getattr(journal, fails))
    async with over(app, short, journal) as client:
        rented = await call(client, "create_instance", **wish(first))
        assert "keep the instance id" in " ".join(rented["warnings"])
        listed = await call(client, "show_account")
        [notice] = listed["notices"]
        assert str(rented["instance_id"]) in notice
        assert "could not be written" in notice
        other = await call(client, "create_instance", **wish(second))
        assert other["error"]["code"] == "unresolved_intent"
        assert puts(world) == 1
        assert journal.states() == ["sending"]
        journal.mend()
        again = await until_it_answers(client, wish(first), "outcome_unknown")
        assert again["instance_id"] == rented["instance_id"]
        assert journal.states() == ["confirmed"]
        listed = await call(client, "show_account")
        assert "could not be written" not in " ".join(listed.get("notices", []))
        more = await until_it_answers(client, wish(second), "earlier_rental_found")
    assert more["instance_id"] != rented["instance_id"]
    assert puts(world) == 2


async def test_a_lost_reply_that_could_not_be_written_down_is_settled_by_looking(
    world: World, short: Settings, journal: Journal
) -> None:
    """Reply and journal fail together; the machine is found once the journal can be written."""
    first = offers(world, 1)[0]["id"]
    app = OnTheWay(world, then=journal.refuse, change=lambda _: b"<html>504</html>")
    async with over(app, short, journal) as client:
        lost = await call(client, "create_instance", **wish(first))
        assert lost["error"]["code"] == "outcome_unknown"
        assert lost["error"]["billing_possible"] is True
        still = await call(client, "create_instance", **wish(first))
        assert still["error"]["code"] == "outcome_unknown"
        assert journal.states() == ["sending"]
        journal.mend()
        found = await until_it_answers(client, wish(first), "outcome_unknown")
    assert [found["instance_id"]] == [machine.id for machine in world.living]
    assert puts(world) == 1


async def test_a_refusal_that_could_not_be_written_is_proven_and_another_wish_rents(
    world: World, short: Settings, journal: Journal
) -> None:
    """The refusal is told; the attempt is in doubt until looking proves that it made nothing."""
    first, second, *_ = (offer["id"] for offer in offers(world, 3))
    app = OnTheWay(world, then=journal.refuse)
    no_credit = json.loads((GOLDEN / "create_insufficient_credit.json").read_text("utf-8"))
    world.faults.add("create", "status", status=no_credit["status"], body=no_credit["body"])
    async with over(app, short, journal) as client:
        refused = await call(client, "create_instance", **wish(first))
        journal.mend()
        assert refused["error"]["code"] == "insufficient_credit"
        app._then = lambda: None
        made = await until_it_answers(client, wish(second), "unresolved_intent", "not_rented")
    assert [made["instance_id"]] == [machine.id for machine in world.living]


@pytest.mark.parametrize("spoilt", [2**63, 2**70, -1, 0, True, [], {}, "9" * 5000, 1e308, None])
async def test_a_reply_with_an_id_that_is_none_is_a_doubt_that_finds_its_machine(
    world: World, short: Settings, journal: Journal, spoilt: Any
) -> None:
    """An id of more than 63 bits broke the journal, and the answer said that nothing bills."""

    def change(body: dict[str, Any]) -> bytes:
        return json.dumps({**body, "new_contract": spoilt}).encode()

    first = offers(world, 1)[0]["id"]
    async with over(OnTheWay(world, change=change), short, journal) as client:
        answer = await until_it_answers(client, wish(first), "outcome_unknown")
    assert (answer["instance_id"], answer["recovered"]) == (world.living[0].id, True)
    assert journal.states() == ["confirmed"]


async def test_an_exception_of_our_own_after_the_request_is_a_doubt_that_finds_its_machine(
    world: World, short: Settings, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is that our reading of the reply trips over."""

    def trips(_reply: object) -> int:
        raise KeyError("planted")

    monkeypatch.setattr("vast_mcp.vast.verdicts.rented", trips)
    first = offers(world, 1)[0]["id"]
    async with over(OnTheWay(world), short, journal) as client:
        answer = await until_it_answers(client, wish(first), "outcome_unknown")
    assert (answer["instance_id"], answer["recovered"]) == (world.living[0].id, True)
    assert journal.states() == ["confirmed"]


async def test_an_exception_that_stays_is_told_as_a_doubt_and_never_as_nothing(
    world: World, short: Settings, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither reply nor lists can be read: a machine may exist, and nothing more is sent."""

    def trips(*_: object) -> int:
        raise KeyError("planted")

    first, second, *_ = (offer["id"] for offer in offers(world, 3))

    async with over(
        OnTheWay(world, then=lambda: monkeypatch.setattr("vast_mcp.reconcile._by_token", trips)),
        short,
        journal,
    ) as client:
        monkeypatch.setattr("vast_mcp.vast.verdicts.rented", trips)
        lost = await call(client, "create_instance", **wish(first))
        assert (lost["error"]["code"], lost["error"]["billing_possible"]) == (
            "outcome_unknown",
            True,
        )
        other = await call(client, "create_instance", **wish(second))
        assert other["error"]["code"] == "unresolved_intent"
        assert puts(world) == 1
        monkeypatch.undo()
        found = await until_it_answers(client, wish(first), "outcome_unknown")
    assert [found["instance_id"]] == [machine.id for machine in world.living]


async def test_a_machine_whose_id_the_journal_cannot_hold_stays_in_doubt_and_can_be_ended(
    world: World, short: Settings, journal: Journal
) -> None:
    """Nothing is stuck: it is listed, another offer is not rented beside it, and destroy works."""
    first, second, *_ = (offer["id"] for offer in offers(world, 3))
    huge = 2**64 + 5

    def change(body: dict[str, Any]) -> bytes:
        [machine] = world.living
        world.instances[huge] = world.instances.pop(machine.id)
        machine.id = huge
        return json.dumps({**body, "new_contract": huge}).encode()

    async with over(OnTheWay(world, change=change), short, journal) as client:
        answer = await call(client, "create_instance", **wish(first))
        assert answer["error"]["code"] == "outcome_unknown"
        listed = await call(client, "show_instances")
        assert [row["instance_id"] for row in listed["instances"]] == [huge]
        other = await call(client, "create_instance", **wish(second))
        assert other["error"]["code"] == "unresolved_intent"
        assert puts(world) == 1
        ended = await call(client, "destroy_instance", instance_ids=[huge])
        assert [one["outcome"] for one in ended["results"]] == ["destroyed"]
