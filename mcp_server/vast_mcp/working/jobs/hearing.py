"""All that a job says, as it comes and to its last byte, over as many connections as that takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from vast_mcp import errors
from vast_mcp.account.reading import Reading
from vast_mcp.errors import NextStep
from vast_mcp.session import Call
from vast_mcp.ssh import LineLost
from vast_mcp.ssh.entering import LOGIN_S, Line, entered
from vast_mcp.working.admission import admit
from vast_mcp.working.jobs import far
from vast_mcp.working.jobs.far import Act, Seen, Unreadable

AT_ONCE = 262_144  # bytes of each stream that one look brings
LOOK_S = 10  # that one look waits for more
GIVE_UP_S = 180.0  # that nothing may be heard at all
PAUSE_S = 1.0  # before another connection
_BREAKS = (LineLost, Unreadable, errors.NotEntered, errors.Unreachable)

Hears = Callable[[bytes, bytes], None]


@dataclass(eq=False)
class Hearing:
    """One job on one machine. `read`: bytes of its output and of its errors that are known already;
    `hears` takes what follows.
    """

    call: Call
    instance_id: int
    job: str
    read: tuple[int, int]
    hears: Hears
    heard_at: float = field(default_factory=anyio.current_time)

    async def until_over(self) -> Seen:
        """The job as it is seen once it is over and all was heard, or no more of it can be.

        Raises NotEntered, or what else keeps everybody out for three minutes; and as `admit`.
        """
        while True:
            try:
                row = (await self._reading()).row
                async with entered(self.call, row, within_s=LOGIN_S) as line:
                    return await self._over(line)
            except _BREAKS as exc:
                if anyio.current_time() - self.heard_at > GIVE_UP_S:
                    raise _nothing_heard(self.instance_id, exc) from exc
            await anyio.sleep(PAUSE_S)

    async def _reading(self) -> Reading:
        again = NextStep("run_command", {"instance_id": self.instance_id, "job": self.job}, "again")
        [found] = await admit(
            self.call,
            [self.instance_id],
            argument="instance_id",
            not_ours=False,
            work="a job of ours runs there",
            again=lambda _: again,
        )
        return found

    async def _over(self, line: Line) -> Seen:
        while True:
            act = Act("hear", self.job, wait_s=LOOK_S, most=AT_ONCE, read=self.read)
            seen = await far.on_job(line, act, within_s=LOOK_S + far.ACT_S)
            self.heard_at = anyio.current_time()
            self.hears(seen.out, seen.err)
            out, err = self.read
            self.read = out + len(seen.out), err + len(seen.err)
            if seen.state != "running" and not self._more(seen):
                return seen

    def _more(self, seen: Seen) -> bool:
        """Whether it said more than was heard; never where nothing came."""
        behind = seen.out_bytes > self.read[0] or seen.err_bytes > self.read[1]
        return behind and bool(seen.out or seen.err)


def _nothing_heard(instance_id: int, exc: Exception) -> Exception:
    if isinstance(exc, errors.VastMcpError):
        return exc
    said = f"Machine {instance_id}: nothing was heard of the job for {GIVE_UP_S:.0f} s."
    return errors.NotEntered(said, instance_id=instance_id)
