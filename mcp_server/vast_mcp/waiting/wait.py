"""One wait: what was asked, what the journal knows, and what the last looks showed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import anyio

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.journal.records import Intent
from vast_mcp.machines.machine import Machine
from vast_mcp.machines.patience import Patience
from vast_mcp.machines.phases import Reason
from vast_mcp.machines.watching import Watch
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance


@dataclass(frozen=True)
class Wish:
    """What somebody waits for, and for how many seconds at most."""

    until: Literal["reachable", "running"]
    timeout_s: float
    jupyter_token: bool = False
    given: Json = field(default_factory=dict[str, Any])  # as the call had it, for the next one


@dataclass
class Wait:
    """The wait for one machine. `began` and `end` are on anyio's clock."""

    instance_id: int
    wish: Wish
    call: Call
    watch: Watch
    patience: Patience
    record: Intent | None
    began: float
    end: float
    row: Instance | None = None
    looked: bool = False
    trouble: errors.VastMcpError | None = None

    @classmethod
    def of(cls, instance_id: int, wish: Wish, call: Call) -> Wait:
        """A wait that begins now, and leaves the call a moment for its answer."""
        now = anyio.current_time()
        to_answer = min(1.0, call.times.budget_s / 10)
        return cls(
            instance_id=instance_id,
            wish=wish,
            call=call,
            watch=call.session.watch_of(instance_id),
            patience=Patience.of(call.times),
            record=call.session.record_of(instance_id),
            began=now,
            end=min(now + wish.timeout_s, call.deadline - to_answer),
        )

    @property
    def left(self) -> float:
        """Seconds until the answer is due."""
        return self.end - anyio.current_time()

    @property
    def machine(self) -> Machine:
        return Machine(self.row, self.record)

    @property
    def probe_s(self) -> float:
        """Seconds that a probe may take: one begun just before the end has a moment too."""
        return min(self.patience.probe, max(self.left, 0.1))

    @property
    def loopback(self) -> bool:
        """Whether machines are reached on this computer only, as those of a sandbox are."""
        return self.call.settings.loopback

    @property
    def is_known(self) -> bool:
        """Whether the journal, this process or an earlier look knows the machine."""
        if self.record is not None or self.watch.seen:
            return True
        return self.instance_id in self.call.session.instances_seen

    def failure(self) -> Reason | None:
        """Why it will never be of use, once that is certain."""
        machine = self.machine
        if machine.ended is not None:
            return self.watch.failure(None, self.patience)
        return self.watch.failure(machine.born, self.patience)
