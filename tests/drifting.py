"""Vast as it may be one day: the sandbox, with its replies changed on one route."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World

Drift = Callable[[Any], Any]


class Answer(Exception):
    """Another answer than the sandbox's."""

    def __init__(self, status: int, body: str, **headers: str) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers


_REFUSED = '{{"success": false, "error": "auth_error", "msg": "Lacks the permission {}."}}'


class Drifting:
    """The sandbox as an app; `drift` is what becomes of the JSON of one route's successes, text
    that stands in its place, or an Answer.
    """

    def __init__(self, world: World) -> None:
        self._app = create_app(world)
        self._drifts: list[tuple[str, Any]] = []

    def drift(self, path: str, drift: Any) -> None:
        """From now on, on every route whose path holds these words."""
        self._drifts.append((path, drift))

    def refuse(self, path: str, right: str) -> None:
        """From now on, a route is refused for want of this right."""
        self._drifts.append((path, Answer(403, _REFUSED.format(right))))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        drift = next((how for path, how in self._drifts if path in scope["path"]), None)
        begun: list[Any] = []

        async def changed(message: Any) -> None:
            if message["type"] == "http.response.start":
                begun.append(message)
                return
            status, body, headers = begun[0]["status"], message["body"], {}
            if status == 200 or isinstance(drift, Answer):
                status, body, headers = _drifted(drift, body)
            sent = [(name.encode(), value.encode()) for name, value in headers.items()]
            kept = [one for one in begun[0]["headers"] if one[0] != b"content-length"]
            await send({**begun[0], "status": status, "headers": [*kept, *sent]})
            await send({**message, "body": body})

        await self._app(scope, receive, changed if drift is not None else send)


def _drifted(drift: Any, body: bytes) -> tuple[int, bytes, dict[str, str]]:
    if isinstance(drift, Answer):
        return drift.status, drift.body.encode(), drift.headers
    if isinstance(drift, str):
        return 200, drift.encode(), {}
    return 200, json.dumps(drift(json.loads(body))).encode(), {}


def walked(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Every object in a value, changed."""
    if isinstance(value, list):
        return [walked(item, change) for item in value]
    if not isinstance(value, dict):
        return value
    return change({name: walked(item, change) for name, item in value.items()})


def each(name: str, change: Drift, beside: dict[str, Any] | None = None) -> Drift:
    """The field changed wherever it stands and is not null, and what stands beside it."""

    def changed(row: dict[str, Any]) -> dict[str, Any]:
        if row.get(name) is None:
            return row
        return {**row, name: change(row[name]), **(beside or {})}

    return lambda body: walked(body, changed)


def put(name: str, value: Any) -> Drift:
    """The field with this value wherever it stands."""
    return lambda body: walked(body, lambda row: {**row, name: value} if name in row else row)


def rename(name: str, other: str) -> Drift:
    """The field under another name."""
    return lambda body: walked(
        body, lambda row: {other if k == name else k: v for k, v in row.items()}
    )


def gone(name: str) -> Drift:
    """No such field."""
    return lambda body: walked(body, lambda row: {k: v for k, v in row.items() if k != name})


def under(name: str, change: Drift) -> Drift:
    """What stands under a name of the reply itself, changed."""
    return lambda body: {**body, name: change(body[name])}


def wrapped(name: str) -> Drift:
    """The reply inside another object."""
    return lambda body: {name: body}


MOVED = Answer(301, '{"code": "301 Moved"}', location="/api/v0/elsewhere/")
