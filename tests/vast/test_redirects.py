"""A redirect of a read is followed on the same scheme, host and port; nothing else is, and the key
goes nowhere else (docs/vast-api.md 0).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from test_wire import EMPTY, KEY, Answer, asking, whole, wired

from house import an_offer, call, puts, sampled
from vast_mcp.sandbox.world import World

STATUSES = [301, 302, 303, 307, 308]
LIST = "/api/v1/instances/"


def moving(status: int, location: str) -> dict[str, Any]:
    """A redirect as the service's proxy writes it: its JSON has no data."""
    body = {"msg": "Moved Permanently"}
    return {"status": status, "body": body, "headers": {"Location": location}}


def to(location: str, status: str = "301 Moved") -> Answer:
    """Leads on from everywhere but /there/, where a list is."""

    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        led_on = head.split(" ")[1].startswith("/there/")
        say = whole(EMPTY) if led_on else whole(b"{}", status, f"Location: {location}")
        await say(head, writer)

    return answer


# ── reads ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", STATUSES)
async def test_a_read_goes_on_where_a_redirect_leads_on_the_same_origin(
    client: Client, world: World, status: int
) -> None:
    """Proxies in front of the service answer so (docs/vast-api.md 0)."""
    world.faults.add("user", "status", **moving(status, "/api/v0/users/current/?again=1"))
    assert "error" not in await call(client, "show_account")
    asked = world.asked("user")
    assert [one.query for one in asked] == [{}, {"again": "1"}]
    assert {one.method for one in asked} == {"GET"}


SAME = [
    "/there/",
    "/there/?limit=25&after_token=a%2Fb",
    "../../../there/",
    "//{own}/there/",
    "http://{own}/there/#part",
    "HTTP://LOCALHOST:{port}/there/",
    "http://LocalHost.:{port}/there/",
]


@pytest.mark.parametrize("location", SAME)
async def test_the_same_origin_is_known_however_it_is_written(
    tmp_path: Path, location: str
) -> None:
    """Relative, absolute, in capitals."""
    async with wired(to("")) as wire:
        port = wire.address.rpartition(":")[2]
        own = f"localhost:{port}"
        wire.answer = to(location.format(own=own, port=port))
        async with asking(tmp_path, f"http://{own}") as client:
            assert (await call(client, "show_instances"))["count"] == 0
    assert all(KEY in head for head in wire.heads)
    assert wire.heads[1].startswith("GET /there/")


ELSEWHERE = [
    "http://{other}/there/",
    "//{other}/there/",
    "http://{own}@{other}/there/",
    "http://user:pass@{own}/there/",
    "http://{other}\\@{own}/there/",
    "http://{own}\\@{other}/there/",
    "/\\{other}/there/",
    "\\\\{other}/there/",
    "http:\\\\{other}/there/",
    "http:/{other}/there/",
    "http:{other}/there/",
    "///{other}/there/",
    "http:///{other}/there/",
    "http://{own}%2f@{other}/there/",
    "http://{own}%40{other}/there/",
    "http%3A%2F%2F{other}/there/",
    "http://{own}.{other}/there/",
    "http://{other}#@{own}/there/",
    "http://{other}?@{own}/there/",
    "https://{own}/there/",
    "https://{other}/there/",
    "http://127.0.0.1/there/",
    "http://127.0.0.1:0{port}0/there/",
    "http://localhost:{port}/there/",
    "http://[::1]:{port}/there/",
    "ws://{own}/there/",
    "ftp://{own}/there/",
    "javascript:alert(1)",
    "http://",
    "http://{own}/there/, http://{other}/there/",
    "http://{other}/\u0e01/",
    "",
]


@pytest.mark.parametrize("location", ELSEWHERE)
async def test_the_key_goes_to_no_other_origin(tmp_path: Path, location: str) -> None:
    """Another host, port or scheme, or what some reader of addresses takes for one."""
    async with wired(whole(EMPTY)) as other, wired(to("")) as wire:
        port = wire.address.rpartition(":")[2]
        wire.answer = to(location.format(own=wire.address, other=other.address, port=port))
        async with asking(tmp_path, f"http://{wire.address}") as client:
            error = (await call(client, "show_instances"))["error"]
    assert other.heads == []
    assert not any(head.startswith("GET /there/") for head in wire.heads)
    assert (error["code"], error["http_status"], error["retryable"]) == ("redirected", 301, False)
    assert error["billing_possible"] is False
    assert "VAST_URL" in error["message"]
    assert "https://console.vast.ai" in error["message"]


async def test_redirects_without_end_are_an_error(tmp_path: Path) -> None:
    """Each leads to the next, and the last to the first."""
    async with (
        wired(to("/round/?and=round", "302 Found")) as wire,
        asking(tmp_path, f"http://{wire.address}") as client,
    ):
        error = (await call(client, "show_instances"))["error"]
    assert (error["code"], len(wire.heads)) == ("redirected", 4)


@pytest.mark.parametrize("begin", ["/there/", "/there/?x="])
async def test_an_address_too_long_to_ask_is_nowhere(tmp_path: Path, begin: str) -> None:
    """Vast did answer: with where nobody can go."""
    async with (
        wired(to(begin + "a" * 70_000)) as wire,
        asking(tmp_path, f"http://{wire.address}") as client,
    ):
        error = (await call(client, "show_instances"))["error"]
    assert (error["code"], len(wire.heads)) == ("redirected", 1)


@pytest.mark.parametrize("status", [300, 304, 305, 306])
async def test_a_redirect_that_names_no_place_to_go_on_is_an_error(
    client: Client, world: World, status: int
) -> None:
    """Its words are no answer, whatever they are."""
    odd = moving(status, "/api/v0/users/current/")
    world.faults.add("user", "status", times=None, **odd)
    assert (await call(client, "show_account"))["error"]["code"] == "redirected"
    assert len(world.asked("user")) == 1


async def test_what_is_not_where_a_redirect_leads_is_no_absence(
    client: Client, world: World
) -> None:
    """A 404 from another address says nothing of the machine (docs/protocol.md)."""
    machine = (await call(client, "create_instance", offer_id=an_offer(world)["id"], image="x"))[
        "instance_id"
    ]
    world.faults.add("show", "status", times=None, **moving(302, "/api/v0/nowhere/"))
    shown = await call(client, "show_instance", instance_id=machine)
    assert shown["error"]["code"] == "redirected"


async def test_a_list_is_whole_through_redirects(client: Client, world: World) -> None:
    """The legal neighbour: a page that is read at a second address is the page."""
    made = [
        world.rent(world.offer(disk_space=lambda free: free > 20)["id"], {"image": "x", "disk": 8})
        for _ in range(3)
    ]
    query = "limit=25&order_by=%5B%7B%22col%22%3A%22id%22%2C%22dir%22%3A%22desc%22%7D%5D"
    world.faults.add("list", "status", **moving(308, f"{LIST}?{query}"))
    assert (await call(client, "show_instances"))["count"] == len(made)


# ── what acts ──────────────────────────────────────────────────────────────────────────────────


async def test_a_search_that_is_redirected_is_an_error(client: Client, world: World) -> None:
    """It is a POST, whose body a second address would get or lose (docs/vast-api.md 0)."""
    world.faults.add("search", "status", **moving(307, "/api/v0/bundles/"))
    error = (await call(client, "search_offers"))["error"]
    assert (error["code"], len(world.asked("search"))) == ("redirected", 1)


@pytest.mark.parametrize("status", sampled(STATUSES))
async def test_a_redirected_rent_is_sent_once_and_found_where_it_was_done(
    client: Client, world: World, status: int
) -> None:
    """No page says that a redirect did nothing, so the list decides (docs/protocol.md)."""
    wish = {"offer_id": an_offer(world)["id"], "image": "x", "disk": 16}
    to_itself = f"/api/v0/asks/{wish['offer_id']}/"
    world.faults.add("create", "status", when="after", **moving(status, to_itself))
    made = await call(client, "create_instance", **wish)
    [rental] = world.rentals
    assert (made["instance_id"], made["recovered"], puts(world)) == (rental.id, True, 1)


async def test_a_redirected_rent_is_in_doubt(client: Client, world: World) -> None:
    """The legal neighbour of a refusal: it may have been done, and says what to look at."""
    wish = {"offer_id": an_offer(world)["id"], "image": "x", "disk": 16}
    world.faults.add("create", "status", **moving(308, "https://console.vast.ai/"))
    error = (await call(client, "create_instance", **wish))["error"]
    assert (error["code"], error["http_status"]) == ("outcome_unknown", 308)
    assert (error["billing_possible"], puts(world)) == (True, 1)
    assert "redirect" in error["message"]


@pytest.mark.parametrize(
    ("action", "endpoint", "more"),
    [("stop", "stop", {}), ("label", "label", {"label": "x"}), ("reboot", "reboot", {})],
)
async def test_a_redirected_act_may_have_happened(
    client: Client, world: World, action: str, endpoint: str, more: dict[str, str]
) -> None:
    """It is sent once, and a look decides; where none can, the answer says what it met."""
    machine = (await call(client, "create_instance", offer_id=an_offer(world)["id"], image="x"))[
        "instance_id"
    ]
    world.faults.add(endpoint, "status", **moving(307, f"/api/v0/instances/{machine}/"))
    told = await call(client, "manage_instance", instance_id=machine, action=action, **more)
    assert (told["error"]["code"], told["error"]["http_status"]) == ("outcome_unknown", 307)
    assert "redirect" in told["error"]["message"]
    assert len(world.asked(endpoint)) == 1


async def test_a_redirected_destroy_still_bills(client: Client, world: World) -> None:
    """It destroyed nothing that anybody has seen."""
    machine = (await call(client, "create_instance", offer_id=an_offer(world)["id"], image="x"))[
        "instance_id"
    ]
    lead = moving(301, f"/api/v0/instances/{machine}/?x")
    world.faults.add("destroy", "status", times=None, **lead)
    error = (await call(client, "destroy_instance", instance_ids=[machine]))["error"]
    assert (error["code"], error["billing_possible"]) == ("destroy_unverified", True)
    assert error["results"] == [{"instance_id": machine, "outcome": "redirected"}]
    assert len(world.rentals) == 1
