"""One wait: what was asked, what the journal knows, and what the last looks showed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import anyio

from vast_mcp import errors
from vast_mcp.account.reading import Reading, read_machine
from vast_mcp.errors import Json
from vast_mcp.journal.records import Intent
from vast_mcp.machines.machine import Machine
from vast_mcp.machines.patience import Patience
from vast_mcp.machines.phases import Reason
from vast_mcp.machines.watching import Watch
from vast_mcp.session import Call
from vast_mcp.ssh.tried import Tried
from vast_mcp.vast.models import Instance
from vast_mcp.waiting.aims import Aim
from vast_mcp.waiting.facts import Verdict
from vast_mcp.waiting.log import Log

LOGIN_S = 0.8  # the least for a login, however all times are shortened


@dataclass(frozen=True)
class Wish:
    """What somebody waits for, and for how many seconds at most."""

    aim: Aim
    timeout_s: float
    jupyter_token: bool = False
    given: Json = field(default_factory=dict[str, Any])  # the arguments of the call, for the next


@dataclass
class Wait:
    """The wait for one machine. `began` and `end` are on anyio's clock."""

    instance_id: int
    wish: Wish
    call: Call
    watch: Watch
    record: Intent | None
    began: float
    end: float
    row: Instance | None = None
    looked: bool = False
    unready_at: float = 0.0  # epoch seconds: the last look, of any call, after which it went on
    trouble: errors.VastMcpError | None = None
    seen: dict[str, str] = field(default_factory=dict[str, str])  # way in → what it last answered
    tries: list[Tried] = field(default_factory=list[Tried])  # the last by SSH
    given_s: float = 0.0  # that it may run until what is wanted answers
    log: Log = field(default_factory=Log)
    verdict: Verdict | None = None

    @classmethod
    def of(cls, instance_id: int, wish: Wish, call: Call) -> Wait:
        """A wait that begins now, and leaves the call a moment for its answer."""
        now = anyio.current_time()
        to_answer = min(1.0, call.times.budget_s / 10)
        watch = call.session.watch_of(instance_id)
        return cls(
            instance_id=instance_id,
            wish=wish,
            call=call,
            watch=watch,
            record=call.session.record_of(instance_id),
            began=now,
            end=min(now + wish.timeout_s, call.deadline - to_answer),
            unready_at=watch.last,
        )

    @property
    def left(self) -> float:
        """Seconds until the answer is due."""
        return self.end - anyio.current_time()

    @property
    def machine(self) -> Machine:
        return Machine(self.row, self.record)

    @property
    def patience(self) -> Patience:
        """How long a sign must last: a VM's longer than a container's."""
        return Patience.of(self.call.times, vm=self.machine.is_vm)

    @property
    def runs_for(self) -> float:
        """Seconds that it has been seen to be as it is."""
        return self.watch.last - self.watch.since

    @property
    def waited_s(self) -> float:
        """Seconds since anybody here first looked at this start."""
        return max(0.0, time.time() - (self.watch.began or time.time()))

    @property
    def probe_s(self) -> float:
        """Seconds that a probe may take: one begun just before the end has a moment too."""
        return min(self.patience.probe, max(self.left, 0.1))

    @property
    def login_s(self) -> float:
        """Seconds that a login may take: keys are exchanged before one is judged. After a longer
        gap than `exited` looks would begin to count anew.
        """
        usual = min(max(2 * self.patience.probe, LOGIN_S), self.patience.exited / 2)
        return min(usual, max(self.left, 0.1))

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

    def reading(self, row: Instance) -> Reading:
        """The machine as every tool reads it, by a row that was already looked at."""
        return read_machine(self.call, row, self.record, fresh=False)

    async def read_log(self) -> Log:
        """Its log, read anew unless that was a moment ago."""
        await self.log.read(self.instance_id, self.call, self.end)
        return self.log

    @property
    def until_failure(self) -> float | None:
        """Seconds until it counts as failed, if nothing moves; None where that comes to none."""
        return self.watch.until_failure(self._born, self.patience)

    def failure(self) -> Reason | None:
        """Why it will never be of use, once that is certain."""
        return self.watch.failure(self._born, self.patience)

    @property
    def _born(self) -> float | None:
        machine = self.machine
        return None if machine.ended is not None else machine.born
