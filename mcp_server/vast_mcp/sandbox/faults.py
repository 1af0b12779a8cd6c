"""Faults are switched on and go wrong between a request and its reply."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from . import too_often
from .replies import Refusal
from .shapes import Json

ENDPOINTS = frozenset(
    {
        "create",
        "create_many",
        "launch",
        "bid_price",
        "start_many",
        "stop_many",
        "label_many",
        "destroy_many",
        "update_template",
        "execute",
        "snapshot",
        "copy",
        "copy_cancel",
        "clouds",
        "jobs",
        "backups",
        "maintenances",
        "report",
        "prepay",
        "balance",
        "rises",
        "accept_rise",
        "reject_rise",
        "transfer",
        "spend_rate",
        "charges",
        "invoices",
        "secrets",
        "api_keys",
        "webhooks",
        "set_user",
        "subaccounts",
        "addresses",
        "audit_logs",
        "metrics",
        "replace_key",
        "clone_volume",
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
        "delete_key",
        "templates",
        "save_template",
        "delete_template",
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

# A server behind which hanging up is possible puts a callable here; see serving.py.
HANG_UP = "vast_sandbox.hang_up"

PAGE = "<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
SERVER_ERROR: Json = {
    "success": False,
    "error": "server_error",
    "msg": "The request was not carried out.",
}


class Dropped(Exception):
    """The connection closed without a reply. In process it is raised; over a socket the socket is
    closed.
    """


class NoReply(Response):
    """This reply sends nothing and ends the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        hang_up = scope.get(HANG_UP)
        if hang_up is None:
            raise Dropped(scope["path"])
        await hang_up()


@dataclass
class Fault:
    """One fault waits for its request. `times` None means every time; `skip` lets that many
    requests pass first.
    """

    endpoint: str
    kind: str
    times: int | None = 1
    when: str = "before"
    method: str | None = None
    skip: int = 0
    detail: Json = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        """Raise ValueError for an endpoint, a kind or a time that does not exist."""
        if self.endpoint != "*" and self.endpoint not in ENDPOINTS:
            raise ValueError(f"no endpoint {self.endpoint!r}; one of {sorted(ENDPOINTS)} or '*'")
        if self.kind not in KINDS:
            raise ValueError(f"no fault {self.kind!r}; one of {sorted(KINDS)}")
        if self.when not in {"before", "after"}:
            raise ValueError(f"when is 'before' or 'after', not {self.when!r}")

    def meets(self, endpoint: str, method: str) -> bool:
        return self.endpoint in {"*", endpoint} and self.method in {None, method}

    def use(self) -> bool:
        """Use it once, and tell whether it is used up."""
        if self.times is None:
            return False
        self.times -= 1
        return self.times <= 0


class Faults:
    """Faults in force wait, the oldest first; each request meets at most one."""

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
        fault = Fault(endpoint, kind, times, when, method, skip, detail)
        self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Remove every fault; whoever hangs is let go."""
        self.waiting.clear()
        self.release()

    def take(self, endpoint: str, method: str) -> Fault | None:
        """Take the fault that this request meets; it is used up once."""
        for fault in self.waiting:
            if not fault.meets(endpoint, method):
                continue
            if fault.skip:
                fault.skip -= 1
                return None
            if fault.use():
                self.waiting.remove(fault)
            return fault
        return None

    @property
    def hanging(self) -> int:
        """The number of requests that wait in a hang."""
        return len(self._hanging)

    async def until_hanging(self) -> None:
        """Return once a request hangs, for a test that acts meanwhile."""
        if not self._hanging:
            watcher = asyncio.Event()
            self._watchers.append(watcher)
            await watcher.wait()

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
        """Answer as the fault does; `reply` is what the service answered, when it was asked."""
        if fault.kind == "late":
            await self.hang(fault.detail.get("seconds"))
            return reply or NoReply()
        if fault.kind == "hang":
            await self.hang(fault.detail.get("seconds"))
            return NoReply()
        return KINDS[fault.kind](fault.detail, reply, now)


Act = Callable[[Json, Response | None, float], Response]


def _drop(_detail: Json, _reply: Response | None, _now: float) -> Response:
    return NoReply()


def _status(detail: Json, _reply: Response | None, _now: float) -> Response:
    """Answer with any status, `body` (JSON) or `text`, `content_type` and `headers`."""
    content, kind = detail.get("text", ""), "text/plain"
    if "body" in detail:
        content, kind = json.dumps(detail["body"]), "application/json"
    media = detail.get("content_type", kind)
    return Response(content, detail.get("status", 500), detail.get("headers"), media_type=media)


@dataclass(frozen=True)
class Refuse:
    """This fault refuses for no reason; `headers` and `body` add to those of the refusal."""

    refusal: Callable[[float], Refusal]  # of the world's time

    def __call__(self, detail: Json, _reply: Response | None, now: float) -> Response:
        no = self.refusal(now)
        headers = {**no.headers, **detail.get("headers", {})}
        if isinstance(no.body, str):
            return Response(no.body, no.status, headers, media_type="text/plain")
        return JSONResponse({**no.body, **detail.get("body", {})}, no.status, headers)


@dataclass(frozen=True)
class GatewayPage:
    """A gateway's page says nothing of what happened behind it."""

    status: int
    title: str

    def __call__(self, _detail: Json, _reply: Response | None, _now: float) -> Response:
        return HTMLResponse(PAGE.format(title=self.title), self.status)


def _truncated(_detail: Json, reply: Response | None, _now: float) -> Response:
    """Answer with the first half of the real reply, or of a likely one, and the status and type of
    a whole one.
    """
    whole = b'{"success": true, "new_contract": 100000'
    if reply is not None:
        whole = bytes(reply.body)
    return Response(whole[: max(1, len(whole) // 2)], 200, media_type="application/json")


def _success_false(detail: Json, _reply: Response | None, _now: float) -> Response:
    """Answer with a 2xx that is not success (A.11)."""
    return JSONResponse(SERVER_ERROR | detail)


def _msg_only(detail: Json, _reply: Response | None, _now: float) -> Response:
    """Answer with a 400 that has a msg and no error, as some of Vast's do (C.7, E)."""
    said = {"msg": "The request was not carried out.", **detail}
    return JSONResponse({"success": False, **said}, 400)


def _no_id(_detail: Json, _reply: Response | None, _now: float) -> Response:
    return JSONResponse({"success": True})


KINDS: dict[str, Act] = {
    "drop": _drop,
    "hang": _drop,
    "late": _drop,  # as hang, and the world's answer comes when it is let go (with when="after")
    "status": _status,
    "too_many_plain": Refuse(lambda _now: too_often.too_many_plain()),
    "too_many_detail": Refuse(lambda _now: too_often.too_many_detail()),
    "too_many_code": Refuse(lambda _now: too_often.too_many_code()),
    "too_many_json": Refuse(lambda now: too_often.too_many_json(now=now)),
    "too_many_quota": Refuse(too_often.too_many_quota),
    "too_many_unknown": Refuse(lambda _now: too_often.too_many_unknown()),
    "html502": GatewayPage(502, "502 Bad Gateway"),
    "html503": GatewayPage(503, "503 Service Temporarily Unavailable"),
    "html504": GatewayPage(504, "504 Gateway Time-out"),
    "html200": GatewayPage(200, "Please log in or sign up"),
    "truncated_json": _truncated,
    "success_false": _success_false,
    "no_id": _no_id,
    "msg_only": _msg_only,
}
