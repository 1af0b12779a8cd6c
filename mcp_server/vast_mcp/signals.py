"""How the system starts and ends processes: the only calls that differ between POSIX and Windows.

Windows delivers Ctrl-C as SIGINT and Ctrl-Break as SIGBREAK; what POSIX asks for with SIGTERM, it
does without asking.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

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


def start_apart(command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
    """Start a program that lives on whatever ends us, or ends a host with all that it started. Its
    words go to `log`. Raises OSError.

    On POSIX the program calls `leave_starter`, and this waits until it has.
    """
    root = Path(sys.executable).anchor  # it keeps no folder of anybody's
    with open(os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as words:
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
        started = subprocess.Popen(  # noqa: S603  a program of ours
            command,
            env=environ,
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            start_new_session=sys.platform != "win32",
            creationflags=flags,
        )
        if sys.platform != "win32":
            started.wait()


def leave_starter() -> None:
    """Go on as nobody's child and in a session of our own. On Windows a process has no parent that
    could end it.
    """
    if sys.platform != "win32":
        if os.fork():
            os._exit(0)
        os.setsid()
