"""What a machine printed: the first place to look when it does not start, or started and does
nothing.

Vast hands out an address and the host uploads to it a moment later (C.7); this waits, fetches and
shows the end. What a log holds was written by programs and strangers, and may repeat a secret that
the person let the machine have.
"""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import AfterValidator, Field

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, ToolSpec

SHOWN_BYTES = 9_600  # of the log as JSON text; with the rest of the answer it stays under 10 KB
FILTER_MAX = 200
# Colours and cursor moves (CSI), window titles (OSC) and the two-character escapes of a terminal.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[ "
    r"-/]*[0-~]"
)


def _printable(words: str) -> str:
    if len(words) > FILTER_MAX or not words.isprintable():
        raise ValueError(f"must be printable, and at most {FILTER_MAX} characters")
    return words


class ShowLogs(Arguments):
    instance_id: Annotated[int, Field(ge=1, description="from show_instances")]
    tail: Annotated[int, Field(ge=1, le=5000, description="last lines, 1 to 5000. Default 200")] = (
        200
    )
    filter: Annotated[
        str | None,
        AfterValidator(_printable),
        Field(min_length=1, description="only lines with this (grep)"),
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


async def show_logs(args: ShowLogs, call: Call) -> ShowLogsResult:
    """The end of a machine's log, at most 10 KB. Waits until the host has uploaded it."""
    from vast_mcp.vast.logs import fetch_log

    try:
        address = await call.vast.request_logs(
            args.instance_id, args.tail, words=args.filter, daemon=args.daemon
        )
        fetched = await fetch_log(call.session.link, address, call.deadline, _waiting(call))
    except errors.VastMcpError as exc:
        raise _told(exc, args) from exc
    secrets = call.settings.secrets()
    # Before the escapes go, for values of several lines, and after: an escape in the middle hides
    # one from the first.
    lines = [
        errors.redacted(line, secrets)
        for line in plain_lines(errors.redacted(fetched.text, secrets))
    ]
    shown = last(lines, SHOWN_BYTES)
    return ShowLogsResult(
        instance_id=args.instance_id,
        lines=len(shown),
        truncated=fetched.begin_missing or fetched.end_missing or shown != lines,
        end_missing=fetched.end_missing or None,
        uploaded_s_ago=None if fetched.age_s is None else round(fetched.age_s),
        untrusted_log="\n".join(shown),
    )


def _waiting(call: Call) -> Callable[[], Awaitable[None]]:
    """Tells the host's progress channel of each pause."""
    pauses = itertools.count(1)

    async def tell() -> None:
        await call.progress(next(pauses), None, "waiting for the host to upload the log")

    return tell


def plain_lines(text: str) -> list[str]:
    """The lines as a terminal would leave them: no escapes, and of a redrawn line its last state.

    Control and bidirectional characters go; tabs stay.
    """
    drawn = (_ESCAPES.sub("", line).rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    lines = ["".join(_visible(c) for c in line).rstrip() for line in drawn]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _visible(char: str) -> str:
    if char.isspace() and char != "\t":
        return " "
    return char if char == "\t" or unicodedata.category(char)[0] != "C" else ""


def last(lines: list[str], most: int) -> list[str]:
    """As many lines from the end as fit into `most` bytes of JSON text; of a longer last line, its
    own end.
    """
    left, at = most, len(lines)
    while at and (left := left - _size(lines[at - 1]) - 2) >= 0:  # a line's end is \n in JSON text
        at -= 1
    if at == len(lines) and lines:
        end = lines[-1][-most:]
        while _size(end) > most:
            end = end[(_size(end) - most + 11) // 12 :]  # no character takes more than 12 bytes
        return [end]
    return lines[at:]


def _size(line: str) -> int:
    return len(json.dumps(line, ensure_ascii=False).encode()) - 2


def _told(exc: errors.VastMcpError, args: ShowLogs) -> errors.VastMcpError:
    """The error with the step that leads on."""
    given: Json = args.model_dump(exclude_none=True, exclude_defaults=True)
    if exc.retryable:
        exc.next_steps = [NextStep("show_logs", given, "asks again")]
    elif isinstance(exc, (errors.NoSuchInstance, errors.NotFound)):
        exc.next_steps = [NextStep("show_instances", {}, "see what exists")]
    return exc


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
