"""The machine that an act is for: that it exists, whose it is, and how a question names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vast_mcp.account.roll import Roll, check_known, check_ours, roll, roll_to_end
from vast_mcp.errors import NextStep
from vast_mcp.machines import phases
from vast_mcp.renting.bids import WHY_REBID, rebid_of
from vast_mcp.renting.wording import machine
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance


@dataclass(frozen=True)
class Target:
    """The machine of an act, by a whole list just read."""

    instance_id: int
    there: Roll

    @classmethod
    async def read(cls, call: Call, instance_id: int, *, to_end: bool = False) -> Target:
        """Read the list. Raises NoSuchInstance where the account has no such machine. `to_end`: the
        machine alone is enough.
        """
        there = await (roll_to_end(call, [instance_id]) if to_end else roll(call))
        check_known([instance_id], there, argument="instance_id")
        return cls(instance_id, there)

    @property
    def row(self) -> Instance | None:
        """The machine's row; None where the machine is ours and too young to be listed."""
        return self.there.living.get(self.instance_id)

    @property
    def ours(self) -> bool:
        return self.instance_id in self.there.ours

    @property
    def named(self) -> str:
        """The machine as a question names it."""
        return machine(self.instance_id, self.row)

    def check_ours(self, *, loses: str, again: NextStep) -> None:
        """Raises NotOurs where vast-mcp did not make the machine (roll.check_ours)."""
        check_ours([self.instance_id], self.there, loses=loses, again=lambda _: [again])

    def stop(self, why: str) -> NextStep:
        """The call that stops this machine, whoever made it."""
        return self._step("manage_instance", why, instance_id=self.instance_id, action="stop")

    def start(self, why: str) -> NextStep:
        """The call that starts this machine, whoever made it."""
        return self._step("manage_instance", why, instance_id=self.instance_id, action="start")

    def show(self, why: str) -> NextStep:
        """The call that shows this machine."""
        return NextStep("show_instance", {"instance_id": self.instance_id}, why)

    def rebid(self) -> list[NextStep]:
        """The call that raises its bid, where it lost that."""
        row = self.row
        better = None
        if row is not None and phases.phase_of(row) == "outbid":
            better = rebid_of(row, ours=self.ours)
        return [] if better is None else [NextStep("manage_instance", better, WHY_REBID)]

    def _step(self, tool: str, why: str, **arguments: Any) -> NextStep:
        theirs = {} if self.ours else {"not_ours": True}
        return NextStep(tool, arguments | theirs, why)
