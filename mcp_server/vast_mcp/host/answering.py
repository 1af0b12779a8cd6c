"""A call becomes an answer: in its time, without secrets, the same on both channels."""

from __future__ import annotations

import json
import logging
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.lowlevel
from mcp.types import CallToolResult, TextContent

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep
from vast_mcp.journal.records import Intent, Notice

if TYPE_CHECKING:
    pass
from vast_mcp.leases.labels import lease_notice
from vast_mcp.session import Call, Host, InputNeeded, Progress, Session, no_progress
from vast_mcp.toolspec import Arguments, ToolSpec

log = logging.getLogger("vast_mcp")


async def answer(
    spec: ToolSpec,
    args: Arguments,
    session: Session,
    progress: Progress = no_progress,
    host: Host | None = None,
) -> Json:
    """What a call comes to: the result's JSON, or the error's under `error`. Raises InputNeeded
    and nothing else.
    """
    deadline = anyio.current_time() + session.settings.times.budget_s
    call = Call(
        session=session,
        vast=session.client(deadline),
        deadline=deadline,
        progress=progress,
        host=host,
    )
    session.settle_delivered()
    if host is not None and host.responses is not None:
        session.offers.age()
    payload: Json
    try:
        _check_allowed(spec, session)
        result = await spec.fn(args, call)
        payload = result.model_dump(mode="json", exclude_none=True)
    except errors.VastMcpError as exc:
        log.info("%s: %s", spec.name, exc.code)
        payload = {"error": exc.as_json()}
    except InputNeeded:
        raise
    except Exception as exc:
        payload = {"error": _defect(spec, exc).as_json()}
    session.answered.set()
    await (
        anyio.lowlevel.checkpoint_if_cancelled()
    )  # an answer that nobody will read has told nothing
    secrets = session.settings.secrets()
    return cast("Json", _without(secrets, payload | _stated(session, payload)))


def _check_allowed(spec: ToolSpec, session: Session) -> None:
    if session.settings.limits.read_only and not spec.read_only:
        raise errors.ReadOnly(
            f"Nothing was sent: the person allows this server to look only "
            f"(VAST_MCP_READ_ONLY), "
            f"and {spec.name} acts."
        )


def _without(secrets: list[str], value: Any) -> Any:
    """The person's secrets masked wherever a stranger's text may repeat them."""
    if isinstance(value, str):
        return errors.redacted(value, secrets)
    if isinstance(value, list):
        return [_without(secrets, item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _without(secrets, item) for key, item in cast("Json", value).items()}
    return value


def _defect(spec: ToolSpec, exc: Exception) -> errors.InternalFault:
    """The exception's own text may hold a caller's values: the log gets its type and place, the
    model neither.
    """
    ours = [
        frame for frame in traceback.extract_tb(exc.__traceback__) if "vast_mcp" in frame.filename
    ]
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
    log.error("%s: defect: %s at %s", spec.name, type(exc).__name__, where)
    return errors.InternalFault(
        f"A defect of vast-mcp ({type(exc).__name__}). The log names the place; show_instances "
        f"shows what runs.",
        next_steps=[NextStep("show_instances", {}, "see what runs")],
    )


def _stated(session: Session, payload: Json) -> Json:
    """What every answer says where it applies: the sandbox, and machines nobody may have heard
    of.
    """
    stated: Json = {"sandbox": True} if session.settings.sandbox else {}
    named = {payload.get("instance_id"), cast("Json", payload.get("error", {})).get("instance_id")}
    try:
        account = session.journalled_account()
        if account is not None:
            untold = [
                i for i in session.journal.unannounced(account) if i.token not in session.delivered
            ]
            session.delivered.update(intent.token for intent in untold)
            shown = [i for i in untold if i.instance_id not in named or i.announce is Notice.ENDED]
            notices = [_notice(intent) for intent in shown] + session.swept
            session.swept = []
            stated |= {"notices": notices} if notices else {}
    except Exception as exc:
        # An answer is worth more than what goes with it; the next rent says what is wrong with
        # the journal.
        log.info("notices wait: %s", type(exc).__name__)
    return stated


def _notice(intent: Intent) -> str:
    if intent.announce is Notice.ENDED:
        return lease_notice(intent.instance_id or 0, intent.lease_until or intent.gone_at or 0.0)
    state = "is stopped and bills its disk" if intent.stopped else "exists and bills"
    lost = (
        "whose reply was lost"
        if intent.announce is Notice.LATE
        else "whose answer may not have arrived"
    )
    return (
        f"Machine {intent.instance_id} {state}: it came of an earlier create_instance {lost} "
        f"(offer {intent.offer_id}, token {intent.token})."
    )


def failure(error: errors.VastMcpError, *, sandbox: bool) -> CallToolResult:
    """An error known before any tool ran."""
    return both_channels({"error": error.as_json()} | ({"sandbox": True} if sandbox else {}))


def both_channels(payload: Json) -> CallToolResult:
    """The same JSON as text and as structure; a failure is marked as one."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return CallToolResult(
        is_error="error" in payload,
        content=[TextContent(type="text", text=text)],
        structured_content=json.loads(text),
    )
