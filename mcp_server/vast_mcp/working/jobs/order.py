"""What a call wants run: the command, its key, and the values that the person keeps for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vast_mcp.errors import NextStep, Problem
from vast_mcp.journal.jobs import JobWish
from vast_mcp.renting.kept_secrets import kept_values
from vast_mcp.session import Call

TOOL = "run_command"


@dataclass(frozen=True)
class Order:
    """A call of run_command, its arguments read. `given`: as it was made, to make it again."""

    given: Mapping[str, Any]
    command: str | None = None
    request_key: str | None = None
    timeout_s: float = 50.0
    until_done: bool = False
    stop: bool = False
    job: str | None = None
    env_from: Sequence[str] = ()
    values: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @property
    def begins_none(self) -> bool:
        """Whether it is about a job that there is."""
        return self.job is not None or self.stop

    def again(self, why: str, **changed: Any) -> NextStep:
        """The same call."""
        return NextStep(TOOL, {**self.given, **changed}, why)

    def digest(self, call: Call) -> str:
        """What is run, as the journal compares it."""
        return call.journal.digest({"command": self.command, "env_from": sorted(self.env_from)})

    def wish(self, call: Call, account: str, instance_id: int) -> JobWish:
        """The wish that it is on one machine."""
        digest = self.digest(call)
        return JobWish(
            account=account,
            instance_id=instance_id,
            key=self.request_key or f"auto-{digest[:32]}",
            digest=digest,
            derived=self.request_key is None,
        )


def values_of(names: Sequence[str], call: Call) -> tuple[dict[str, str], list[Problem]]:
    """The values by name, and what is wrong with the names."""
    return kept_values(names, call.settings)
