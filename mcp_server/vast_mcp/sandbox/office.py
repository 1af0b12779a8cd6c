"""The account keeps more than machines: secrets, API keys, webhooks, jobs, what it paid
(docs/vast-api.md C.7, C.10, G).
"""

from dataclasses import dataclass, field

from .shapes import Json

FIRST_NUMBER = 9_001


@dataclass
class Rise:
    """A rise is a higher price that the host asks for; the renter accepts or rejects it (C.7)."""

    id: int
    instance_id: int
    new_base: float  # $/h of the machine
    contract_end: float
    ask_end: float
    born: float
    verdict: str | None = None  # accepted, rejected, applied


@dataclass
class Office:
    """An office keeps them by number."""

    secrets: dict[str, str] = field(default_factory=dict[str, str])
    webhooks: dict[int, Json] = field(default_factory=dict[int, Json])
    jobs: dict[int, Json] = field(default_factory=dict[int, Json])
    rises: dict[int, Rise] = field(default_factory=dict[int, Rise])
    payments: list[Json] = field(default_factory=list[Json])
    user: Json = field(default_factory=dict[str, object])  # what `PUT /users/` changed of its row
    _last: int = FIRST_NUMBER - 1

    def number(self) -> int:
        """Give the next number; no two things share one."""
        self._last += 1
        return self._last
