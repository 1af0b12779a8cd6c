"""What is mended is sent, and does not change which wish a call is: rentals that a journal has from
before are found by the same call.
"""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from house import an_offer, call, puts
from vast_mcp.renting.order import order_of
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools.create_instance import CreateInstance

# As they were given before there was any mending, and the wish that the journal knew them by.
BEFORE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"env": "-e A=1 -p 8000:80/udp"}, {"env": {"A": "1", "-p 8000:80/udp": "1"}}),
    ({"env": ["A=1", "-e 'B=x y'"]}, {"env": {"A": "1", "B": "x y"}}),
    ({"env": {"A": "1", "-p 80:80": ""}}, {"env": {"A": "1", "-p 80:80": ""}}),
    ({"env": '{"A": "1"}'}, {"env": {"A": "1"}}),
    ({"env": "-e 'A=x\ny' -h box"}, {"env": {"A": "x\ny", "-h": "box"}}),
    ({"onstart": "echo 1\r\n"}, {"onstart": "echo 1\r\n"}),
    (
        {"image_login": "docker login --username a -p b https://docker.io"},
        {"image_login": "docker login --username a -p b https://docker.io"},
    ),
    ({"image": "a/b:C"}, {"image": "a/b:C"}),
]


@pytest.mark.parametrize(("given", "wished"), BEFORE, ids=[str(given) for given, _ in BEFORE])
def test_a_wish_is_what_it_was_before(
    settings: Settings, given: dict[str, Any], wished: dict[str, Any]
) -> None:
    """The journal names a wish by its arguments as they were given (docs/protocol.md)."""
    asked = CreateInstance.model_validate({"offer_id": 7, **given})
    order = order_of(asked.model_dump(exclude_none=True), settings)
    assert order.wished == {"offer_id": 7, **wished}


async def test_the_same_call_again_finds_what_was_mended(client: Client, world: World) -> None:
    wish = {
        "offer_id": an_offer(world, direct_port_count=lambda ports: ports > 2)["id"],
        "disk": 20,
        "env": "--shm-size 1g \\\n -e A=1 -p 8000",
        "onstart": "echo 1\r\n",
        "runtype": "ssh_direct",
        "image_login": "docker login -u a -p b https://docker.io",
    }
    first = await call(client, "create_instance", **wish)
    again = await call(client, "create_instance", **wish)
    assert (again["replayed"], again["instance_id"]) == (True, first["instance_id"])
    assert puts(world) == 1
