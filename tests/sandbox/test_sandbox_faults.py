"""The sandbox's faults break what they name, and its control routes reach a world elsewhere."""

import asyncio
import subprocess
import sys
from typing import Any

import httpx
import pytest

from sandbox_wire import Wire, a_world, assert_golden
from vast_mcp.sandbox.faults import Dropped

PLAIN = {"limit": 1}


async def test_a_reply_dropped_before_the_act_leaves_no_rental() -> None:
    """A request can be lost before Vast acts on it (docs/vast-api.md, checklist 13)."""
    world = a_world()
    world.faults.add("create", "drop")
    with pytest.raises(Dropped):
        await Wire(world).rent(world.offer()["id"])
    assert (len(world.asked("create")), world.rentals) == (1, [])


async def test_a_reply_dropped_after_the_act_leaves_a_rental_nobody_was_told_of() -> None:
    """A reply lost after the rent is behind most duplicate rentals (docs/vast-api.md,
    checklist 13).
    """
    world = a_world()
    world.faults.add("create", "drop", when="after")
    with pytest.raises(Dropped):
        await Wire(world).rent(world.offer()["id"])
    assert (len(world.asked("create")), len(world.living)) == (1, 1)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("kind", "golden"),
    [
        ("too_many_plain", "too_many_plain"),
        ("too_many_detail", "too_many_detail"),
        ("too_many_code", "too_many_code"),
        ("too_many_json", "too_many_json"),
        ("too_many_quota", "too_many_quota"),
        ("html502", "gateway_502"),
        ("html503", "gateway_503"),
        ("html504", "gateway_504"),
        ("success_false", "create_success_false"),
    ],
)
async def test_each_recorded_form_can_come_before_or_after_the_act(
    kind: str, golden: str, when: str
) -> None:
    """A client must bear each recorded reply whether or not the rent happened
    (docs/vast-api.md A.11, H).
    """
    world = a_world()
    world.faults.add("create", kind, when=when)
    assert_golden(await Wire(world).rent(world.offer()["id"]), golden)
    assert len(world.rentals) == (when == "after")


async def test_a_sixth_form_of_too_many_requests_is_none_of_the_five() -> None:
    """A client must not take an unknown form for a known one."""
    world = a_world()
    world.faults.add("create", "too_many_unknown")
    reply = await Wire(world).rent(world.offer()["id"])
    assert (reply.status_code, reply.json()) == (429, {"status": "busy"})


async def test_replies_can_be_cut_be_html_or_lack_their_id() -> None:
    """An unreadable 2xx says nothing about the rental (docs/vast-api.md A.11)."""
    world = a_world(rent_again=True)
    wire, offer = Wire(world), world.offer()["id"]
    world.faults.add("create", "truncated_json", when="after")
    cut = await wire.rent(offer)
    assert (cut.status_code, cut.headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError, match=r".+"):
        cut.json()
    world.faults.add("create", "html200", when="after")
    assert (await wire.rent(offer)).headers["content-type"].startswith("text/html")
    world.faults.add("create", "no_id", when="after")
    assert (await wire.rent(offer)).json() == {"success": True}
    assert len(world.living) == 3


async def test_any_status_with_any_body_can_be_sent() -> None:
    """A test can have any reply at all, those nobody has seen too."""
    world = a_world()
    wire = Wire(world)
    world.faults.add("user", "status", status=409, body=[{"no": "object"}])
    world.faults.add(
        "user", "status", status=418, text="short", content_type="text/x-tea", headers={"X-A": "1"}
    )
    first, second = [await wire.ask("GET", "/api/v0/users/current/") for _ in range(2)]
    assert (first.status_code, first.json()) == (409, [{"no": "object"}])
    assert (second.status_code, second.text, second.headers["x-a"]) == (418, "short", "1")
    assert second.headers["content-type"].startswith("text/x-tea")


async def test_a_hanging_request_waits_until_released_and_then_gets_no_reply() -> None:
    """A client's own patience is what ends it."""
    world = a_world()
    world.faults.add("create", "hang", when="after")
    asking = asyncio.create_task(Wire(world).rent(world.offer()["id"]))
    async with asyncio.timeout(5):
        await world.faults.until_hanging()
        assert (asking.done(), len(world.living)) == (False, 1)
        world.faults.release()
        with pytest.raises(Dropped):
            await asking
    assert world.faults.hanging == 0


async def test_a_fault_acts_so_many_times_on_its_own_endpoint_and_method() -> None:
    """A fault breaks what it names, as often as it says, and nothing else."""
    world = a_world()
    wire = Wire(world)
    world.faults.add("keys", "html502", times=2, method="POST")
    body = {"ssh_key": "k"}
    assert (await wire.ask("GET", "/api/v0/ssh/")).status_code == 404
    statuses = [(await wire.ask("POST", "/api/v0/ssh/", body)).status_code for _ in range(3)]
    assert statuses == [502, 502, 200]


async def test_a_fault_can_let_some_requests_pass_and_one_can_last() -> None:
    """A fault can come late, and can last until it is cleared."""
    world = a_world()
    wire = Wire(world)
    world.faults.add("list", "html503", skip=1)
    assert [(await wire.ask("GET", "/api/v1/instances/")).status_code for _ in range(3)] == [
        200,
        503,
        200,
    ]
    world.faults.add("*", "html504", times=None)
    assert [(await wire.ask("GET", "/api/v0/users/current/")).status_code for _ in range(3)] == [
        504
    ] * 3
    world.faults.clear()
    assert (await wire.ask("GET", "/api/v0/users/current/")).status_code == 200


@pytest.mark.parametrize(
    "asked", [("nowhere", "drop"), ("create", "gremlin"), ("create", "drop", 1, "during")]
)
def test_a_misspelt_fault_is_an_error(asked: tuple[Any, ...]) -> None:
    """A fault that never acts would prove nothing."""
    with pytest.raises(ValueError, match=asked[-1] if len(asked) == 4 else "no "):
        a_world().faults.add(*asked)


@pytest.mark.parametrize(
    ("state", "endpoint"),
    [({"state": "running"}, "start"), ({"state": "stopped"}, "stop"), ({"label": "x"}, "label")],
)
async def test_start_stop_and_label_are_told_apart(state: dict[str, str], endpoint: str) -> None:
    """Three acts share one address (docs/vast-api.md C.7)."""
    world = a_world()
    await Wire(world).ask("PUT", "/api/v0/instances/1/", state)
    assert [request.endpoint for request in world.requests] == [endpoint]


# Control routes


async def test_the_ledger_and_the_requests_can_be_read_from_outside() -> None:
    """Tests in another process count by the ledger as those in this one do."""
    world = a_world()
    wire, offer = Wire(world), world.offer()["id"]
    await wire.rent(offer, label="mine")
    seen = (await wire.ask("GET", "/_sandbox/ledger")).json()
    assert [entry["kind"] for entry in seen["ledger"]] == ["rent"]
    assert [
        (rental["offer_id"], rental["label"], rental["alive"]) for rental in seen["rentals"]
    ] == [(offer, "mine", True)]
    assert seen["living"] == [world.living[0].id]
    [request] = (await wire.ask("GET", "/_sandbox/requests")).json()["requests"]
    assert (request["method"], request["path"]) == ("PUT", f"/api/v0/asks/{offer}/")
    assert request["body"] == {"image": "example/image", "label": "mine"}


async def test_the_world_can_be_changed_from_outside() -> None:
    """Tests in another process arrange a world as those in this one do."""
    world = a_world()
    wire, offer = Wire(world), world.offer()["id"]
    await wire.rent(offer)
    await wire.ask(
        "POST", "/_sandbox/faults", {"endpoint": "user", "kind": "status", "status": 500}
    )
    assert (await wire.ask("GET", "/api/v0/users/current/")).status_code == 500
    changed = {
        "reset": True,
        "seed": 3,
        "rent_again": True,
        "credit": 0,
        "api_keys": ["a"],
        "keys": ["k"],
    }
    assert (await wire.ask("POST", "/_sandbox/world", changed)).json()["living"] == 0
    assert (world.seed, world.rent_again, world.credit, world.api_keys) == (3, True, 0, {"a"})
    assert [key.public_key for key in world.keys.values()] == ["k"]
    assert (world.ledger, world.requests) == ([], [])
    other = world.offer()["id"]
    await wire.ask("POST", "/_sandbox/world", {"take": other})
    assert world.offers[other]["rentable"] is False


@pytest.mark.parametrize(
    ("path", "body"),
    [("world", {"rent_agian": True}), ("faults", {"endpoint": "x", "kind": "drop"}), ("world", [])],
)
async def test_a_misspelt_control_is_a_400(path: str, body: Any) -> None:
    """A control that does nothing would make a test pass for nothing."""
    assert (await Wire(a_world()).ask("POST", f"/_sandbox/{path}", body)).status_code == 400


async def test_control_routes_answer_loopback_only() -> None:
    """Who may change the world could make money seem to move."""
    world = a_world()
    wire = Wire(world)
    assert isinstance(wire.http._transport, httpx.ASGITransport)
    wire.http._transport.client = ("198.51.100.7", 4000)
    assert (await wire.ask("GET", "/_sandbox/ledger")).status_code == 403


# Over a socket


SERVE = """
from vast_mcp.sandbox.serving import serve
from vast_mcp.sandbox.world import World
serve(World(), "127.0.0.1", 0, lambda url: print(url, flush=True))
print("ended", flush=True)
"""


def test_over_a_socket_a_drop_closes_it_and_an_interrupt_ends_at_once() -> None:
    """A client meets the same faults in another process."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stdout=-1, stderr=-1, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with httpx.Client(
                base_url=url, headers={"Authorization": "Bearer k"}, timeout=5
            ) as client:
                offer = client.post("/api/v0/bundles/", json=PLAIN).json()["offers"][0]["id"]
                for fault in ({"kind": "drop", "when": "after"}, {"kind": "hang", "seconds": 0.05}):
                    client.post("/_sandbox/faults", json={"endpoint": "create", **fault})
                    with pytest.raises(httpx.RemoteProtocolError):
                        client.put(f"/api/v0/asks/{offer}/", json={})
                seen = client.get("/_sandbox/ledger").json()
                assert (len(seen["living"]), len(seen["ledger"])) == (1, 1)
                client.post("/_sandbox/faults", json={"endpoint": "user", "kind": "hang"})
                with pytest.raises(httpx.ReadTimeout):
                    client.get("/api/v0/users/current/", timeout=0.2)
            process.send_signal(2)
            assert process.communicate(timeout=10) == ("ended\n", "")
        finally:
            process.kill()
