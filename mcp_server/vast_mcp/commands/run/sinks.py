"""Where a stream of ours goes, known again by the next process: a file or a pipe that has what an
earlier one printed is gone on with, and has it once. Any other has it from its beginning.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")  # pipes are numbered anew by each
WIDTH = 20  # digits of a number, so that a note is written over in one piece


@dataclass(eq=False)
class Sink:
    """What a descriptor leads to. `note`: the file that says where its part begins, and how much of
    it is there; None where it cannot be known again.
    """

    number: int
    note: Path | None
    begins_at: int = 0
    counts: bool = False  # how much is there is told by the file's own length

    @classmethod
    def of(cls, number: int, notes: Path, beside: int | None = None) -> Sink:
        """The sink of a descriptor. `notes`: how the files of notes begin; `beside`: another
        descriptor that prints other things, which may lead to the same.
        """
        try:
            here = os.fstat(number)
            there = None if beside is None else os.fstat(beside)
        except OSError:
            return cls(number, None)
        is_file, is_pipe = stat.S_ISREG(here.st_mode), stat.S_ISFIFO(here.st_mode)
        boot = _boot()
        if not (is_file or (is_pipe and boot)):
            return cls(number, None)
        name = f"{notes.name}.{number}-{boot}-{here.st_dev}-{here.st_ino}"
        alone = there is not None and not os.path.samestat(here, there)
        return cls(number, notes.with_name(name), counts=is_file and alone)

    def printed(self, of: int) -> int:
        """How many bytes of `of` are there already. What is there is noted from here on."""
        if self.note is None:
            return 0
        known = _numbers(self.note)
        at = self._at() if self.counts else 0
        if known is not None:
            begins_at, done = known
            done = at - begins_at if self.counts else done
            if 0 <= done <= of:
                self.begins_at = begins_at
                return done
        self.begins_at = at
        self.have(0)
        return 0

    def have(self, done: int) -> None:
        """So many bytes are there now."""
        if self.note is None:
            return
        with contextlib.suppress(OSError):
            note = os.open(self.note, os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                os.write(note, f"{self.begins_at:{WIDTH}} {done:{WIDTH}}\n".encode())
            finally:
                os.close(note)

    def _at(self) -> int:
        """Where the next byte goes."""
        if _appends(self.number):
            return os.fstat(self.number).st_size
        return os.lseek(self.number, 0, os.SEEK_CUR)


def _appends(number: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: a shell that appends has moved to the end
        return False
    return bool(fcntl.fcntl(number, fcntl.F_GETFL) & os.O_APPEND)


def _boot() -> str:
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _numbers(note: Path) -> tuple[int, int] | None:
    try:
        begins_at, done = map(int, note.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return None
    return begins_at, done
