"""What is a message of JSON-RPC, and what can be read of one that is none: its id, for the answer.

The SDK drops some of these without an answer, and the host then waits for ever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from typing import Any, cast

from mcp.types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    PROTOCOL_VERSION_META_KEY,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError
from pydantic_core import from_json

from vast_mcp.errors import Json

LONGEST = 1 << 20  # bytes of a message
MOST_PARTS = 20_000  # objects and lists in it: seven bytes of text become half a kilobyte
LONGEST_ID = 256

_STRING = rb'"(?:[^"\\]+|\\.)*+'
_TOKEN = re.compile(_STRING + rb'"?|[{}\[\]:,]|[^\s"{}\[\]:,]+', re.DOTALL)
_MEMBER = rb'\s*"\w+"\s*:\s*(?:' + _STRING + rb'"|[^\s"{}\[\]:,]+)\s*'
_LAST_MEMBERS = re.compile(rb",((?:" + _MEMBER + rb",)*" + _MEMBER + rb"\}\s*)\Z", re.DOTALL)
_NUMBER = re.compile(rb"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_DEEPER: dict[bytes, int] = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}

Fault = tuple[int, str]  # a code of JSON-RPC, and what is wrong
Members = dict[bytes, bytes]  # raw JSON; nothing for what is nested or said twice

TOO_LONG: Fault = (INVALID_REQUEST, f"The message is longer than {LONGEST} bytes.")
_TOO_MANY: Fault = (INVALID_REQUEST, f"The message has more than {MOST_PARTS} objects and lists.")
_NO_OBJECT: Fault = (INVALID_REQUEST, "A message is one JSON object; batches are not served.")
_NO_ID: Fault = (
    INVALID_REQUEST,
    f"id must be a string or an integer, of at most {LONGEST_ID} characters.",
)
_LONG_NAME: Fault = (
    INVALID_REQUEST,
    f"A method, a progressToken and a protocolVersion have at most {LONGEST_ID} characters.",
)
_NO_MESSAGE: Fault = (
    INVALID_REQUEST,
    'A request has jsonrpc "2.0", an id, a method and, where it has params, an object of them.',
)


def fault_of(message: bytes) -> Fault | None:
    """What keeps the SDK from reading and answering a message; None where nothing does."""
    if message.count(b"{") + message.count(b"[") > MOST_PARTS:
        return _TOO_MANY
    try:
        given = from_json(message)
    except ValueError as exc:
        return PARSE_ERROR, f"Parse error: {exc}"
    if not isinstance(given, dict):
        return _NO_OBJECT
    members = cast("Json", given)
    if "method" in members and "id" in members and not _is_id(members["id"]):
        return _NO_ID
    try:
        jsonrpc_message_adapter.validate_python(members, by_name=False)
    except ValidationError:
        return _NO_MESSAGE
    return None if all(map(_is_short, _repeated_of(members))) else _LONG_NAME


def _repeated_of(members: Json) -> list[Any]:
    """What the SDK says again, in errors or with each progress."""
    params: Json = members.get("params") or {}
    meta = params.get("_meta")
    named = cast("Json", meta) if isinstance(meta, dict) else {}
    return [
        members.get("method"),
        params.get("protocolVersion"),
        named.get("progressToken"),
        named.get(PROTOCOL_VERSION_META_KEY),
    ]


def _is_short(value: Any) -> bool:
    return not isinstance(value, int | str) or len(str(value)) <= LONGEST_ID


def _is_id(value: Any) -> bool:
    return type(value) in {int, str} and _is_short(value)


# ── what can be read of a message that cannot be read ────────────────────────────────────────────


def members_of(line: bytes, tail: bytes = b"") -> Members:
    """The members of the outermost object, as far as they are plain and followed by something."""
    found: Members = {}
    for window in _windows(line):
        _note(window, found)
    last = _LAST_MEMBERS.search(tail)
    if last is not None:
        for window in _windows(b"{" + last[1]):
            _note(window, found)
    return found


def _windows(text: bytes) -> Generator[list[bytes]]:
    """The tokens between commas, at the outermost level; an empty one for what is nested."""
    depth, window = 0, list[bytes]()
    for match in _TOKEN.finditer(text):
        token = match[0]
        deeper = _DEEPER.get(token, 0)
        depth += deeper
        if deeper > 0 or depth > 1:
            continue
        if depth == 1 and token != b",":
            window.append(b"" if deeper else token)
            continue
        yield window
        window = []


def _note(window: list[bytes], found: Members) -> None:
    if len(window) != 3 or window[1] != b":":
        return
    key, _, value = window
    found[key] = value if found.get(key, value) == value else b""


def is_reply(members: Members) -> bool:
    """Whether it answers a question of ours: that is not answered."""
    return b'"method"' not in members and not members.keys().isdisjoint({b'"result"', b'"error"'})


def error_line(members: Members, fault: Fault) -> str:
    code, what = fault
    error = json.dumps({"code": code, "message": what})
    return f'{{"jsonrpc":"2.0","id":{_id_of(members)},"error":{error}}}\n'


def _id_of(members: Members) -> str:
    """The id as it was written; null where it cannot be read."""
    given = members.get(b'"id"', b"")
    if len(given) > LONGEST_ID:
        return "null"
    if _NUMBER.fullmatch(given):
        return given.decode()
    try:
        value = from_json(given)
    except ValueError:
        return "null"
    return json.dumps(value) if isinstance(value, str) else "null"
