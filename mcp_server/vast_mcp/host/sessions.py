"""The session of a server: one and the same, except on a sandbox that others share. That may end or
be reset while the server runs: then another world has its place, and of that we know nothing yet.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import TaskGroup

from vast_mcp.account.announced import keep_hearing
from vast_mcp.account.settling import keep_settling
from vast_mcp.account.sweeping import keep_sweeping
from vast_mcp.provisioning.keeping import keep_providing
from vast_mcp.renting.keeping import keep_within_limits
from vast_mcp.session import Session
from vast_mcp.settings import Settings
from vast_mcp.telling import Telling

if TYPE_CHECKING:
    from vast_mcp.worlds import Met, SharedWorld

TASKS = (keep_settling, keep_sweeping, keep_within_limits, keep_providing, keep_hearing)


class Sessions:
    """The session now, and those before it. `current`: without a look at whether its world is there
    still. Until the first call a shared world is not looked for, and its session has none.
    """

    def __init__(self, settings: Settings, app: Any, telling: Telling, tasks: TaskGroup) -> None:
        self.current = Session(settings, app, telling=telling)
        self._settings, self._telling, self._tasks = settings, telling, tasks
        self._folder = settings.world_dir if settings.sandbox and app is None else None
        self._shared: SharedWorld | None = None
        self._world: str | None = None
        self._one_at_a_time = anyio.Lock()
        self._former: list[Session] = []
        self._keeping = anyio.CancelScope()
        self._keep()

    async def now(self) -> Session:
        """The session for a call, in the world that is there now. Raises Unreachable."""
        if self._folder is None:
            return self.current
        async with self._one_at_a_time:
            met = await self._meet(self._folder)
            if met.world != self._world:
                self._turn_to(met)
        return self.current

    async def _meet(self, folder: Path) -> Met:
        if self._shared is None:
            from vast_mcp.worlds import SharedWorld

            self._shared = SharedWorld(self._settings, folder)
        return await self._shared.meet()

    def _turn_to(self, met: Met) -> None:
        """Go on in another world. What a call of the one before is still at stays with it."""
        from vast_mcp.worlds import news_of

        news = met.news
        if news is None and self._world is not None:
            news = news_of("was ended or reset")
        if news is not None:
            self._telling.unsaid.append(news)
        self._former.append(self.current)
        self._keeping.cancel()
        self._keeping = anyio.CancelScope()
        self._world, self.current = met.world, Session(met.settings, telling=self._telling)
        self._keep()

    def _keep(self) -> None:
        self._tasks.start_soon(_keep, self.current, self._keeping)

    async def close(self) -> None:
        """Close them all."""
        if self._shared is not None:
            await self._shared.close()
        for session in self._former:
            await session.abandon()
        await self.current.close()


async def _keep(session: Session, scope: anyio.CancelScope) -> None:
    """Keep a session's background tasks until cancelled."""
    with scope:
        async with anyio.create_task_group() as tasks:
            for task in TASKS:
                tasks.start_soon(task, session)


@asynccontextmanager
async def sessions_of(settings: Settings, app: Any, telling: Telling) -> AsyncGenerator[Sessions]:
    """Keep the sessions for as long as the server serves."""
    made: Sessions | None = None
    try:
        async with anyio.create_task_group() as tasks:
            made = Sessions(settings, app, telling, tasks)
            yield made
            tasks.cancel_scope.cancel()
    finally:
        if made is not None:
            await made.close()
