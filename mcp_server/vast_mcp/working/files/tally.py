"""How far a copy has come, for the answer and for a host that listens."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio

from vast_mcp.session import Call
from vast_mcp.working.files.tree import Left

TOLD_EVERY_S = 1.0


@dataclass(eq=False)
class Tally:
    """Counts of one call. `files`, `size`: all that is to lie there in the end, in bytes; a folder
    that could not be read is one more file, which failed.
    """

    call: Call
    files: int | None = None  # None as long as nobody counted
    size: int | None = None
    folders_stand: bool = False  # all of them, so that files alone are yet to come
    moved: int = 0  # bytes
    done: set[bytes] = field(default_factory=set[bytes])  # files that were copied
    same: set[bytes] = field(default_factory=set[bytes])  # files that are there, by this or before
    breaks: int = 0
    stopped: bool = False  # for a reason that lasts
    warnings: list[str] = field(default_factory=list[str])
    left: Left = field(default_factory=Left)
    differ: Left = field(default_factory=Left)
    failed: Left = field(default_factory=Left)
    by_size_only: bool = False
    _told_at: float = 0.0

    def begin(self, files: int, size: int) -> None:
        """Count anew what may be another time."""
        self.files, self.size, self.folders_stand = files, size, False
        self.same.clear()
        self.left, self.differ, self.failed = Left(), Left(), Left()

    @property
    def there(self) -> int:
        """Files that lie there, and are the same."""
        return len(self.done | self.same)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be done about any file or folder."""
        if self.files is None or not self.folders_stand:
            return False
        return self.there + len(self.differ.all) + len(self.failed.all) >= self.files

    async def tell(self) -> None:
        """Tell the host, now and then."""
        now = anyio.current_time()
        if now - self._told_at < TOLD_EVERY_S:
            return
        self._told_at = now
        await self.call.say(
            f"{self.there} of {self.files} files; {self.moved / 1e6:.0f} MB moved by this call, of "
            f"{(self.size or 0) / 1e6:.0f} MB in all"
        )
