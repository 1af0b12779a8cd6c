"""Whatever is sent to the sandbox, it answers, and never with a crash of its own."""

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from house import so_many
from sandbox_wire import Wire, a_world

WORLD = a_world(rent_again=True)
ASK = WORLD.offer()["id"]
BID = WORLD.rent(ASK, {"image": "example/image", "price": 1.0}).id

scalars = st.none() | st.booleans() | st.integers(-5, 5_000) | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
)
fields = st.sampled_from(
    [
        "image",
        "disk",
        "price",
        "label",
        "onstart",
        "args",
        "args_str",
        "runtype",
        "vm",
        "env",
        "volume_info",
        "template_hash_id",
        "target_state",
        "cancel_unavail",
        "client_id",
    ]
)
columns = st.sampled_from(
    ["gpu_name", "num_gpus", "dph_total", "verified", "geolocation", "search", "id", "nonsense"]
)
ops = st.dictionaries(
    st.sampled_from(["eq", "neq", "gt", "gte", "lt", "lte", "in", "notin", "odd"]),
    values,
    max_size=2,
)
scalar_names = st.sampled_from(["order", "limit", "type", "allocated_storage"])
queries = st.dictionaries(columns, ops, max_size=3) | st.dictionaries(
    scalar_names, values, max_size=2
)


def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
    """An exception inside the application surfaces here as itself."""

    async def ask() -> tuple[int, Any]:
        reply = await Wire(WORLD).http.request(method, path, content=json.dumps(body))
        return reply.status_code, reply.json()

    return asyncio.run(ask())


@settings(max_examples=so_many(150), deadline=None)
@given(st.dictionaries(fields, values, max_size=5))
def test_any_create_body_is_a_rental_or_a_refusal(body: dict[str, Any]) -> None:
    """One more rental on success, none on refusal unless the refusal names it (A.6)."""
    before = len(WORLD.rentals)
    status, reply = answer("PUT", f"/api/v0/asks/{ASK}/", body)
    assert status in {200, 400}
    assert len(WORLD.rentals) - before == ("new_contract" in reply)
    assert reply.get("success") is (status == 200)


@settings(max_examples=so_many(150), deadline=None)
@given(queries)
def test_any_query_finds_rows_or_is_refused(query: dict[str, Any]) -> None:
    """Whatever a client sends, the sandbox answers and does not break."""
    status, reply = answer("POST", "/api/v0/bundles/", query)
    assert status in {200, 400}
    assert ("offers" in reply) is (status == 200)


@settings(max_examples=so_many(100), deadline=None)
@given(values)
def test_any_body_at_all_gets_an_answer_on_every_address(body: Any) -> None:
    """Whatever a client sends, the sandbox answers and does not break."""
    for method, path in (
        ("POST", "/api/v0/bundles/"),
        ("PUT", "/api/v0/search/asks/"),
        ("PUT", f"/api/v0/asks/{ASK}/"),
        ("PUT", "/api/v0/instances/1/"),
        ("DELETE", "/api/v0/instances/1/"),
        ("POST", "/api/v0/ssh/"),
        ("POST", "/api/v0/template/"),
        ("PUT", "/api/v0/template/"),
        ("PUT", f"/api/v0/instances/bid_price/{BID}/"),
        ("PUT", f"/api/v0/instances/request_logs/{BID}/"),
        ("POST", f"/api/v0/instances/{BID}/ssh/"),
        ("POST", "/api/v0/volumes/search/"),
        ("PUT", "/api/v0/volumes/"),
        ("DELETE", "/api/v0/volumes/"),
        ("POST", "/_sandbox/faults"),
    ):
        status, reply = answer(method, path, body)
        assert status < 500
        assert isinstance(reply, dict)


bids = st.dictionaries(st.sampled_from(["client_id", "price"]), values, max_size=2)
wishes = st.dictionaries(st.sampled_from(["tail", "filter", "daemon_logs"]), values, max_size=3)
rooms = st.dictionaries(st.sampled_from(["id", "size", "name"]), values, max_size=3)
ROOM = next(iter(WORLD.volumes.rooms))


@settings(max_examples=so_many(150), deadline=None)
@given(bids, wishes, rooms)
def test_any_bid_wish_for_logs_or_volume_is_taken_or_refused(
    bid: Any, wish: Any, room: Any
) -> None:
    """Whatever a client sends, the sandbox answers and does not break."""
    for method, path, body in (
        ("PUT", f"/api/v0/instances/bid_price/{BID}/", bid),
        ("PUT", f"/api/v0/instances/request_logs/{BID}/", wish),
        ("PUT", "/api/v0/volumes/", {"id": ROOM, **room}),
        ("GET", "/api/v0/volumes/", None),
        ("GET", f"/api/v0/instances/{BID}/", None),
    ):
        status, reply = answer(method, path, body)
        assert status in {200, 400, 404, 422}
        assert reply.get("success", status == 200) is (status == 200)


def test_the_list_can_still_be_read_after_all_that() -> None:
    """Nothing taken in makes a row that cannot be sent."""
    status, reply = answer("GET", "/api/v1/instances/", None)
    assert (status, reply["success"]) == (200, True)
