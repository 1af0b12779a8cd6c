"""A command on a machine as an answer shows it. It is loaded as the server starts, alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vast_mcp.toolspec import Part

State = Literal[
    "running", "ended", "stopped", "lost", "interrupted", "unknown", "not_started", "not_admitted"
]

LONGEST_STEP = 2_000  # characters of a call that a step repeats


class OnMachine(Part):
    """A command on one machine."""

    instance_id: int | None = None
    job: Annotated[str | None, Field(description="Its name; run_command with it follows.")] = None
    job_was: Annotated[
        Literal["started", "followed"] | None, Field(description="By this call, or before.")
    ] = None
    state: Annotated[
        State | None, Field(description="running goes on in the machine; follow it.")
    ] = None
    exit_status: int | None = None
    duration_s: float | None = None
    untrusted_stdout: Annotated[str | None, Field(description="Its end.")] = None
    stdout_bytes: Annotated[int | None, Field(description="Where there is more than shown.")] = None
    untrusted_stderr: str | None = None
    stderr_bytes: int | None = None
    message: str | None = None
    error: Annotated[str | None, Field(description="Code, where it was not admitted.")] = None


RowState = Literal["running", "ended", "stopped", "lost", "interrupted", "unknown", "not_started"]


class JobRow(Part):
    """One job of a list."""

    job: str
    instance_id: int
    state: RowState
    exit_status: int | None = None
    began_s_ago: Annotated[int | None, Field(description="By the machine's clock.")] = None
    duration_s: float | None = None
    stdout_bytes: int | None = None
    machine_gone: Annotated[bool | None, Field(description="True: and it ended with it.")] = None
    untrusted_command: Annotated[str | None, Field(description="Its begin.")] = None
