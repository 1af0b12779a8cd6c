"""Time that passes only when everybody waits: twenty minutes of a plan take as long as what is
computed in them, and a busy computer changes no dollar.

`begin` must come before anything of ours is imported: some of it takes hold of `time.time`. All
processes of a world share one loop; what would run in a thread runs in place. What is drawn by lot
(tokens, names of processes, and with these the order in which a process tries what is alike) is
drawn by the seed of the world: it is the same each time it is played.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import os
import random
import selectors
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

EPOCH = 1_800_000_000.0  # when every world begins
OF_LOOPBACK_S = 0.001  # real seconds in which what was sent over loopback has come
ASLEEP_S = 30.0  # real seconds without anything to wait for: something is wrong

real_time = time.perf_counter


class Clock:
    """Seconds since the world began."""

    now = 0.0


clock = Clock()
lots = random.Random()  # instead of the system's


class Life:
    """The life of one process: what belongs to it does nothing more once it was killed."""

    def __init__(self) -> None:
        self.dead = False
        self.locks: list[Any] = []  # of files, which the system would let go of


# The process that a task belongs to; nobody's is the world's.
LIFE: contextvars.ContextVar[Life | None] = contextvars.ContextVar("LIFE", default=None)


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Real sockets, and a clock that jumps where none of them has anything to say."""

    doors: set[int]  # which say something only when somebody connects

    def _has_connections(self) -> bool:
        return any(fd not in self.doors for fd in self.get_map())

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self._has_connections():
            ready = super().select(OF_LOOPBACK_S)
            if ready:
                return ready
        if timeout is None:
            ready = super().select(ASLEEP_S)
            if not ready:
                raise RuntimeError("Nothing happens any more, and somebody waits.")
            return ready
        clock.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop on that clock, in which the dead do nothing."""

    def __init__(self) -> None:
        selector = _Selector()
        selector.doors = self._doors = set[int]()
        super().__init__(selector)
        self._doors.update(selector.get_map())  # the loop's own

    def time(self) -> float:
        return clock.now

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        return super().call_soon(_of_the_living(callback, context), *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return super().call_at(when, _of_the_living(callback, context), *args, context=context)

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
        """What a door calls; connections have the private one."""
        super().add_reader(fd, callback, *args)
        self._doors.add(fd if isinstance(fd, int) else fd.fileno())

    def remove_reader(self, fd: Any) -> bool:
        self._doors.discard(fd if isinstance(fd, int) else fd.fileno())
        return super().remove_reader(fd)

    def _add_reader(self, fd: Any, callback: Any, *args: Any) -> Any:
        return super()._add_reader(fd, _of_the_living(callback, None), *args)  # type: ignore[misc]

    def _add_writer(self, fd: Any, callback: Any, *args: Any) -> Any:
        return super()._add_writer(fd, _of_the_living(callback, None), *args)  # type: ignore[misc]

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as exc:
            done.set_exception(exc)
        return done

    def cut_off(self, life: Life) -> None:
        """Close the connections of a process as the system does at its end."""
        for fd, (reader, writer) in [(one.fd, one.data) for one in self._sockets()]:
            owners = {_owner(one) for one in (reader, writer) if one is not None}
            if life not in owners:
                continue
            self._remove_reader(fd)  # type: ignore[attr-defined]
            self._remove_writer(fd)  # type: ignore[attr-defined]
            with contextlib.suppress(OSError), socket.fromfd(fd, socket.AF_INET, 1) as one:
                one.shutdown(socket.SHUT_RDWR)

    def _sockets(self) -> list[Any]:
        return list(self._selector.get_map().values())  # type: ignore[attr-defined]


class _OfALife:
    """A callback that does nothing once its process is dead."""

    def __init__(self, life: Life, callback: Callable[..., object]) -> None:
        self.life, self.callback = life, callback

    def __call__(self, *args: Any) -> None:
        if not self.life.dead:
            self.callback(*args)


def _of_the_living(callback: Any, context: contextvars.Context | None) -> Any:
    life = LIFE.get() if context is None else context.get(LIFE)
    if life is None or isinstance(callback, _OfALife):
        return callback
    return _OfALife(life, callback)


def _owner(handle: Any) -> Life | None:
    callback = handle._callback
    return callback.life if isinstance(callback, _OfALife) else None


# ── what would take real time, or a thread ─────────────────────────────────────────────────────


async def _in_place(func: Callable[..., Any], *args: Any, **_more: Any) -> Any:
    return func(*args)


async def _in_place_of_asyncio(func: Callable[..., Any], *args: Any, **given: Any) -> Any:
    return func(*args, **given)


class _Porter:
    """A porter without a thread: guests are served by the loop that everybody shares, and belong
    to no process."""

    def do(self, act: Callable[[], object]) -> None:
        contextvars.Context().run(act)

    def leave(self) -> None:
        return None


def begin() -> None:
    """Replace the clock, chance, the threads and the porter of doors, for this process."""
    time.time = lambda: EPOCH + clock.now  # type: ignore[assignment]
    time.monotonic = lambda: clock.now  # type: ignore[assignment]
    time.sleep = _sleep  # type: ignore[assignment]
    os.urandom = random._urandom = lots.randbytes  # type: ignore[assignment, attr-defined]

    import anyio.to_thread
    import filelock

    anyio.to_thread.run_sync = _in_place  # type: ignore[assignment]
    asyncio.to_thread = _in_place_of_asyncio  # type: ignore[assignment]
    filelock.FileLock = _kept(filelock.FileLock)  # type: ignore[misc, assignment]

    from vast_mcp.sandbox import doors

    doors.Porter = _Porter  # type: ignore[misc, assignment]


def _sleep(seconds: float) -> None:
    clock.now += seconds


def _kept(kind: Any) -> Any:
    """A lock of which the process that makes it lets go at its end."""

    @functools.wraps(kind, updated=())
    def made(*args: Any, **given: Any) -> Any:
        lock, life = kind(*args, **given), LIFE.get()
        if life is not None:
            life.locks.append(lock)
        return lock

    return made


def run(main: Callable[[], Awaitable[Any]], seed: str = "") -> Any:
    """Run a world from its beginning to its end, with this seed for what is drawn by lot. What is
    left then belongs to the dead, and is kept as it is: to end it would let it have a last word.
    """
    clock.now = 0.0
    lots.seed(seed)
    random.seed(seed)
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main())
    finally:
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            _GRAVEYARD.append(task)
        loop.close()


_GRAVEYARD: list[asyncio.Task[Any]] = []
