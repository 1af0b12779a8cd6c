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
    # Plain functions: sse-starlette takes a bound method here for uvicorn's own and cuts every
    # stream at once.
    asked = False

    def on_signal(number: int, _frame: object) -> None:
        nonlocal asked
        if asked and number == signal.SIGINT:
            os._exit(INTERRUPTED)
        asked = True
        stop()

    asks = (
        (signal.SIGINT, signal.SIGBREAK)
        if sys.platform == "win32"
        else (signal.SIGINT, signal.SIGTERM)
    )
    for number in asks:
        signal.signal(number, on_signal)
