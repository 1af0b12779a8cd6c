"""The host that made a call: how it hears of progress, and how it asks its person."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from mcp.server.session import ServerSession
from mcp.types import InputRequiredResult, InputResponses, RequestId

Progress = Callable[[float, float | None, str], Awaitable[None]]


class InputNeeded(Exception):
    """The call ends with a question to the person; the host makes it again with the answer
    (protocol 2026-07-28).
    """

    def __init__(self, result: InputRequiredResult) -> None:
        super().__init__("a person is asked")
        self.result = result


async def no_progress(_done: float, _total: float | None, _message: str) -> None:
    """The progress channel of a call that nobody watches."""


def rising(progress: Progress) -> Progress:
    """The same, in which each figure is more than the last, as MCP wants it: a wait tells seconds,
    a tool its own count.
    """
    last = 0.0

    async def told(done: float, total: float | None, message: str) -> None:
        nonlocal last
        last = max(done, math.nextafter(last, math.inf))
        await progress(last, total, message)

    return told


@dataclass(frozen=True)
class Host:
    """The host that made a call, as far as a person can be asked through it.

    `responses` and `state`: what it sends back with a call that ended with a question before.
    `answer`: the name under which whoever writes the answer says that it arrived (telling.py).
    `listens`: it asked to hear of progress.
    """

    session: ServerSession
    request_id: RequestId | None = None
    responses: InputResponses | None = None
    state: str | None = None
    answer: Hashable = None
    listens: bool = False
