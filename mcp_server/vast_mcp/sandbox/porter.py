"""A porter stands at a world's doors: one thread with a loop of its own, begun with the first door
that opens. So doors answer whatever the loop of whoever looks is doing, and outlive it.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future


class Porter:
    """A porter does on its thread what it is told, and waits there for guests."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._home_time: asyncio.Event | None = None

    def do(self, act: Callable[[], object]) -> None:
        """Carry this out on the loop, and return once it is done."""
        loop = self._at_work()
        if threading.current_thread() is self._thread:
            act()
            return
        done = Future[None]()
        loop.call_soon_threadsafe(_carry_out, act, done)
        done.result()

    def leave(self) -> None:
        """Put out every guest, and end the thread; the next act begins another one."""
        thread, loop, home_time = self._thread, self._loop, self._home_time
        if thread is None or loop is None or home_time is None:
            return
        loop.call_soon_threadsafe(home_time.set)
        if thread is not threading.current_thread():
            thread.join()
        self._thread = None

    def _at_work(self) -> asyncio.AbstractEventLoop:
        if self._thread is None or self._loop is None:
            begun = Future[asyncio.AbstractEventLoop]()
            # a daemon: a program that forgets its world ends all the same
            self._thread = threading.Thread(target=self._stay, args=[begun], daemon=True)
            self._thread.start()
            self._loop = begun.result()
        return self._loop

    def _stay(self, begun: Future[asyncio.AbstractEventLoop]) -> None:
        with asyncio.Runner() as runner:  # its end cancels whoever is still inside
            runner.run(self._wait(begun))

    async def _wait(self, begun: Future[asyncio.AbstractEventLoop]) -> None:
        self._home_time = asyncio.Event()
        begun.set_result(asyncio.get_running_loop())
        await self._home_time.wait()


def _carry_out(act: Callable[[], object], done: Future[None]) -> None:
    try:
        act()
    except BaseException as fault:  # whoever waits for it shall have it
        done.set_exception(fault)
    else:
        done.set_result(None)
