"""File locks of the operating system, which lets go of them whatever ends us: which processes
live, and who moves or ends leases.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from vast_mcp import errors
from vast_mcp.journal.database import BUSY_S, Database

if TYPE_CHECKING:
    from filelock import FileLock

SWEEP_AFTER_S = 3600.0
LEASES_LOOK_S = 0.05
LEASES_S = 30.0  # how long another process may need to move or end a lease


def is_held(lock: FileLock) -> bool:
    """Whether a process that lives holds a lock that is held for life."""
    from filelock import Timeout

    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


class Owner:
    """This process, as the others see it. `has_open`: whether an owner of this name left an
    attempt open.

    The storm stops here: it makes `alive` say that every other process is dead
    (tests/storm/served.py).
    """

    def __init__(self, db: Database, has_open: Callable[[str], bool]) -> None:
        self._db = db
        self._has_open = has_open
        self._lock: FileLock | None = None
        self.name = secrets.token_hex(8)

    def take(self) -> None:
        """Become an owner: from here to the end of the process, a lock says that we live."""
        if self._db.folder is None:
            return
        owners = self._db.folder / "owners"
        path = owners / f"{self.name}.lock"
        if self._lock is not None and path.exists():
            return
        from filelock import FileLock

        self.close()  # of a folder that was deleted under us
        with self._db.guard():
            owners.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(path, mode=0o600, thread_local=False)
            lock.acquire(timeout=BUSY_S)  # somebody may be probing it at this moment
            self._lock = lock
        self._sweep(owners)

    def _sweep(self, owners: Path) -> None:
        """Remove the locks of processes that died long ago and left nothing open."""
        for path in owners.glob("*.lock"):
            owner = path.stem
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime < SWEEP_AFTER_S:
                    continue  # it may be about to be locked for the first time
            if not self.alive(owner) and not self._has_open(owner):
                path.unlink(missing_ok=True)

    def alive(self, owner: str) -> bool:
        """Whether a process still runs. A lock that nobody holds means that it does not."""
        if owner == self.name:
            return True
        if self._db.folder is None:
            return False
        path = self._db.folder / "owners" / f"{owner}.lock"
        if not path.exists():
            return False
        from filelock import FileLock

        return is_held(FileLock(path, thread_local=False))

    def close(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @contextlib.asynccontextmanager
    async def lease_lock(self) -> AsyncGenerator[None]:
        """Held from reading a label to what follows from it, alone among the processes of this
        folder.

        Raises JournalUnavailable where another process does not let go. Where no lock can be
        made, the act goes on without.
        """
        lock = await self._acquire_lease_lock()
        try:
            yield
        finally:
            if lock is not None:
                lock.release()

    async def _acquire_lease_lock(self) -> FileLock | None:
        """The lock, acquired; None where the folder can hold none."""
        if self._db.folder is None:
            return None
        from filelock import FileLock, Timeout

        lock = FileLock(self._db.folder / "leases.lock", mode=0o600, thread_local=False)
        give_up_at = time.monotonic() + LEASES_S
        while True:
            try:
                self._db.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                lock.acquire(blocking=False)
            except Timeout as exc:
                if time.monotonic() > give_up_at:
                    raise errors.JournalUnavailable(
                        "Another vast-mcp is moving or ending a lease. Repeat the call."
                    ) from exc
            except OSError:
                return None
            else:
                return lock
            await anyio.sleep(LEASES_LOOK_S)
