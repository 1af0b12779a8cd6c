"""The sandbox sets the intervals of the generated table, and a quota of searched rows a day
(docs/vast-api.md H).
"""

from typing import Any

import pytest

from sandbox_wire import Clock, Wire, a_world
from vast_mcp.sandbox.world import World

SEARCH = ("POST", "/api/v0/bundles/", {"limit": 1})
ROOMS = ("POST", "/api/v0/volumes/search/", {"limit": 1})
LABEL = ("PUT", "/api/v0/instances/1/", {"label": "x"})

# Request → seconds between two of them.
PUBLISHED: list[tuple[str, str, Any, float]] = [
    ("PUT", "/api/v0/asks/1/", {}, 4.5),
    ("GET", "/api/v1/instances/", None, 1),
    ("GET", "/api/v0/instances/1/", None, 2),
    ("GET", "/api/v0/instances/", None, 20),
    (*LABEL, 1),
    ("PUT", "/api/v0/instances/1/", {"state": "stopped"}, 1),
    ("DELETE", "/api/v0/instances/1/", {}, 3),
    ("PUT", "/api/v0/instances/bid_price/1/", {"price": 1}, 5.5),
    ("PUT", "/api/v0/instances/reboot/1/", {}, 1),
    ("PUT", "/api/v0/instances/recycle/1/", {}, 1),
    ("GET", "/api/v0/ssh/", None, 1),
    ("POST", "/api/v0/ssh/", {"ssh_key": "x"}, 1),
    ("POST", "/api/v0/instances/1/ssh/", {"ssh_key": "x"}, 2),
    ("DELETE", "/api/v0/instances/1/ssh/1/", {}, 2),
    (*ROOMS, 2),
    ("GET", "/api/v0/volumes/", None, 2),
    ("DELETE", "/api/v0/volumes/", {"id": 1}, 2),
    ("PUT", "/api/v0/volumes/", {}, 1),
    ("GET", "/api/v0/template/", None, 1.9),
]
WRITTEN = {"/api/v0/volumes/search/": 5.5, "/api/v0/volumes/": 5.5, "/api/v0/template/": 3}


async def statuses_of(
    world: World, call: tuple[str, str, Any], seconds: float
) -> tuple[bool, bool, bool]:
    """Whether a 429 came at once, shortly before the interval is over, and shortly after it."""
    wire, clock = Wire(world), world.clock
    assert isinstance(clock, Clock)
    refused: list[bool] = []
    for step in (0, seconds * 0.9, seconds * 0.2):
        clock.now += step
        refused.append((await wire.ask(*call)).status_code == 429)
    return refused[0], refused[1], refused[2]


@pytest.mark.parametrize(("method", "path", "body", "seconds"), PUBLISHED)
async def test_a_limit_holds_until_its_time_is_over(
    method: str, path: str, body: Any, seconds: float
) -> None:
    """One switch turns on every interval of the generated table."""
    refused = await statuses_of(a_world(limits=True), (method, path, body), seconds)
    assert refused == (False, True, False)


@pytest.mark.parametrize("path", WRITTEN)
async def test_the_hand_written_intervals_are_a_switch(path: str) -> None:
    """Where the two descriptions differ, the generated one is the default."""
    call = ("POST" if path.endswith("search/") else "GET", path, {})
    world = a_world(limits=True, written_limits=True)
    assert await statuses_of(world, call, WRITTEN[path]) == (False, True, False)


async def test_the_intervals_can_be_shortened_together() -> None:
    """For tests whose waits are."""
    world = a_world(limits=True, limits_scale=0.1)
    assert await statuses_of(world, LABEL, 0.1) == (False, True, False)


async def test_start_stop_and_label_are_one_route() -> None:
    """An interval is that of a route, whatever the body."""
    wire = Wire(a_world(limits=True))
    await wire.ask("PUT", "/api/v0/instances/1/", {"state": "running"})
    assert (await wire.ask(*LABEL)).status_code == 429


async def test_limits_are_off_until_switched_on() -> None:
    """Tests ask fast; only a world that is told to enforces Vast's intervals."""
    wire = Wire(a_world())
    assert [await wire.show(1) for _ in range(20)] == [None] * 20


async def test_routes_that_the_table_lacks_are_free() -> None:
    """The account, a log's request and the names of GPUs."""
    wire = Wire(a_world(limits=True))
    asks = [
        ("PUT", "/api/v0/instances/request_logs/1/"),
        ("GET", "/api/v0/users/current/"),
        ("GET", "/api/v0/gpu_names/unique/"),
    ]
    for method, path in asks * 3:
        assert (await wire.ask(method, path)).status_code != 429


async def test_two_creates_within_the_interval_are_one_rental_and_a_429() -> None:
    """Two creates lie 4.5 s apart, and the refusal has Retry-After."""
    clock = Clock()
    world = World(clock=clock, limits=True, rent_again=True)
    wire, offer = Wire(world), world.offer()["id"]
    assert (await wire.rent(offer)).status_code == 200
    clock.now += 1
    refused = await wire.rent(offer)
    assert (refused.status_code, refused.headers["retry-after"], refused.json()["retry_after"]) == (
        429,
        "4",
        4,
    )
    clock.now += 4
    assert (await wire.rent(offer)).status_code == 200
    assert len(world.rentals) == 2


async def test_five_searches_may_come_at_once() -> None:
    """Form 4 was seen with a limit of 5; one more comes back every two seconds."""
    world = a_world(limits=True)
    wire, clock = Wire(world), world.clock
    assert isinstance(clock, Clock)
    statuses = [(await wire.ask(*SEARCH)).status_code for _ in range(6)]
    clock.now += 2
    assert [*statuses, (await wire.ask(*SEARCH)).status_code] == [200] * 5 + [429, 200]


@pytest.mark.parametrize("form", ["plain", "detail", "code", "json"])
async def test_a_limit_refuses_in_the_form_that_is_chosen(form: str) -> None:
    """Forms 1 to 4; only the fourth says how long to wait."""
    wire = Wire(a_world(limits=True, limit_form=form))
    await wire.ask(*LABEL)
    refused = await wire.ask(*LABEL)
    assert refused.status_code == 429
    assert ("retry-after" in refused.headers) == (form == "json")
    said = refused.text if form == "code" else refused.text.lower()
    assert ("rate_limit_exceeded" if form == "code" else "too frequent") in said


async def test_the_quota_counts_rows_and_not_searches() -> None:
    """20,000 offer rows a day; the refusal is form 5."""
    world = a_world(search_quota=100)
    wire = Wire(world)
    assert len(await wire.search()) == 64
    assert len(await wire.search(limit=35)) == 35
    assert len(await wire.search(limit=1)) == 1
    refused = await wire.ask(*SEARCH)
    assert (refused.status_code, refused.json()["error"]) == (429, "search_quota_exceeded")
    assert (refused.json()["limit"], refused.json()["remaining"]) == (100, 0)
    assert (await wire.ask(*ROOMS)).status_code == 429


async def test_a_search_that_shows_nothing_costs_nothing() -> None:
    wire = Wire(a_world(search_quota=1))
    for _ in range(3):
        assert await wire.search(gpu_name={"eq": "no such card"}) == []
    assert len(await wire.search(limit=1)) == 1


async def test_the_quota_begins_anew_at_midnight_utc() -> None:
    """The reply says when, in the body and in X-RateLimit-Reset."""
    world = a_world(search_quota=1)
    wire, clock = Wire(world), world.clock
    assert isinstance(clock, Clock)
    await wire.search(limit=1)
    refused = await wire.ask(*SEARCH)
    left = refused.json()["retry_after"]
    assert int(refused.headers["x-ratelimit-reset"]) == clock.now + left
    clock.now += left - 1
    assert (await wire.ask(*SEARCH)).status_code == 429
    clock.now += 1
    assert len(await wire.search(limit=1)) == 1


async def test_a_cuda_filter_alone_hides_the_newest_cards() -> None:
    """`cuda_max_good` without `compute_cap` hid H100 and H200 (docs/vast-api.md B.2)."""
    world = a_world()
    wire, cuda = Wire(world), {"cuda_max_good": {"gte": 11}}
    names = {
        "gpu_name": {"in": ["H100 PCIE", "H100 SXM", "H200"]},
        "verified": {"in": [True, False]},
    }
    assert await wire.search(**names, **cuda) == []
    assert await wire.search(**names, **cuda, compute_cap={"gte": 1})
    world.cuda_hides = False
    assert await wire.search(**names, **cuda)
