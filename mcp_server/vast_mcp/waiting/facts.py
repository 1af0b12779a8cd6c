"""What a wait tells of one machine."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vast_mcp.account.access import Access
from vast_mcp.account.reading import Shown
from vast_mcp.account.spent import Cost
from vast_mcp.machines.phases import Reason
from vast_mcp.toolspec import Part, Step
from vast_mcp.waiting.log import Onstart

Via = Literal["direct", "proxy_only"]
Outcome = Literal["ready", "still_starting", "failed", "running_not_reachable_from_here"]


class Came(Part):
    """How an answer about a wait begins, after whose it is."""

    state: Outcome
    reason: Reason | None = None
    message: str


class Named(Part):
    """Whose it is."""

    instance_id: int


class Facts(Cost, Shown, Came):
    """What the wait for one machine came to: the reading of it, and what was waited for."""

    status: str | None = None
    via: Annotated[Via | None, Field(description="The way SSH answered.")] = None
    seen: Annotated[
        dict[str, str] | None, Field(description="What each way in answered, tried from here.")
    ] = None
    waited_s: Annotated[
        int | None, Field(description="Since the first look at this start, over several calls.")
    ] = None
    onstart: Annotated[
        Onstart | None,
        Field(description="Its start script, by its log. unknown: it writes nothing there."),
    ] = None
    access: Access | None = None
    untrusted_status: str | None = None
    untrusted_line: Annotated[
        str | None, Field(description="Of its log: the line that was waited for, else its last.")
    ] = None
    untrusted_log: Annotated[
        list[str] | None, Field(description="The last lines of a start script that failed.")
    ] = None
    warnings: list[str] = []
    next_steps: list[Step] = []


class Verdict(Facts, Named):
    """The same, and of which machine."""
