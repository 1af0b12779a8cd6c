"""A machine's disk has a size and a speed, and no more of it is kept in memory than is bearable."""

import errno
import os

MB = 1_000_000
GIB = 1024**3
KEPT_AT_MOST = 192 * 1024**2  # bytes of this computer's memory that one machine may take


class Disk:
    """A disk counts what is on it; zeros take room there, and none in memory."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0
        self._kept = 0
        self.is_full = False  # a lie: nothing more goes on it, whatever its size

    @property
    def free(self) -> int:
        """How many bytes still go on it."""
        if self.is_full:
            return 0
        return max(0, self.size - self.used)

    def take(self, more: int, kept: int) -> None:
        """Count so many more bytes on it, and so many more of them kept; OSError where they do not
        fit.
        """
        if more > self.free or (kept > 0 and self._kept + kept > KEPT_AT_MOST):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.used += more
        self._kept += kept
