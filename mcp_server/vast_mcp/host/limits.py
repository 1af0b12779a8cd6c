"""The person's limits under an address of their own, for the page of money: no tool's answer grows
by them.
"""

from __future__ import annotations

from vast_mcp.renting.fullness import fullness_of
from vast_mcp.session import Call
from vast_mcp.settings import Settings
from vast_mcp.toolspec import Arguments, Part, Result, ToolSpec

LOOKS_ALONE = "This server looks, and nothing else (VAST_MCP_READ_ONLY)."


class ShowLimits(Arguments):
    pass


class LimitRow(Part):
    """A limit: `now` is what it counts, absent where that is not known or it counts nothing that
    is there. `unit`: $/h, h, or none for a number.
    """

    setting: str
    says: str
    limit: float
    unit: str
    now: float | None = None
    counts: bool
    at_least: bool


class ShowLimitsResult(Result):
    limits: list[LimitRow]
    asks: list[str] = []
    warnings: list[str] = []


async def show_limits(_: ShowLimits, call: Call) -> ShowLimitsResult:
    """Shows the limits that the person set, and how full they are."""
    limits, unknown = await fullness_of(call)
    rows = [LimitRow.model_validate(vars(one)) for one in limits]
    return ShowLimitsResult(limits=rows, asks=_asks(call.settings), warnings=unknown)


def _asks(settings: Settings) -> list[str]:
    """When a person is asked, in words."""
    told: list[str] = []
    if settings.limits.read_only:
        told.append(LOOKS_ALONE)
    if settings.confirm_above == 0:
        told.append("A person is asked before each rental (VAST_MCP_CONFIRM).")
    elif settings.confirm_above is not None:
        above = settings.confirm_above
        told.append(f"A person is asked above ${above:g}/h (VAST_MCP_CONFIRM).")
    return told


SPEC = ToolSpec(
    fn=show_limits,
    arguments=ShowLimits,
    result=ShowLimitsResult,
    title="Show limits",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=True,
)
