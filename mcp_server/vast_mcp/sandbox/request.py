"""A request is read once: its query, its body, the numbers in its path."""

from __future__ import annotations

import json
from typing import Any, cast

from starlette.requests import Request as HttpRequest

from . import replies
from .listing import read_json
from .shapes import Json
from .world import World

ID_DIGITS = 18


class Request:
    """A request has its body read when a handler sees it."""

    def __init__(self, world: World, http: HttpRequest, text: str) -> None:
        self.world = world
        self.http = http
        self.query = _query_of(http)
        self.body = _read_body(text)

    @classmethod
    async def read(cls, world: World, http: HttpRequest) -> Request:
        """Read the whole of a request from its connection."""
        return cls(world, http, (await http.body()).decode("utf-8", "replace"))

    @property
    def path(self) -> str:
        return self.http.url.path

    @property
    def authorization(self) -> str | None:
        """The header, or the key that old clients send in the query (docs/vast-api.md I)."""
        header = self.http.headers.get("authorization")
        key = self.http.query_params.get("api_key")
        if header is None and key is not None:
            return f"Bearer {key}"
        return header

    def field(self, name: str) -> Any:
        """One field of the body, None where it is absent."""
        return self.object().get(name)

    def parameter(self, name: str) -> str:
        """One parameter of the query, empty where it is absent."""
        return self.query.get(name, "")

    def object(self) -> Json:
        """The body as an object; none at all is an empty one."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise replies.unreadable_body()
        body = cast("Json", self.body)
        _check_sayable(body)
        return body

    def in_path(self, name: str) -> Any:
        """What stands in the path under this name of its route."""
        return self.http.path_params[name]

    @property
    def id(self) -> int:
        """The instance's number in the path, which the route has read."""
        return self.in_path("id")

    @property
    def id_in_text(self) -> int:
        """The instance's number in the path of a route that takes any text there (C.7)."""
        text = self.in_path("id")
        if not is_id(text):
            raise replies.invalid_id(text)
        return int(text)


def is_id(text: str) -> bool:
    """Whether a text is a number that an id can be."""
    return text.isascii() and text.isdecimal() and len(text) <= ID_DIGITS


def _query_of(http: HttpRequest) -> dict[str, str]:
    """Take the query without the key, which is not remembered."""
    return {name: value for name, value in http.query_params.items() if name != "api_key"}


def _check_sayable(body: Json) -> None:
    """Refuse what could not be said back: NaN, or half a surrogate pair."""
    try:
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        raise replies.unreadable_body() from None


def read_object(text: str, name: str) -> Json:
    """Read a query parameter that holds a JSON object."""
    found = read_json(text, name)
    if not isinstance(found, dict):
        raise replies.invalid_request(f"{name}: Input should be a valid dictionary")
    return cast("Json", found)


def _read_body(text: str) -> Any:
    """Read the body as JSON; as text where it is none."""
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
