"""The service of the world that a person's processes share, as the first of them starts it
(`vast-mcp sandbox --shared FOLDER`), and its end (`--reset`).
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from vast_mcp import __version__, signals
from vast_mcp.commands.composing import lively_world
from vast_mcp.sandbox.keeping import Keeper
from vast_mcp.sandbox.serving import serve
from vast_mcp.settings import Settings
from vast_mcp.worlds import TOLD, SharedWorld
from vast_mcp.worlds import record as records
from vast_mcp.worlds.record import Record

BUSY_S = 5.0


def serve_shared(folder: Path, idle_minutes: float) -> None:
    """Serve a new world, apart from who started us, until nobody asks any more or it is forgotten.
    Where a living one is on record, nothing is served. Raises OSError.
    """
    signals.leave_starter()
    signals.end_in_order(lambda: None)  # uvicorn ends the service; this lets it say so
    _Service(folder, idle_minutes).run()


class _Service:
    """One world, from its record's first word to its last."""

    def __init__(self, folder: Path, idle_minutes: float) -> None:
        self._folder = folder
        self._token = records.new_token()
        self._keeper = Keeper(self._token, idle_minutes * 60, self._is_wanted)
        # An account of its own: no journal must take this world for an earlier one.
        self._world = lively_world(api_keys={self._token}, user_id=secrets.randbelow(10**9))
        self._record: Record | None = None

    def run(self) -> None:
        """Serve to the end."""
        with contextlib.ExitStack() as held:
            serve(
                self._world,
                "127.0.0.1",
                0,
                on_ready=lambda url: self._begin(url, held),
                keeper=self._keeper,
            )
            self._say_end()

    def _begin(self, url: str, held: contextlib.ExitStack) -> None:
        """Write the record, unless there is a living one: then the service is over at once."""
        made = Record.new(url, self._token, __version__)
        with FileLock(self._folder / "record.lock", timeout=BUSY_S, mode=0o600):
            former = records.read(self._folder)
            if former is not None and former.lives_in(self._folder):
                return
            made.place_in(self._folder).mkdir(mode=0o700)
            held.enter_context(made.lock_in(self._folder))
            records.write(self._folder, made)
        self._record, self._keeper.url = made, url
        _forget_all_but(made, self._folder)

    def _is_wanted(self) -> bool:
        return self._record is not None and records.still_says(self._folder, self._record)

    def _say_end(self) -> None:
        """Write why it is over, where the record is still about this world."""
        if self._record is None or not self._is_wanted():
            return
        over = replace(
            self._record, ended=self._keeper.ended or TOLD, machines=len(self._world.living)
        )
        records.write(self._folder, over)


def _forget_all_but(made: Record, folder: Path) -> None:
    """Delete what is left of earlier worlds: their journals."""
    for place in folder.iterdir():
        if records.WORLD.fullmatch(place.name) and place.name != made.world:
            shutil.rmtree(place, ignore_errors=True)


async def reset(settings: Settings) -> str:
    """End the shared world with its journal; what became of it, in a sentence. Raises OSError."""
    folder, found = settings.world_dir, None
    if folder is not None:
        shared = SharedWorld(settings, folder)
        try:
            found = await shared.reset()
        finally:
            await shared.close()
    if folder is None or found is None:
        return "no world was there; the next call with --sandbox begins one"
    shutil.rmtree(found.place_in(folder), ignore_errors=True)
    # One that did not answer was given up, and has counted nothing.
    machines = f"{found.machines} machine(s)" if found.ended else "its machines"
    return (
        f"the world is gone, with {machines} and its journal; the next call with --sandbox begins "
        "a new one"
    )
