"""What a job says, kept here as it comes until its status is told, and printed from there: whole,
by every process that follows, and also once its machine is gone.
"""

from __future__ import annotations

import codecs
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import anyio
import anyio.to_thread

from vast_mcp.commands.run.sinks import Sink

LOOK_S = 0.1
AT_ONCE = 65_536
OUT, ERR = 1, 2  # descriptors


class Spool:
    """The output and the errors of one run, each in a file of its own, and notes of where they were
    printed.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.base = folder / name
        self.paths = {OUT: folder / f"{name}.out", ERR: folder / f"{name}.err"}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self.paths.values():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))

    @property
    def kept(self) -> tuple[int, int]:
        """So many bytes of each are kept."""
        return self.paths[OUT].stat().st_size, self.paths[ERR].stat().st_size

    def add(self, out: bytes, err: bytes) -> None:
        """Keep what follows."""
        for number, data in ((OUT, out), (ERR, err)):
            if data:
                with self.paths[number].open("ab") as file:
                    file.write(data)

    def sink(self, number: int) -> Sink:
        """Where one of the two goes. Progress is printed beside the errors, never the output."""
        return Sink.of(number, self.base, ERR if number == OUT else None)

    def forget(self) -> None:
        """Nobody needs it any more."""
        for path in self.base.parent.glob(f"{self.base.name}.*"):
            with contextlib.suppress(OSError):
                path.unlink()


@dataclass(eq=False)
class Printer:
    """One stream of a spool, to its sink. At a terminal it is text, and what would move or hide is
    left out; else it is bytes as they are.
    """

    source: IO[bytes]
    sink: Sink
    last: bool = False  # nothing more comes: what is there is printed to its end
    closed: bool = False  # nobody reads it

    async def run(self) -> None:
        """Print what comes, until it is told that nothing more does."""
        plain = _plain_text() if os.isatty(self.sink.number) else None
        whole = os.fstat(self.source.fileno()).st_size
        done = self.source.seek(self.sink.printed(whole))
        while True:
            over = self.last
            while data := self.source.read(AT_ONCE):
                await anyio.to_thread.run_sync(self._put, data if plain is None else plain(data))
                done += len(data)
                self.sink.have(done)
            if over:
                return
            await anyio.sleep(LOOK_S)

    def _put(self, data: bytes) -> None:
        while data and not self.closed:
            try:
                data = data[os.write(self.sink.number, data) :]
            except OSError:
                self.closed = True


def _plain_text() -> Callable[[bytes], bytes]:
    """What makes text for a terminal of bytes as they come."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def plain(data: bytes) -> bytes:
        text = decoder.decode(data)
        return "".join(one for one in text if one.isprintable() or one in "\n\t\r").encode()

    return plain
