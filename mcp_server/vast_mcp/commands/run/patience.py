"""How long a machine that lets nobody in is waited for, and when it counts as lost."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio

from vast_mcp.commands.run.desk import Failed

GONE = frozenset({"no_such_instance", "lease_over"})
PASSING = frozenset({"not_entered", "unreachable", "vast_unavailable", "rate_limited"})
PATIENCE_S = 180.0
PAUSE_S = 2.0


class Lost(Exception):
    """The machine is of no use, or gone."""


@contextmanager
def gone_is_lost() -> Generator[None]:
    """What is asked of a machine that is gone. Raises Lost in place of that failure."""
    try:
        yield
    except Failed as exc:
        if exc.code in GONE:
            raise Lost(str(exc)) from exc
        raise


@dataclass(eq=False)
class Patience:
    """With one machine, for one thing that is to be done in it."""

    since: float = field(default_factory=anyio.current_time)

    def renew(self) -> None:
        """Something was done."""
        self.since = anyio.current_time()

    @property
    def is_over(self) -> bool:
        """Whether it has been waited for long enough."""
        return anyio.current_time() - self.since > PATIENCE_S

    async def pause(self, exc: Failed) -> None:
        """Wait a little before it is tried again. Raises Lost where the machine is gone, or lets
        nobody in for too long, and the failure where waiting does not help.
        """
        if exc.code in GONE or (exc.code in PASSING and self.is_over):
            raise Lost(str(exc)) from exc
        if exc.code not in PASSING:
            raise exc
        await anyio.sleep(PAUSE_S)
