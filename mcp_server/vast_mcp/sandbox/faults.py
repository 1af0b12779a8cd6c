"""Switchable faults: what can go wrong between a request and its reply."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from . import replies
from .replies import Refusal

ENDPOINTS = frozenset(
    {
        "create",
        "search",
        "list",
        "list_v0",
        "filters",
        "show",
        "destroy",
        "start",
        "stop",
        "label",
        "keys",
        "templates",
        "user",
        "gpu_names",
        "unknown",
        "reboot",
        "recycle",
        "bid",
        "logs",
        "log_text",
        "attach_key",
        "attached_keys",
        "detach_key",
        "volumes",
        "search_volumes",
        "rent_volume",
        "delete_volume",
    }
)

# A server behind which hanging up is possible puts a callable here; see routes.serve.
HANG_UP = "vast_sandbox.hang_up"


class Dropped(Exception):
    """The connection closed without a reply. In process it is raised; over a socket the socket is
    closed.
    """


class NoReply(Response):
    """Sends nothing and ends the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        hang_up = scope.get(HANG_UP)
        if hang_up is None:
            raise Dropped(scope["path"])
        await hang_up()


@dataclass
class Fault:
    """One fault waiting for its request. `times` None means every time; `skip` lets that many
    requests pass first.
    """

    endpoint: str
    kind: str
    times: int | None = 1
    when: str = "before"
    method: str | None = None
    skip: int = 0
    detail: dict[str, Any] = field(default_factory=dict[str, Any])

    def meets(self, endpoint: str, method: str) -> bool:
        return self.endpoint in {"*", endpoint} and self.method in {None, method}


class Faults:
    """The faults in force, oldest first; each request meets at most one."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        self._hanging: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._watchers: list[asyncio.Event] = []

    def add(
        self,
        endpoint: str,
        kind: str,
        times: int | None = 1,
        when: str = "before",
        *,
        method: str | None = None,
        skip: int = 0,
        **detail: Any,
    ) -> Fault:
        """Put a fault in force. `when="after"` lets the world act first: the reply is lost, what it
        did is not.
        """
        if endpoint != "*" and endpoint not in ENDPOINTS:
            raise ValueError(f"no endpoint {endpoint!r}; one of {sorted(ENDPOINTS)} or '*'")
        if kind not in KINDS:
            raise ValueError(f"no fault {kind!r}; one of {sorted(KINDS)}")
        if when not in {"before", "after"}:
            raise ValueError(f"when is 'before' or 'after', not {when!r}")
        fault = Fault(endpoint, kind, times, when, method, skip, detail)
        self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        """No faults; whoever hangs is let go."""
        self.waiting.clear()
        self.release()

    def take(self, endpoint: str, method: str) -> Fault | None:
        """The fault this request meets, used up once."""
        for fault in self.waiting:
            if not fault.meets(endpoint, method):
                continue
            if fault.skip:
                fault.skip -= 1
                return None
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
            return fault
        return None

    @property
    def hanging(self) -> int:
        """How many requests are waiting in a hang."""
        return len(self._hanging)

    async def until_hanging(self) -> None:
        """Return once a request hangs, for a test that acts meanwhile."""
        if not self._hanging:
            self._watchers.append(asyncio.Event())
            await self._watchers[-1].wait()

    def release(self) -> None:
        """Let every hanging request go: its connection is closed without a reply, or its late reply
        is sent.
        """
        for loop, event in self._hanging:
            loop.call_soon_threadsafe(event.set)

    async def hang(self, seconds: float | None) -> None:
        """Wait for `release`, or for so many seconds."""
        entry = (asyncio.get_running_loop(), asyncio.Event())
        self._hanging.append(entry)
        while self._watchers:
            self._watchers.pop().set()
        try:
            await asyncio.wait_for(entry[1].wait(), seconds)
        except TimeoutError:
            pass
        finally:
            self._hanging.remove(entry)

    async def act(self, fault: Fault, reply: Response | None, now: float) -> Response:
        """What the client gets instead; `reply` is what the world answered, when it was asked at
        all.
        """
        if fault.kind == "late":
            await self.hang(fault.detail.get("seconds"))
            return reply or NoReply()
        if fault.kind == "hang":
            await self.hang(fault.detail.get("seconds"))
            return NoReply()
        return KINDS[fault.kind](fault.detail, reply, now)


Act = Callable[[dict[str, Any], Response | None, float], Response]


def _drop(_detail: dict[str, Any], _reply: Response | None, _now: float) -> Response:
    return NoReply()


def _status(detail: dict[str, Any], _reply: Response | None, _now: float) -> Response:
    """Any status with `body` (JSON) or `text`, `content_type` and `headers`."""
    status, headers = detail.get("status", 500), detail.get("headers")
    if "body" in detail:
        content, kind = json.dumps(detail["body"]), "application/json"
    else:
        content, kind = detail.get("text", ""), "text/plain"
    return Response(content, status, headers, media_type=detail.get("content_type", kind))


def _refuse(make: Callable[[float], Refusal]) -> Act:
    def act(detail: dict[str, Any], _reply: Response | None, now: float) -> Response:
        no = make(now)
        headers = {**no.headers, **detail.get("headers", {})}
        if isinstance(no.body, str):
            return Response(no.body, no.status, headers, media_type="text/plain")
        return JSONResponse({**no.body, **detail.get("body", {})}, no.status, headers)

    return act


def _html(status: int, title: str) -> Act:
    """A gateway's page; nothing in it says what happened behind it."""
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"

    def act(_detail: dict[str, Any], _reply: Response | None, _now: float) -> Response:
        return Response(page, status, media_type="text/html")

    return act


def _truncated(_detail: dict[str, Any], reply: Response | None, _now: float) -> Response:
    """The first half of the real reply, or of a likely one, with the status and type of a whole
    one.
    """
    whole = bytes(reply.body) if reply is not None else b'{"success": true, "new_contract": 100000'
    return Response(whole[: max(1, len(whole) // 2)], 200, media_type="application/json")


def _success_false(detail: dict[str, Any], _reply: Response | None, _now: float) -> Response:
    """A 2xx is not success (A.11)."""
    said = {
        "error": detail.get("error", "server_error"),
        "msg": detail.get("msg", "The request was not carried out."),
    }
    return JSONResponse({"success": False, **said})


def _no_id(_detail: dict[str, Any], _reply: Response | None, _now: float) -> Response:
    return JSONResponse({"success": True})


KINDS: dict[str, Act] = {
    "drop": _drop,
    "hang": _drop,
    "late": _drop,  # as hang, and the world's answer comes when it is let go (with when="after")
    "status": _status,
    "too_many_plain": _refuse(lambda _now: replies.too_many_plain()),
    "too_many_detail": _refuse(lambda _now: replies.too_many_detail()),
    "too_many_code": _refuse(lambda _now: replies.too_many_code()),
    "too_many_json": _refuse(lambda now: replies.too_many_json(now=now)),
    "too_many_quota": _refuse(replies.too_many_quota),
    "too_many_unknown": _refuse(lambda _now: replies.too_many_unknown()),
    "html502": _html(502, "502 Bad Gateway"),
    "html503": _html(503, "503 Service Temporarily Unavailable"),
    "html504": _html(504, "504 Gateway Time-out"),
    "html200": _html(200, "Please log in or sign up"),
    "truncated_json": _truncated,
    "success_false": _success_false,
    "no_id": _no_id,
}
