"""The world keeps two records: what it was asked, and what it committed."""

from dataclasses import asdict, dataclass, field
from typing import Any

from .shapes import Json


@dataclass
class LedgerEntry:
    """An entry is one thing that the world committed."""

    seq: int
    kind: str
    at: float
    instance_id: int | None = None
    offer_id: int | None = None
    label: str | None = None
    price: float | None = None
    detail: Json = field(default_factory=dict[str, Any])
    # The account once this was committed: how many machines, and what it costs in $/h at most:
    # machines asked to run with all they have, the others with their disk, and every volume. And
    # the machine itself, while it runs.
    machines: int = 0
    usd_per_hour: float = 0.0
    machine_usd_per_hour: float | None = None

    def as_json(self) -> Json:
        return asdict(self)


@dataclass
class Received:
    """A request is kept as it came in, before any fault: its headers are not, only whether a key
    came.
    """

    seq: int
    at: float
    endpoint: str
    method: str
    path: str
    query: dict[str, str]
    body: Any
    with_key: bool = False

    def as_json(self) -> Json:
        return asdict(self)
