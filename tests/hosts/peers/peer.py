"""What every client of ours to others does: `by_CLIENT.py COMMAND`, run in the client's own
environment.

It prints the tools as each of the client's conversions hands them to a model, then takes one line
`{"tool": …, "arguments": …}` after another and prints what the client would show its model of the
answer.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

Json = dict[str, Any]
SERVER_ENV = {name: value for name, value in os.environ.items() if name.startswith("VAST_")}
SERVER_ENV |= {name: os.environ[name] for name in ("HOME", "PATH")}
ANSWERS_WITHIN = 60.0  # seconds; ours answers within 50


class Peer(NamedTuple):
    """A client that is connected."""

    handed: dict[str, dict[str, Json]]  # a conversion's name, then a tool's, then its schema
    call: Callable[[str, Json], Awaitable[str]]


def said(value: Any) -> str:
    """An answer as text, as a client that hands over Python values writes it for its model."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def tell(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


async def serve(opened: AbstractAsyncContextManager[Peer]) -> None:
    async with opened as peer:
        tell(peer.handed)
        while line := await asyncio.to_thread(sys.stdin.readline):
            ask = json.loads(line)
            tell(await peer.call(ask["tool"], ask["arguments"]))


def main(opened: Callable[[str], AbstractAsyncContextManager[Peer]]) -> None:
    asyncio.run(serve(opened(sys.argv[1])))
