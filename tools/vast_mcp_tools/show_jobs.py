"""Which jobs there are, so that none is left that nobody can find: whoever began it, in whichever
talk.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.working.jobs.shown import JobRow


class ShowJobs(Arguments):
    told_elsewhere = frozenset({"not_ours"})

    instance_id: Annotated[
        int | None, Field(ge=1, description="all of this one. Default: this computer's")
    ] = None
    not_ours: bool = False


class ShowJobsResult(Result):
    count: int
    jobs: list[JobRow] = []
    warnings: list[str] = []
    next_steps: list[Step] = []


async def show_jobs(args: ShowJobs, call: Call) -> ShowJobsResult:
    """Jobs of run_command, at most 50 a machine, and how they stand."""
    from vast_mcp.working.jobs.listing import Listing

    found = Listing(call, args.not_ours)
    if args.instance_id is None:
        await found.of_journal()
    else:
        await found.of_machine(args.instance_id)
    return ShowJobsResult(
        count=len(found.rows),
        jobs=found.rows,
        warnings=found.warnings,
        next_steps=[] if call.limits.read_only else _steps(found.rows, args),
    )


def _steps(rows: list[JobRow], args: ShowJobs) -> list[Step]:
    """A look at the newest that runs, or may."""
    for state in ("running", "unknown"):
        for row in rows:
            if row.state == state:
                more = {"not_ours": True} if args.not_ours else {}
                given = {"instance_id": row.instance_id, "job": row.job} | more
                return [step("run_command", "follows it, and begins nothing", **given)]
    return []


SPEC = ToolSpec(
    fn=show_jobs,
    arguments=ShowJobs,
    result=ShowJobsResult,
    title="Show jobs in machines",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=True,
)
