"""docs/sandbox.md names every route of a renter's client: served as the sandbox's table has it, or
not served.
"""

import re
from typing import Any, NamedTuple

import pytest

from house import ROOT
from sandbox_wire import Wire, a_world
from vast_mcp.sandbox.belongings import SCOPES
from vast_mcp.sandbox.faults import ENDPOINTS
from vast_mcp.sandbox.routes import TABLE


class Row(NamedTuple):
    method: str
    path: str
    scope: str


def rows(heading: str) -> list[Row]:
    """The rows of one table of the page."""
    page = (ROOT / "docs/sandbox.md").read_text(encoding="utf-8")
    part = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| `([^`]+)` \| ([A-Z, ]+) \| (\S+) \| .+ \|$", part, re.M)
    return [
        Row(method, path, "" if scope == "-" else scope)
        for path, methods, scope in found
        for method in methods.split(", ")
    ]


def short(path: str) -> str:
    """A path of the table as the page spells it."""
    return re.sub(r"\{(\w+):int\}", r"{\1}", path.removeprefix("/api/v0"))


def at(path: str) -> str:
    """The address of a row, with numbers where it has names."""
    prefix = "" if path.startswith(("/api/", "/_")) else "/api/v0"
    return prefix + re.sub(r"\{\w+\}", "1", path)


def test_the_page_names_every_route_that_is_served_and_its_scope() -> None:
    """Nothing is served in silence, and nothing is said to be that is not."""
    served = [Row(one.method, short(one.path), one.scope) for one in TABLE]
    assert sorted(rows("Served")) == sorted(served)
    assert len(served) == len(set(served))


def test_a_fault_can_be_set_on_every_route() -> None:
    """Each has a name that faults know."""
    names = {one.name for one in TABLE if isinstance(one.name, str)}
    assert names <= ENDPOINTS


def test_every_scope_is_one_that_is_known() -> None:
    """A scope that is misspelled would open to nobody (docs/vast-api.md I)."""
    assert {row.scope for row in [*rows("Served"), *rows("Not served")]} <= {"", *SCOPES}


async def test_what_is_named_as_not_served_is_refused_and_does_nothing() -> None:
    """The sandbox has a 404 in JSON for it, or a 405 where the address has other methods."""
    world = a_world()
    wire = Wire(world)
    wanted = rows("Not served")
    assert len(wanted) > 50
    for row in wanted:
        reply = await wire.ask(row.method, at(row.path), {})
        said: Any = reply.json()
        refused = (reply.status_code, said["error"])
        assert refused in {(404, "not_found"), (405, "method_not_allowed")}, row
    assert world.ledger == []


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_route_without_its_slash_is_told_by_the_table_alone(slash: str) -> None:
    """The few that have none are 404 with it (docs/vast-api.md 0)."""
    for one in TABLE:
        if not one.path.startswith("/_"):
            path = at(short(one.path)).rstrip("/") + slash
            reply = await Wire(a_world()).ask(one.method, path, {})
            moved = one.path.endswith("/") and not slash
            missing = slash and not one.path.endswith("/")
            assert (reply.status_code == 301) == moved, path
            assert not missing or reply.status_code == 404, path
