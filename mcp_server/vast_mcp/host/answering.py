"""How a call becomes an answer, in one order for every tool.

    arguments → the tool's function → its result or its error → notices → secrets masked

Hosts disagree on which channel their model reads (docs/hosts.md): so the text of an answer is its
structured content, and a failure carries a top-level `error`.
"""

from __future__ import annotations

import json
import logging
import traceback
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
from mcp.types import CallToolResult, TextContent

from vast_mcp import errors
from vast_mcp.caller import Host, InputNeeded, Progress, no_progress, rising
from vast_mcp.errors import Json, NextStep
from vast_mcp.host.failing import told
from vast_mcp.host.notices import notices_of
from vast_mcp.masking import Mask
from vast_mcp.renting.keeping import check_quietly
from vast_mcp.session import Call, Session
from vast_mcp.toolspec import Arguments, ToolSpec
from vast_mcp.vast.deeds import Deeds

log = logging.getLogger("vast_mcp")


async def answer(
    spec: ToolSpec,
    args: Arguments,
    session: Session,
    progress: Progress = no_progress,
    host: Host | None = None,
) -> Json:
    """Answer a call: the result's JSON, or the error's under `error`. Raises InputNeeded and
    nothing else.
    """
    call = _call_of(session, progress, host)
    try:
        payload = await _result_of(spec, args, call)
        session.settle_told(call.told & session.telling.heard())
        session.answered.set()
        # An answer that nobody will read has told nothing.
        await anyio.lowlevel.checkpoint_if_cancelled()
        if session.pretended:
            payload["sandbox"] = True
        if session.account is not None:
            await check_quietly(call)  # what is over its limit ends before the notices name it
        if notices := notices_of(call, payload):
            payload["notices"] = notices
    finally:
        for token in call.attempts:
            session.telling.answering.pop(token, None)
        if call.attempts:
            session.unjudged.set()
    return cast("Json", _masked(payload, session.settings.mask))


def _call_of(session: Session, progress: Progress, host: Host | None) -> Call:
    deadline = anyio.current_time() + session.times.budget_s
    told = session.telling.heard()
    return Call(session, deadline, rising(progress), host, told=told)


async def _result_of(spec: ToolSpec, args: Arguments, call: Call) -> Json:
    try:
        _check_allowed(spec, call.session)
        result = await spec.fn(args, call)
        payload = result.model_dump(mode="json", exclude_none=True)
        if unread := call.unread.warnings():
            payload["warnings"] = [*payload.get("warnings", ()), *unread]
        return payload
    except InputNeeded:
        raise
    except errors.VastMcpError as exc:
        log.info("%s: %s", spec.name, exc.code)
        return {"error": told(exc, spec, args, call.deeds, call.settings)}
    except Exception as exc:
        return {"error": told(_defect(spec, exc), spec, args, call.deeds, call.settings)}


def _check_allowed(spec: ToolSpec, session: Session) -> None:
    if session.limits.read_only and not spec.read_only:
        raise errors.ReadOnly(
            "The person allows this server to look only (VAST_MCP_READ_ONLY), and "
            f"{spec.name} acts."
        )


def _defect(spec: ToolSpec, exc: Exception) -> errors.InternalFault:
    """The exception's own text may hold a caller's values: the log gets its type and place, the
    model neither.
    """
    log.error("%s: defect: %s at %s", spec.name, type(exc).__name__, _place_of(exc))
    return errors.InternalFault(
        f"A defect of vast-mcp ({type(exc).__name__}). The log names the place; show_instances "
        "shows what runs.",
        next_steps=[NextStep("show_instances", {}, "see what runs")],
    )


def _place_of(exc: Exception) -> str:
    """The innermost line of ours that the exception passed through."""
    frames = traceback.extract_tb(exc.__traceback__)
    ours = [frame for frame in frames if "vast_mcp" in frame.filename]
    if not ours:
        return "?"
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"


def _masked(value: Any, mask: Mask, *, foreign: bool = False) -> Any:
    """The person's secrets masked wherever they may be repeated. `foreign`: a stranger wrote it, or
    it may be any name that a caller gave an argument.
    """
    if isinstance(value, list):
        return [_masked(item, mask, foreign=foreign) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {
            key: _masked(item, mask, foreign=foreign or _is_foreign(key))
            for key, item in cast("Json", value).items()
        }
    if foreign and isinstance(value, str):
        return mask.hide_foreign(value)
    return mask.hide_in(value)


def _is_foreign(key: str) -> bool:
    return key.startswith("untrusted_") or key == "field"


def refusal(
    error: errors.VastMcpError,
    session: Session,
    spec: ToolSpec | None,
    args: Arguments | None = None,
) -> CallToolResult:
    """An error known before the tool ran, or where there is none."""
    return both_channels(refused(error, session, spec, args))


def refused(
    error: errors.VastMcpError,
    session: Session,
    spec: ToolSpec | None = None,
    args: Arguments | None = None,
) -> Json:
    """The same as JSON."""
    payload: Json = {"error": told(error, spec, args, Deeds(), session.settings)}
    if session.pretended:
        payload["sandbox"] = True
    return cast("Json", _masked(payload, session.settings.mask))


def as_text(payload: Json) -> str:
    """JSON without a space that costs a token."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def both_channels(payload: Json) -> CallToolResult:
    """The same JSON as text and as structure; a failure is marked as one."""
    text = as_text(payload)
    return CallToolResult(
        is_error="error" in payload,
        content=[TextContent(type="text", text=text)],
        structured_content=json.loads(text),
    )
