"""`until`: what may be waited for, however it is written."""

from __future__ import annotations

import pytest
from mcp import Client

from house import call, sampled
from vast_mcp.sandbox.world import World
from vast_mcp.waiting.aims import LONGEST_TEXT, Aim, aim_of
from waits import problem, rent, wait

UNDERSTOOD = [
    ("ready", Aim("ready")),
    ("reachable", Aim("ready")),
    (" Running ", Aim("running")),
    ("SSH", Aim("ssh")),
    ("Jupyter", Aim("jupyter")),
    ("port:8080", Aim("port", port=8080)),
    ("port 8080", Aim("port", port=8080)),
    ("Port = 8080", Aim("port", port=8080)),
    ("port: 8080", Aim("port", port=8080)),
    ("port:8080/tcp", Aim("port", port=8080)),
    ("8080/TCP", Aim("port", port=8080)),
    ("port:65535", Aim("port", port=65535)),
    ("log:Running on", Aim("log", text="Running on")),
    ("LOG: Running on ", Aim("log", text="Running on")),
    ("log:a:b/c", Aim("log", text="a:b/c")),
    ("log:none", Aim("log", text="none")),
    ("log:ready", Aim("log", text="ready")),
]

REFUSED = [
    ("8080", "port:N"),
    ("port", "must be ready"),
    ("port:", "1 to 65535"),
    ("port:0", "1 to 65535"),
    ("port:65536", "1 to 65535"),
    ("port:-1", "1 to 65535"),
    ("port:http", "1 to 65535"),
    ("port:8080,8081", "1 to 65535"),
    ("port:9000/udp", "UDP"),
    ("9000/udp", "UDP"),
    ("log", "must be ready"),
    ("log:", "text to look for"),
    ("log: ", "text to look for"),
    ("log:a\nb", "text to look for"),
    (f"log:{'x' * (LONGEST_TEXT + 1)}", "at most 200"),
    ("done", "must be ready"),
    ("http://127.0.0.1:8080", "must be ready"),
    ("ready now", "must be ready"),
]


@pytest.mark.parametrize(("until", "aim"), UNDERSTOOD, ids=[text for text, _ in UNDERSTOOD])
def test_what_is_plain_is_understood(until: str, aim: Aim) -> None:
    """One value, many spellings; the text of a log keeps its own (decided here)."""
    assert aim_of(until) == aim


@pytest.mark.parametrize(("until", "why"), sampled(REFUSED), ids=repr)
async def test_anything_else_is_refused_with_what_may_stand_there(
    client: Client, world: World, until: str, why: str
) -> None:
    """Nothing is guessed: a wait for another door than was meant ends in the wrong word."""
    done = await wait(client, rent(world), until=until)
    assert problem(done).startswith("until: ")
    assert why in problem(done)
    assert world.asked("show") == []


async def test_a_machine_is_named_once(client: Client, world: World) -> None:
    """instance_id or instance_ids, exactly one of them."""
    made = rent(world)
    for given in ({}, {"instance_id": made, "instance_ids": [made]}, {"instance_ids": []}):
        assert "instance_id" in problem(await call(client, "wait_for_instance", **given))
