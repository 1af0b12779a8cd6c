"""A machine in the sandbox moves on look by look or by time (docs/vast-api.md C.4)."""

from typing import Any

import pytest

from sandbox_wire import Clock, Wire, a_world, assert_golden
from vast_mcp.sandbox.failures import SAID
from vast_mcp.sandbox.fates import FATES
from vast_mcp.sandbox.world import World

STATES = ("actual_status", "intended_status", "cur_state", "next_state")


async def rented(world: World, **body: Any) -> tuple[Wire, int]:
    wire, offer = Wire(world), world.offer(ports=True)
    price = {"price": offer["min_bid"]} if body.pop("bid", False) else {}
    return wire, (await wire.rent(offer["id"], **price, **body)).json()["new_contract"]


async def with_fate(fate: Any, *, bid: bool = False, **options: Any) -> tuple[World, Wire, int]:
    world = a_world(**options)
    world.set_fate(world.offer(ports=True)["id"], fate)
    wire, instance = await rented(world, bid=bid)
    return world, wire, instance


async def states(wire: Wire, instance: int, looks: int) -> list[tuple[Any, ...] | None]:
    rows = [await wire.show(instance) for _ in range(looks)]
    return [row and tuple(row[name] for name in STATES) for row in rows]


@pytest.mark.parametrize(
    ("fate", "last"),
    [
        ("runs", ("running", "running", "running", "running")),
        ("slow", ("running", "running", "running", "running")),
        ("stuck_null", (None, "running", "running", "running")),
        ("stuck_loading", ("loading", "running", "running", "running")),
        *((name, ("created", "running", "running", "running")) for name in SAID),
        ("pulls", ("loading", "running", "running", "running")),
        ("pulls_in_circles", ("loading", "running", "running", "running")),
        ("pull_given_up", ("loading", "stopped", "stopped", "stopped")),
        ("flips", ("created", "running", "running", "running")),
        ("gpu_breaks", ("running", "running", "running", "running")),
        ("exits", ("exited", "running", "running", "running")),
        ("exited_first", ("running", "running", "running", "running")),
        ("outbid", ("loading", "stopped", "stopped", "stopped")),
        ("offline", ("offline", "running", "running", "running")),
        ("unknown", ("unknown", "running", "running", "running")),
        ("scheduling", ("scheduling", "running", "stopped", "running")),
        ("frozen", ("frozen", "frozen", "running", "frozen")),
        ("halted", ("stopped", "running", "stopped", "stopped")),
        ("vanishes", None),
        ("never_seen_running", None),
    ],
)
async def test_every_fate_ends_with_its_three_fields_together(
    fate: str, last: tuple[str, ...] | None
) -> None:
    """Actual, intended and current state tell the ends apart (docs/vast-api.md C.4)."""
    world, wire, instance = await with_fate(fate, bid=fate == "outbid")
    seen = await states(wire, instance, 7)
    assert seen[0] == (None, "running", "running", "running")
    assert seen[-1] == last
    assert len(world.living) == (last is not None)


def test_every_named_fate_has_a_test_above() -> None:
    """A fate without a test may end in fields that Vast never shows."""
    mark = next(
        mark for mark in test_every_fate_ends_with_its_three_fields_together.pytestmark if mark.args
    )  # type: ignore[attr-defined]
    assert {case[0] for case in mark.args[1]} == set(FATES)


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        ("bad_image", "manifest unknown"),
        ("no_access", "pull access denied"),
        ("oci_error", "OCI runtime create failed"),
    ],
)
async def test_an_image_that_cannot_start_says_so_at_its_last_status_only(
    fate: str, words: str
) -> None:
    """DSTACK and TS-GW tell boot failures by these words (docs/vast-api.md C.4)."""
    _, wire, instance = await with_fate(fate)
    messages = [(await wire.show(instance) or {})["status_msg"] for _ in range(4)]
    assert [words in (message or "") for message in messages] == [False, False, True, True]


async def test_a_contract_flips_beside_the_text_of_a_broken_gpu() -> None:
    """`created` and a GPU error, with a contract that runs and stops by turns (docs/vast-api.md
    C.4, 2026-05-16).
    """
    _, wire, _instance = await with_fate("flips")
    seen = (await states(wire, _instance, 8))[2:]
    assert {one and one[0] for one in seen} == {"created"}
    assert [one and one[2] for one in seen] == ["running", "stopped"] * 3


async def test_a_pull_that_was_given_up_is_given_up_again_by_a_start() -> None:
    """Stopped, loading, and the text of the failure: a start repeats it (docs/vast-api.md C.4)."""
    _, wire, instance = await with_fate("pull_given_up")
    await states(wire, instance, 3)
    await wire.ask("PUT", f"/api/v0/instances/{instance}/", {"state": "running"})
    assert [one and one[:2] for one in await states(wire, instance, 4)] == [
        ("exited", "running"),
        ("loading", "running"),
        ("loading", "stopped"),
        ("loading", "stopped"),
    ]
    assert "manifest unknown" in ((await wire.show(instance)) or {})["status_msg"]


async def test_a_pull_says_a_line_for_every_layer_and_a_start_its_image() -> None:
    """Texts of progress (docs/vast-api.md C.9)."""
    _, wire, instance = await with_fate("pulls")
    texts = [((await wire.show(instance)) or {})["status_msg"] for _ in range(5)][1:]
    assert len(set(texts)) == 4
    assert all(text.endswith(": Pull complete") for text in texts)
    _, wire, instance = await with_fate("runs")
    await states(wire, instance, 3)
    said = ((await wire.show(instance)) or {})["status_msg"]
    assert said.startswith("success, running ")
    assert said.endswith("/ssh\n")


async def test_a_bad_image_is_still_bad_after_a_stop_and_a_start() -> None:
    """What is wrong with an image is still wrong at the next start."""
    _, wire, instance = await with_fate("bad_image")
    path = f"/api/v0/instances/{instance}/"
    await wire.ask("PUT", path, {"state": "stopped"})
    await wire.ask("PUT", path, {"state": "running"})
    assert [one and one[0] for one in await states(wire, instance, 4)] == [
        "exited",
        "loading",
        "created",
        "created",
    ]


async def test_a_start_can_exit_for_good() -> None:
    """The specification says exited never recovers; by default it does after a start
    (docs/vast-api.md C.4; seen live).
    """
    world = a_world()
    world.set_fate(world.offer(ports=True)["id"], "runs", restart=["exited"])
    wire, instance = await rented(world)
    path = f"/api/v0/instances/{instance}/"
    await wire.ask("PUT", path, {"state": "stopped"})
    await wire.ask("PUT", path, {"state": "running"})
    assert {one and one[0] for one in await states(wire, instance, 6)} == {"exited"}


async def test_a_course_can_be_walked_by_time() -> None:
    """A world with looks_per_step None leaves it to the clock."""
    world, wire, instance = await with_fate("vanishes", looks_per_step=None, seconds_per_step=10)
    clock = world.clock
    assert isinstance(clock, Clock)
    seen: list[Any] = []
    for _ in range(5):
        await wire.show(instance)
        seen += [one and one[0] for one in await states(wire, instance, 1)]
        clock.now += 10
    assert seen == [None, "loading", "running", None, None]
    assert world.living == []
    assert [entry.kind for entry in world.ledger] == ["rent", "reclaim"]


async def test_an_outbid_machine_shows_a_floor_above_its_bid() -> None:
    """The row has the bid that it takes to come back (docs/vast-api.md C.4, A.6)."""
    _, wire, instance = await with_fate("outbid", bid=True)
    row = [await wire.show(instance) for _ in range(5)][-1] or {}
    assert row["is_bid"]
    assert row["min_bid"] > row["dph_base"]


def test_an_unknown_fate_or_an_empty_one_is_a_slip_of_the_test() -> None:
    """A misspelt fate would leave a machine that simply runs."""
    world = a_world()
    with pytest.raises(ValueError, match="no fate 'nonsense'"):
        world.set_fate(1, "nonsense")
    with pytest.raises(ValueError, match="at least one"):
        world.set_fate(1, [])


# Queued starts


async def test_a_queued_start_goes_on_by_looks_and_then_bills() -> None:
    """The service keeps the wish to start, which comes true later (docs/vast-api.md C.5)."""
    world = a_world()
    wire, instance = await rented(world)
    path = f"/api/v0/instances/{instance}/"
    await wire.ask("PUT", path, {"state": "stopped"})
    world.take_gpu(instance, looks=2)
    assert_golden(await wire.ask("PUT", path, {"state": "running"}), "start_queued")
    seen = await states(wire, instance, 5)
    queued = ("scheduling", "running", "stopped", "running")
    assert seen[:2] == [queued, queued]
    assert [one and one[0] for one in seen[2:]] == ["exited", "loading", "running"]
    assert [entry.kind for entry in world.ledger] == ["rent", "stop", "start"]


async def test_a_stop_cancels_a_queued_start() -> None:
    """A start that stayed queued would bill later (docs/vast-api.md C.5)."""
    world = a_world(starts_wait=True)
    wire, instance = await rented(world)
    path = f"/api/v0/instances/{instance}/"
    await wire.ask("PUT", path, {"state": "stopped"})
    world.take_gpu(instance)
    await wire.ask("PUT", path, {"state": "running"})
    assert (await wire.ask("PUT", path, {"state": "stopped"})).json() == {"success": True}
    world.free_gpu(instance)
    assert (await states(wire, instance, 3))[-1] == ("exited", "stopped", "stopped", "stopped")
    assert world.committed("start") == []


async def test_nothing_stays_queued_unless_the_world_says_so() -> None:
    """Six reports saw the row go back to stopped at once (docs/vast-api.md C.5)."""
    world = a_world()
    wire, instance = await rented(world)
    path = f"/api/v0/instances/{instance}/"
    await wire.ask("PUT", path, {"state": "stopped"})
    world.take_gpu(instance)
    assert_golden(await wire.ask("PUT", path, {"state": "running"}), "start_queued")
    world.free_gpu(instance)
    assert set(await states(wire, instance, 3)) == {("exited", "stopped", "stopped", "stopped")}
    assert world.committed("start") == []


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ("plain", 200, {"success": False}),
        ("error", 200, {"success": False, "error": "resources_unavailable"}),
        ("success", 200, {"success": True}),
        ("error", 409, {"success": False, "error": "resources_unavailable"}),
    ],
)
async def test_a_queued_start_is_said_in_the_form_that_is_chosen(
    form: str, status: int, said: dict[str, Any]
) -> None:
    """With and without an error, both seen (docs/vast-api.md C.5)."""
    world = a_world(queued_as=form, queued_status=status)
    wire, instance = await rented(world)
    path = f"/api/v0/instances/{instance}/"
    await wire.ask("PUT", path, {"state": "stopped"})
    world.take_gpu(instance)
    reply = await wire.ask("PUT", path, {"state": "running"})
    assert reply.status_code == status
    assert "state change queued" in reply.json().pop("msg")
    assert {name: reply.json().get(name) for name in said} == said


async def test_a_start_without_credit_is_refused() -> None:
    """Out of credit nothing starts (docs/vast-api.md C.5)."""
    world = a_world()
    wire, instance = await rented(world)
    path = f"/api/v0/instances/{instance}/"
    await wire.ask("PUT", path, {"state": "stopped"})
    world.credit = 0.0
    reply = await wire.ask("PUT", path, {"state": "running"})
    assert_golden(reply, "start_missing_billing")
    assert world.committed("start") == []


async def test_a_destroy_may_be_answered_without_a_body() -> None:
    """One client's own test has it so (docs/vast-api.md C.7)."""
    world = a_world(destroy_without_body=True)
    wire, instance = await rented(world)
    reply = await wire.ask("DELETE", f"/api/v0/instances/{instance}/", {})
    assert (reply.status_code, reply.content, world.living) == (204, b"", [])


# Reboot, recycle, bids


@pytest.mark.parametrize(
    ("act", "course"),
    [
        ("reboot", ["rebooting", "exited", "loading", "running"]),
        ("recycle", ["recycling", "loading", "running", "running"]),
    ],
)
async def test_a_reboot_and_a_recycle_come_back_to_running(act: str, course: list[str]) -> None:
    """Reboot and recycle keep the GPU (docs/vast-api.md C.4, C.7)."""
    world = a_world()
    wire, instance = await rented(world)
    await states(wire, instance, 3)
    assert (await wire.ask("PUT", f"/api/v0/instances/{act}/{instance}/", {})).json() == {
        "success": True
    }
    seen = await states(wire, instance, 4)
    assert [one and one[0] for one in seen] == course
    assert {one and one[2] for one in seen} == {"running"}
    assert [entry.kind for entry in world.ledger] == ["rent", act]


@pytest.mark.parametrize("act", ["reboot", "recycle", "bid_price", "request_logs"])
async def test_a_bad_id_is_refused(act: str) -> None:
    """What is no id is a 400, and a machine that is not there the 404 of the other acts
    (docs/vast-api.md C.7).
    """
    wire = Wire(a_world())
    reply = await wire.ask("PUT", f"/api/v0/instances/{act}/nonsense/", {})
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_id")
    reply = await wire.ask("PUT", f"/api/v0/instances/{act}/1/", {})
    assert (reply.status_code, reply.json()["error"]) == (404, "no_such_instance")


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("act", ["reboot", "recycle"])
async def test_a_stopped_machine_is_not_rebooted(act: str, status: int) -> None:
    """A 200 by the generated specification, a 400 by the hand-written one (docs/vast-api.md
    C.7).
    """
    world = a_world(not_running_status=status)
    wire, instance = await rented(world)
    await wire.ask("PUT", f"/api/v0/instances/{instance}/", {"state": "stopped"})
    reply = await wire.ask("PUT", f"/api/v0/instances/{act}/{instance}/", {})
    assert reply.status_code == status
    if status == 200:
        assert_golden(reply, "reboot_not_running")
    assert world.committed(act) == []


async def test_a_bid_below_the_floor_stops_the_machine_and_one_at_the_floor_starts_it_again() -> (
    None
):
    """A bid below the floor loses (docs/vast-api.md A.6, C.4); where those are silent the price is
    taken and the machine is outbid.
    """
    world = a_world()
    wire, instance = await rented(world, bid=True)
    row = [await wire.show(instance) for _ in range(3)][-1] or {}
    path = f"/api/v0/instances/bid_price/{instance}/"
    low = {"client_id": "me", "price": row["min_bid"] / 2}
    assert (await wire.ask("PUT", path, low)).json() == {"success": True}
    assert (await states(wire, instance, 1)) == [("loading", "stopped", "stopped", "stopped")]
    assert world.rentals[0].dph_total < row["dph_total"]
    await wire.ask("PUT", path, {"client_id": "me", "price": row["min_bid"]})
    assert [one and one[0] for one in await states(wire, instance, 3)] == [
        "exited",
        "loading",
        "running",
    ]
    assert [entry.price for entry in world.committed("bid")] == [row["min_bid"] / 2, row["min_bid"]]


async def test_an_outbid_machine_does_not_start_until_its_bid_is_raised() -> None:
    """Somebody who pays more holds the GPU, so the start is queued; docs/vast-api.md
    C.5 is silent here. The machine is still asked to run, in one of two forms that were seen (C.4).
    """
    world = a_world(lost_bids_stop=False)
    wire, instance = await rented(world, bid=True)
    world.outbid(instance)
    reply = await wire.ask("PUT", f"/api/v0/instances/{instance}/", {"state": "running"})
    assert_golden(reply, "start_queued")
    assert (await states(wire, instance, 4))[-1] == ("exited", "running", "stopped", "stopped")
    floor = (await wire.show(instance) or {})["min_bid"]
    await wire.ask(
        "PUT", f"/api/v0/instances/bid_price/{instance}/", {"client_id": "me", "price": floor}
    )
    assert [one and one[0] for one in await states(wire, instance, 3)] == [
        "exited",
        "loading",
        "running",
    ]


async def test_a_bid_without_a_price_is_the_winning_one() -> None:
    """The official client sends null (docs/vast-api.md C.7)."""
    world = a_world()
    wire, instance = await rented(world, bid=True)
    world.outbid(instance)
    await wire.ask(
        "PUT", f"/api/v0/instances/bid_price/{instance}/", {"client_id": "me", "price": None}
    )
    row = await wire.show(instance) or {}
    assert (row["dph_base"], row["cur_state"]) == (row["min_bid"], "running")


@pytest.mark.parametrize(
    ("price", "error"),
    [(0, "invalid_args"), (1_000, "invalid_price"), ("1", "invalid_args"), (True, "invalid_args")],
)
async def test_a_bid_out_of_range_changes_nothing(price: Any, error: str) -> None:
    """A bid is at most 32 $/h for each GPU (docs/vast-api.md A.6)."""
    world = a_world()
    wire, instance = await rented(world, bid=True)
    reply = await wire.ask("PUT", f"/api/v0/instances/bid_price/{instance}/", {"price": price})
    assert (reply.status_code, reply.json()["error"]) == (400, error)
    assert world.committed("bid") == []


async def test_an_on_demand_machine_has_no_bid() -> None:
    """A bid for an on-demand machine is refused (docs/vast-api.md C.7)."""
    world = a_world()
    wire, instance = await rented(world)
    assert (
        await wire.ask("PUT", f"/api/v0/instances/bid_price/{instance}/", {"price": 1})
    ).status_code == 400
