"""A loop on whose clock only waiting takes time: what a call may take is not spent by a busy
machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from selectors import DefaultSelector, SelectorKey
from typing import TypeVar

import anyio
import pytest

Made = TypeVar("Made")

# For a test of work without end, which nothing but the true clock cuts short.
BY_THE_TRUE_CLOCK = pytest.mark.parametrize("anyio_backend", ["asyncio"], ids=["true clock"])


LOOK_S = 0.00001  # what a look takes that waits for nothing: who looks for ever gets on, too
ARRIVAL_S = 0.02  # the most that is counted of a wait for what came: a busy machine brings it late


class _Waits(DefaultSelector):
    """Counts the seconds that were waited, and of each wait as many as were asked for: a machine
    that comes back late has not been waited for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waited_s = time.monotonic()

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        began = time.monotonic()
        ready = super().select(timeout)
        most_s = ARRIVAL_S if ready or timeout is None else max(timeout, LOOK_S)
        self.waited_s += min(time.monotonic() - began, most_s)
        return ready


class UnhurriedLoop(asyncio.SelectorEventLoop):
    """The loop of every test: the deadlines of calls, which are on its clock, come by the waits in
    them. Python that runs slowly, under coverage or beside six others, does not bring them nearer.
    """

    def __init__(self) -> None:
        self._waits = _Waits()
        super().__init__(self._waits)

    def time(self) -> float:
        return self._waits.waited_s


def run(work: Callable[..., Awaitable[Made]], *given: object) -> Made:
    """What this comes to on a loop of its own, for a test that is no coroutine."""
    return anyio.run(work, *given, backend_options={"loop_factory": UnhurriedLoop})
