"""A log is what a machine printed: the first place to look when it does not start, or started and
does nothing.

Vast hands out an address and the host uploads to it a moment later (docs/vast-api.md C.7); this
waits, fetches and shows the end. What a log holds was written by programs and strangers, and may
repeat a secret that the person let the machine have.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep
from vast_mcp.leases import guards
from vast_mcp.renting import lease
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.log_text import last, plain_lines
from vast_mcp.vast.models import Instance

SHOWN_BYTES = 9_600  # of the log as JSON text; with the rest of the answer it stays under 10 KB
FILTER_MAX = 200
FILTER_RULE = f"must be printable, and at most {FILTER_MAX} characters"


def _printable(words: str) -> str:
    if len(words) > FILTER_MAX or not words.isprintable():
        raise ValueError(FILTER_RULE)
    return words


class ShowLogs(Arguments):
    any_text = frozenset({"filter"})
    told_elsewhere = frozenset({"instance_id"})

    instance_id: Annotated[int, Field(ge=1, description="from show_instances")]
    tail: Annotated[int, Field(ge=1, le=5000, description="last lines, 1 to 5000. Default 200")] = (
        200
    )
    filter: Annotated[
        Annotated[str, AfterValidator(_printable)] | None,
        Field(description="only lines with this (grep)"),
    ] = None
    daemon: Annotated[bool, Field(description="the host's log. Default false: the container's")] = (
        False
    )


class ShowLogsResult(Result):
    instance_id: int
    lines: Annotated[int, Field(description="Lines shown.")]
    truncated: Annotated[bool, Field(description="True: there was more.")]
    end_missing: Annotated[
        bool | None, Field(description="True: over 1 MB came; a smaller tail has its end.")
    ] = None
    uploaded_s_ago: int | None = None
    untrusted_log: str
    warnings: list[str] = []
    next_steps: list[Step] = []


async def show_logs(args: ShowLogs, call: Call) -> ShowLogsResult:
    """The end of a machine's log, at most 10 KB. Waits until the host has uploaded it."""
    from vast_mcp.vast.logs import fetch_log

    try:
        address = await call.vast.request_logs(
            args.instance_id, args.tail, words=args.filter, daemon=args.daemon
        )
        fetched = await fetch_log(call.session.link, address, call.deadline, _Pauses(call).tell)
    except errors.VastMcpError as exc:
        exc.next_steps = _steps(exc, args)
        raise
    lines = plain_lines(fetched.text, call.settings.mask)
    shown = last(lines, SHOWN_BYTES)
    is_whole = not (args.filter or fetched.begin_missing or fetched.end_missing)
    warnings: list[str] = []
    if not args.daemon:
        whole = is_whole and 0 < len(lines) < args.tail
        warnings = await _of_watchdog(args.instance_id, lines, call, is_whole=whole)
    return ShowLogsResult(
        instance_id=args.instance_id,
        lines=len(shown),
        truncated=fetched.begin_missing or fetched.end_missing or shown != lines,
        end_missing=fetched.end_missing or None,
        uploaded_s_ago=_whole_seconds(fetched.age_s),
        untrusted_log="\n".join(shown),
        warnings=warnings,
        next_steps=[_what_it_is(args)],
    )


def _what_it_is(args: ShowLogs) -> Step:
    """A log does not say whether its machine still runs, nor what it costs."""
    return step("show_instance", "its state, and what it bills", instance_id=args.instance_id)


async def _of_watchdog(
    instance_id: int, lines: Sequence[str], call: Call, *, is_whole: bool
) -> list[str]:
    """What the log says of the watchdog of a lease: its line, its failure, or, in the whole log of
    a machine that runs, nothing.
    """
    record = call.record_of(instance_id)
    if record is None or not lease.has_watchdog(record):
        return []
    speaks = guards.started(lines)
    if speaks is None and not is_whole:
        return []
    row: Instance | None = None
    with contextlib.suppress(errors.VastMcpError):
        row = await call.vast.show_instance(instance_id)
    if speaks is not None or (row is not None and row.actual_status == "running"):
        guards.learn(call, instance_id, speaks=bool(speaks))
    return guards.warnings_of(call, row)


class _Pauses:
    """Tells the host's progress channel of each pause while a log is on its way."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._count = 0

    async def tell(self) -> None:
        self._count += 1
        await self._call.progress(self._count, None, "waiting for the host to upload the log")


def _whole_seconds(seconds: float | None) -> int | None:
    if seconds is None:
        return None
    return round(seconds)


def _steps(exc: errors.VastMcpError, args: ShowLogs) -> Sequence[NextStep]:
    """What leads on from an error; its own steps where this tool knows nothing better."""
    if exc.retryable:
        given: Json = args.model_dump(exclude_none=True, exclude_defaults=True)
        return [NextStep("show_logs", given, "asks again")]
    if isinstance(exc, errors.NoSuchInstance | errors.NotFound):
        return [NextStep("show_instances", {}, "see what exists")]
    return exc.next_steps


SPEC = ToolSpec(
    fn=show_logs,
    arguments=ShowLogs,
    result=ShowLogsResult,
    title="Show a machine's log",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=True,
)
