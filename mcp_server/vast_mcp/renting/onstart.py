"""An onstart that is too long for Vast becomes a short one that unpacks it (docs/vast-api.md A.3),
or a problem where nothing could unpack it.
"""

from __future__ import annotations

from vast_mcp.errors import Json, Problem
from vast_mcp.leases import packing
from vast_mcp.renting import rules


def onstart_of(given: Json) -> tuple[Json, list[Problem]]:
    """A long onstart as a short one that does the same: a field of the body, and what is wrong."""
    script: str = given.get("onstart", "")
    if len(script) <= packing.ONSTART_MAX:
        return {}, []
    if rules.by_args(given, None):
        return {}, [entrypoint_problem(script)]
    packed = packing.packed(script)
    if len(packed) <= packing.ONSTART_MAX:
        return {"onstart": packed}, []
    too_long = (
        f"is {len(script)} characters, packed {len(packed)}; Vast takes {packing.ONSTART_MAX}. "
        "Let it download the rest"
    )
    return {"onstart": packed}, [Problem("onstart", too_long)]


def entrypoint_problem(script: str) -> Problem:
    """A long onstart where it is the entrypoint: no shell reads it, so nothing could unpack it."""
    return Problem(
        "onstart",
        f"is {len(script)} characters; with runtype args it is the entrypoint, at most "
        f"{packing.ONSTART_MAX}",
    )
