"""The one world that all processes of a person share under `--sandbox`.

Its service is `vast-mcp sandbox --shared`: the first call starts it, and nobody's end ends it. The
record in its folder says where it is, and it proves that it is the one before anything is sent to
it. A journal lies beside each world and goes with it.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from pydantic import SecretStr

from vast_mcp import __version__, errors
from vast_mcp.settings import Settings
from vast_mcp.worlds import record as records
from vast_mcp.worlds.record import Record

if TYPE_CHECKING:
    from vast_mcp.vast.proof import Prover

log = logging.getLogger("vast_mcp")

IDLE_MINUTES = 30.0
LOOK_S = 0.02
START_SHARE = 0.2  # of a call's budget, for the start of a service

# Why a service ends, in its record, and what is told of it.
IDLE, REPLACED, TOLD, DIED = "idle", "replaced", "told", "died"
_WHY = {
    IDLE: f"had no request for {IDLE_MINUTES:g} minutes and ended by itself",
    REPLACED: "was another version's ({version}) and was replaced",
    TOLD: "was told to end",
    DIED: "ended without a word: its process died",
}
_DISTRUSTED = "has a record that is not this user's alone, which was not followed"


@dataclass(frozen=True)
class Met:
    """A world as this process meets it: settings by which Vast is that world, and what is to be
    told of the one before it.
    """

    world: str
    settings: Settings
    news: str | None = None


def problem_with(folder: Path) -> str | None:
    """Why no world can be shared in a folder; None where one can."""
    try:
        nearest = next(one for one in (folder, *folder.parents) if one.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            return f"{nearest} cannot be written"
        if nearest == folder and not records.is_private(folder.stat(), records.OTHERS_WRITE):
            return f"{folder} is not this user's alone"
    except OSError as exc:
        return f"{folder} cannot be looked into ({exc.strerror})"
    return None


def journal_folder(settings: Settings) -> Path | None:
    """Where the journal lies: beside the shared world, if there is one, where the settings are a
    sandbox's. Nothing is asked or begun.
    """
    if settings.world_dir is None:
        return settings.state_dir
    found = records.read(settings.world_dir)
    return None if found is None else found.place_in(settings.world_dir)


def news_of(why: str, machines: int = 0) -> str:
    """What is to be told where a world has another's place."""
    lost = "its machines, keys and journal are gone with it"
    if machines:
        lost = f"its {machines} machine(s), keys and journal are gone with it"
    return f"A new sandbox world: the one before {why}; {lost}."


class SharedWorld:
    """The world of a folder, from one process's side."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._prover: Prover | None = None

    async def meet(self) -> Met:
        """The world that is there, begun if there is none. Raises Unreachable."""
        try:
            found = await self._served()
            if found is not None:
                return self._met(found)
            return await self._begin()
        except OSError as exc:
            raise errors.Unreachable(
                f"The sandbox's world cannot be begun in {self._folder} ({exc.strerror or exc})."
            ) from exc

    async def reset(self) -> Record | None:
        """End the world that is there and forget it, with its journal; None where there is none.

        Raises OSError. A service that does not answer is given up: it ends once it sees that its
        record is gone.
        """
        if not records.is_there(self._folder):
            return None
        async with self._alone():
            found = records.read(self._folder)
            if found is not None:
                with contextlib.suppress(errors.Unreachable):
                    await self._end(found, TOLD)
                found = records.read(self._folder) or found
            records.remove(self._folder)
        return found

    async def close(self) -> None:
        if self._prover is not None:
            await self._prover.close()

    # ── what is there ──────────────────────────────────────────────────────────────────────────

    async def _served(self) -> Record | None:
        """The world of this version that is served now. Raises Unreachable where its process lives
        and does not answer.
        """
        found = records.read(self._folder)
        if found is None or found.version != __version__ or not await self._answers(found):
            return None
        return found

    async def _answers(self, found: Record) -> bool:
        """Whether its service is there, and is the one. Nothing is asked where its process is
        not.
        """
        if not found.lives_in(self._folder):
            return False
        return await self._proofs().is_proven(found.url, found.token)

    def _proofs(self) -> Prover:
        """Made where a service lives: httpx is not loaded before."""
        if self._prover is None:
            from vast_mcp.vast.proof import Prover

            self._prover = Prover()
        return self._prover

    def _met(self, found: Record, news: str | None = None) -> Met:
        settings = replace(
            self._settings,
            base_url=found.url,
            api_key=SecretStr(found.token),
            state_dir=found.place_in(self._folder),
        )
        return Met(found.world, settings, news)

    # ── a new one ──────────────────────────────────────────────────────────────────────────────

    async def _begin(self) -> Met:
        """Begin a world, unless another process has begun one meanwhile."""
        from vast_mcp.worlds.starting import start

        for one in (self._folder.parent, self._folder):  # the real journal lies in the first
            one.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with self._alone():
            found = await self._served()
            if found is not None:
                return self._met(found)
            news = await self._end_former()
            await anyio.to_thread.run_sync(start, self._folder)
            met = self._met(await self._started(), news)
        if news is not None:
            log.warning("%s", news)
        return met

    async def _end_former(self) -> str | None:
        """End what is there and not to be used; what is to be told of it."""
        former = records.read(self._folder)
        if former is None:
            return news_of(_DISTRUSTED) if records.is_there(self._folder) else None
        await self._end(former, REPLACED)
        former = self._over(records.read(self._folder) or former)
        why = _WHY.get(former.ended, _WHY[TOLD]).format(version=former.version)
        return news_of(why, former.machines)

    def _over(self, former: Record) -> Record:
        """The record of what is over, which says so: whoever still asked whether that lives would
        hold its lock for a moment, and the next service take that for life. Raises OSError.
        """
        if not former.ended:
            former = replace(former, ended=DIED)
            records.write(self._folder, former)
        return former

    async def _end(self, found: Record, why: str) -> None:
        """Have a service end, if it is there, and wait until it has. Raises Unreachable."""
        if await self._answers(found):
            await self._proofs().end(found.url, found.token, why)
            with self._patience("does not end"):
                while found.lives_in(self._folder):  # noqa: ASYNC110  it does not say when
                    await anyio.sleep(LOOK_S)

    async def _started(self) -> Record:
        """The world whose service was started. Raises Unreachable."""
        with self._patience("did not start in time"):
            while (found := await self._served()) is None:  # noqa: ASYNC110  the same
                await anyio.sleep(LOOK_S)
            return found
        raise AssertionError("unreachable")

    @contextlib.contextmanager
    def _patience(self, what: str) -> Generator[None]:
        from vast_mcp.worlds.starting import LOG

        try:
            with anyio.fail_after(self._settings.times.budget_s * START_SHARE):
                yield
        except TimeoutError:
            raise errors.Unreachable(
                f"The sandbox's service {what} (its log: {self._folder / LOG}). Call again."
            ) from None

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncGenerator[None]:
        """Held by the one process that begins or ends the world. Raises Unreachable, OSError."""
        from filelock import FileLock, Timeout

        lock = FileLock(self._folder / "start.lock", mode=0o600, thread_local=False)
        with self._patience("is being started or ended by another process, which takes long"):
            while True:
                try:
                    lock.acquire(blocking=False)
                    break
                except Timeout:
                    await anyio.sleep(LOOK_S)
        try:
            yield
        finally:
            lock.release()
