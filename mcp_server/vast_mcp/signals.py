"""What the system sends to end a process: the only calls that differ between POSIX and Windows.

Windows delivers Ctrl-C as SIGINT and Ctrl-Break as SIGBREAK; what POSIX asks for with SIGTERM, it
does without asking.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

INTERRUPTED = 130  # the shells' exit status for an interrupt


def end_at_once() -> None:
    """An interrupt ends the process where it stands."""
    signal.signal(signal.SIGINT, lambda _signal, _frame: os._exit(INTERRUPTED))


def end_in_order(stop: Callable[[], None]) -> None:
    """The first request to end calls `stop`; an interrupt after it ends the process where it
    stands.
    """
    ending = _Ending(stop)
    for number in _requests_to_end():
        signal.signal(number, ending)


class _Ending:
    """Hears the requests to end. An object that is called and no bound method: sse-starlette takes
    one of those for uvicorn's own, and cuts every stream at once.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._asked = False

    def __call__(self, number: int, _frame: object) -> None:
        if self._asked and number == signal.SIGINT:
            os._exit(INTERRUPTED)
        self._asked = True
        self._stop()


def _requests_to_end() -> tuple[int, int]:
    if sys.platform == "win32":
        return signal.SIGINT, signal.SIGBREAK
    return signal.SIGINT, signal.SIGTERM
