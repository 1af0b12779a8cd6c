"""The first sentence of every error says whether anything was sent that acts, by what really left
(docs/errors.md).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from mcp import Client
from pydantic import SecretStr

from house import OTHER_KEY_LINE, call, lenient_world, needed, served
from vast_mcp import errors
from vast_mcp.host.failing import first_sentence
from vast_mcp.host.server import build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Limits, Settings
from vast_mcp.vast.deeds import Deeds
from vast_mcp.vast.pace import INTERVALS
from vast_mcp_tools import CATALOGUE

# What a tool acts by: the request's name among the sandbox's faults, how many of that name pass
# before it, and what would have been done.
ACTS = {
    "create_instance": ("create", 0, "rented"),
    "manage_instance": ("stop", 0, "changed"),
    "recycle_instance": ("recycle", 0, "changed"),
    "update_instance": ("update_template", 0, "changed"),
    "copy_data": ("copy", 0, "copied"),
    "destroy_instance": ("destroy", 0, "destroyed"),
    "destroy_volume": ("delete_volume", 0, "deleted"),
    "create_volume": ("rent_volume", 0, "made"),
    "create_ssh_key": ("keys", 1, "registered"),
    "attach_ssh_key": ("attach_key", 0, "attached"),
    "detach_ssh_key": ("detach_key", 0, "detached"),
    "delete_ssh_key": ("delete_key", 0, "deleted"),
    "create_template": ("save_template", 0, "saved"),
    "delete_template": ("delete_template", 0, "deleted"),
}
# What a plan sends it sends between calls: a call of it sends nothing by itself.
BETWEEN_CALLS = {"provision"}
# What is sent of a command on a disk at rest is in tests/working/test_at_rest.py.
AT_REST = {"run_command"}
READS = [spec.name for spec in CATALOGUE if spec.read_only]
FORBIDDEN = {
    "status": 403,
    "body": {"success": False, "error": "unauthorized", "msg": "it lacks a permission"},
}
TOO_OFTEN = "API requests too frequent"
UNKNOWN = "It was sent, and what came of it is not known:"


@pytest.fixture
def world() -> World:
    return lenient_world()


def asked(tool: str, world: World) -> dict[str, Any]:
    """Arguments with which a call succeeds."""
    if tool == "create_ssh_key":
        return {"public_key": OTHER_KEY_LINE}
    if tool == "destroy_volume":
        room = next(iter(world.volumes.rooms))
        made = world.volumes.rent(room, 2, "theirs", world.clock())
        return {"volume_id": made.id, "not_ours": True}
    return needed(tool, world)


async def failed(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    return (await call(client, tool, **arguments))["error"]


def test_a_tool_says_by_what_it_acts_where_it_acts() -> None:
    """The sentence is made of that (mcp_server/vast_mcp/host/failing.py)."""
    by_vast = {spec.name for spec in CATALOGUE if not INTERVALS.keys().isdisjoint(spec.sends)}
    assert by_vast == ACTS.keys() | BETWEEN_CALLS | AT_REST
    assert all(spec.sends for spec in CATALOGUE if not spec.read_only)
    assert not any(spec.sends for spec in CATALOGUE if spec.read_only)


@pytest.mark.parametrize("tool", ACTS)
async def test_an_act_that_vast_refused_says_so_and_that_nothing_was_done(
    client: Client, world: World, tool: str
) -> None:
    """In words of Vast's own that refuse (docs/vast-api.md I)."""
    arguments = asked(tool, world)
    endpoint, skip, done = ACTS[tool]
    world.faults.add(endpoint, "status", times=None, skip=skip, **FORBIDDEN)
    error = await failed(client, tool, **arguments)
    assert error["message"].startswith(f"Vast refused it: nothing was {done}. ")


@pytest.mark.parametrize("tool", ACTS)
async def test_an_act_whose_answer_is_lost_is_said_to_be_sent_and_not_known(
    client: Client, world: World, tool: str
) -> None:
    """Silence is never failure (docs/protocol.md)."""
    arguments = asked(tool, world)
    endpoint, skip, _ = ACTS[tool]
    world.faults.add(endpoint, "drop", times=None, skip=skip)
    world.faults.add("list", "drop", times=None, skip=1)
    world.faults.add("show", "drop", times=None)
    error = await failed(client, tool, **arguments)
    assert error["message"].startswith(UNKNOWN)


@pytest.mark.parametrize("tool", ACTS)
async def test_an_act_that_is_kept_from_leaving_says_that_nothing_was_sent(
    world: World, settings: Settings, tool: str
) -> None:
    """By our own refusal, and by arguments that are none."""
    looking = replace(settings, limits=Limits(read_only=True))
    async with served(world, looking) as client:
        for more in ({}, {"flavour": "mint"}):
            error = await failed(client, tool, **asked(tool, world) | more)
            assert error["message"].startswith("Nothing was sent. ")


@pytest.mark.parametrize("tool", [one for one in READS if one != "show_costs"])  # it warns instead
async def test_a_reading_tools_error_says_that_nothing_was_changed_and_not_that_it_bills(
    client: Client, world: World, tool: str
) -> None:
    """Nothing that it asks for costs money."""
    arguments = asked(tool, world)
    for endpoint in ("search", "list", "show", "keys", "templates", "user", "volumes", "logs"):
        world.faults.add(endpoint, "status", times=None, **FORBIDDEN)
    world.faults.add("search_volumes", "status", times=None, **FORBIDDEN)
    for given in (arguments, {"flavour": "mint"}):
        error = await failed(client, tool, **given)
        assert error["message"].startswith("Nothing was changed. ")
        assert "bill" not in error["message"]
        assert error["billing_possible"] is False


@pytest.mark.parametrize("tool", ["show_instances", "create_instance"])
async def test_a_key_that_is_not_accepted_is_named_by_its_place_and_its_end(
    world: World, settings: Settings, tool: str
) -> None:
    """A person has several, and machines go on billing while they look for the right one."""
    key = "0123456789abcdef0123456789abcafe"
    keyed = replace(settings, api_key=SecretStr(key), key_source="VAST_API_KEY in a file")
    arguments = needed(tool, world)
    for endpoint in ("list", "user"):
        world.faults.add(endpoint, "status", times=None, status=401, body={"error": "auth_error"})
    async with served(world, keyed) as client:
        error = await failed(client, tool, **arguments)
    assert error["code"] == "auth_failed"
    assert "the key that ends in cafe from VAST_API_KEY in a file." in error["message"]
    assert key[:-4] not in error["message"]
    for words in ("https://cloud.vast.ai/manage-keys/", "restarts this server", "go on billing"):
        assert words in error["message"]


async def test_a_tool_that_there_is_not_sent_nothing(client: Client) -> None:
    """Nothing that could be sent is known of it."""
    error = await failed(client, "rent_everything")
    assert error["message"].startswith("Nothing was sent. There is no such tool")


async def test_requests_of_different_fates_are_counted(client: Client, world: World) -> None:
    """The request for both is refused, and then one of two."""
    first, second = (needed("show_instance", world)["instance_id"] for _ in range(2))
    world.faults.add("destroy_many", "status", **FORBIDDEN)
    world.faults.add("destroy", "status", skip=1, **FORBIDDEN)
    error = await failed(client, "destroy_instance", instance_ids=[first, second])
    assert error["message"].startswith(
        "Of 3 requests: 2 refused, 1 accepted. Not seen to be gone: "
    )


@pytest.mark.parametrize("tool", [tool for tool in ACTS if tool != "create_instance"])
async def test_a_refusal_after_a_lost_request_does_not_say_that_nothing_was_done(
    client: Client, world: World, tool: str
) -> None:
    """Vast did it, the answer was lost, and it is the repetition that is refused."""
    arguments = asked(tool, world)
    endpoint, _, done = ACTS[tool]
    method = "POST" if tool == "create_ssh_key" else None
    world.faults.add(endpoint, "drop", method=method, when="after")
    world.faults.add(endpoint, "status", times=None, method=method, **FORBIDDEN)
    world.faults.add("volumes", "drop", times=None, skip=1)
    world.faults.add("list", "drop", times=None, skip=1)
    world.faults.add("show", "drop", times=None)
    error = await failed(client, tool, **arguments)
    assert f"nothing was {done}" not in error["message"]
    assert error["message"].startswith(UNKNOWN)


async def test_a_start_that_vast_queued_is_said_to_be_queued(client: Client, world: World) -> None:
    """It may come true, and bill, days later (docs/vast-api.md C.5)."""
    made = needed("show_instance", world)["instance_id"]
    world.set_state(made, "stopped")
    queued = {"success": False, "error": "resources_unavailable", "msg": "state change queued."}
    world.faults.add("start", "status", times=None, status=200, body=queued)
    error = await failed(client, "manage_instance", instance_id=made, action="start")
    assert error["message"].startswith("It was sent, and Vast queued it: it may happen, and bill, ")


async def test_a_repetition_that_sends_nothing_says_so_of_itself(
    client: Client, world: World
) -> None:
    """The earlier request is in doubt (docs/protocol.md)."""
    arguments = asked("create_instance", world)
    world.faults.add("create", "drop", times=None)
    first = await failed(client, "create_instance", **arguments)
    again = await failed(client, "create_instance", **arguments)
    assert first["message"].startswith(f"{UNKNOWN} a machine may exist and bill. ")
    assert again["code"] == "outcome_unknown"
    assert again["message"].startswith(
        "Nothing was sent by this call; what an earlier one sent may bill. "
    )


# ── by what left ───────────────────────────────────────────────────────────────────────────────

# What goes wrong with a request of this method, if anything.
Failing = dict[str, Callable[[httpx.Request], Exception | None]]


@pytest.fixture
async def wired(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Client, Failing]]:
    """A client whose network fails by method."""
    behind, failing = httpx.ASGITransport(app=create_app(world)), Failing()

    async def network(_: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        wrong = failing.get(request.method, lambda _: None)(request)
        if wrong is not None:
            raise wrong
        return await behind.handle_async_request(request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", network)
    there = replace(settings, sandbox=False, base_url="http://localhost:9", api_key=SecretStr("k"))
    async with Client(build(there, CATALOGUE)) as client:
        yield client, failing


@pytest.mark.parametrize(
    ("tool", "method"),
    [
        ("create_instance", "PUT"),
        ("manage_instance", "PUT"),
        ("recycle_instance", "PUT"),
        ("update_instance", "PUT"),
        ("destroy_instance", "DELETE"),
        ("attach_ssh_key", "POST"),
        ("detach_ssh_key", "DELETE"),
    ],
)
async def test_without_a_connection_nothing_was_sent_and_with_a_lost_one_nobody_knows(
    wired: tuple[Client, Failing], world: World, tool: str, method: str
) -> None:
    """Not sent only where no byte can have left (docs/protocol.md)."""
    client, failing = wired
    arguments = asked(tool, world)
    failing[method] = lambda request: httpx.ConnectError("no way", request=request)
    error = await failed(client, tool, **arguments)
    assert error["message"].startswith("Nothing was sent. ")
    assert error["code"] in {"unreachable", "destroy_unverified"}  # and no doubt
    failing[method] = lambda request: httpx.ReadTimeout("silence", request=request)
    error = await failed(client, tool, **arguments)
    assert error["message"].startswith(UNKNOWN)


async def test_a_request_that_did_not_leave_is_counted_beside_those_that_did(
    wired: tuple[Client, Failing], world: World
) -> None:
    """Of two machines Vast never heard of one, which goes on billing."""
    client, failing = wired
    first, second = (needed("show_instance", world)["instance_id"] for _ in range(2))

    def cut(request: httpx.Request) -> Exception | None:
        ways = (f"/{second}/", "/instances/")
        return httpx.ConnectError("no way") if request.url.path.endswith(ways) else None

    failing["DELETE"] = cut
    error = await failed(client, "destroy_instance", instance_ids=[first, second])
    assert error["message"].startswith("Of 3 requests: 2 not sent, 1 accepted. ")


async def test_a_start_that_is_refused_after_a_try_without_a_connection_is_refused(
    wired: tuple[Client, Failing], world: World
) -> None:
    """The first try did nothing, so that Vast's word is about all that was sent."""
    client, failing = wired
    tries = iter([httpx.ConnectError("no way")])
    failing["PUT"] = lambda _: next(tries, None)
    world.faults.add("stop", "status", times=None, **FORBIDDEN)
    error = await failed(client, "manage_instance", **asked("manage_instance", world))
    assert error["code"] == "forbidden"
    assert error["message"].startswith("Vast refused it: nothing was changed. ")


async def test_a_rent_that_was_refused_and_then_found_no_connection_was_sent(
    wired: tuple[Client, Failing], world: World
) -> None:
    """The last request did not leave; one before it did."""
    client, failing = wired
    body = {"success": False, "error": "rate_limit_exceeded", "msg": TOO_OFTEN}
    world.faults.add("create", "status", status=429, body=body)
    tries = iter([None])
    failing["PUT"] = lambda _: next(tries, httpx.ConnectError("no way"))
    error = await failed(client, "create_instance", **asked("create_instance", world))
    assert error["code"] == "unreachable"
    assert error["message"].startswith("Vast refused it: nothing was rented. ")


def test_a_create_that_only_ended_a_machine_does_not_say_that_it_sent_nothing() -> None:
    """One that an earlier call rented, over its limit, where the background task was not faster."""
    deeds = Deeds()
    with deeds.one("destroy", "/instances/1/") as deed:
        deed.leaves()
    create = next(spec for spec in CATALOGUE if spec.name == "create_instance")
    said = first_sentence(errors.OverLimit("It was ended."), create, deeds)
    assert said.startswith("This call sent no such request: only the end of a machine")
