"""What the person allows every call through this server."""

from __future__ import annotations

from dataclasses import dataclass, field

from vast_mcp.settings import kinds
from vast_mcp.settings.variable import setting


@dataclass(frozen=True)
class Limits:
    """What the person allows every call through this server; None is no limit."""

    max_usd_per_hour: float | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_MAX_USD_PER_HOUR",
            "the most one machine may cost, with disk, new volume or bid",
            kinds.AMOUNT,
            stricter=min,
        ),
    )
    max_total_usd_per_hour: float | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_MAX_TOTAL_USD_PER_HOUR",
            "the most all machines and volumes of the account may cost together",
            kinds.AMOUNT,
            stricter=min,
        ),
    )
    max_instances: int | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_MAX_INSTANCES",
            "how many machines may exist on the account, stopped ones too",
            kinds.COUNT,
            stricter=min,
        ),
    )
    min_credit_hours: float | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_MIN_CREDIT_HOURS",
            "how many hours the credit must last at the new rate, volumes included",
            kinds.AMOUNT,
            stricter=min,
        ),
    )
    max_lease_hours: float | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_MAX_LEASE_HOURS",
            "how long a machine may live, from its birth; then every rental has a lease",
            kinds.HOURS,
            stricter=min,
        ),
    )
    read_only: bool = field(
        default=False,
        metadata=setting(
            "VAST_MCP_READ_ONLY", "`1`: looks, and nothing else", kinds.FLAG, stricter=any
        ),
    )

    @property
    def any_price(self) -> bool:
        """Whether a price must be known before money moves."""
        prices = (self.max_usd_per_hour, self.max_total_usd_per_hour, self.min_credit_hours)
        return any(limit is not None for limit in prices)

    @property
    def any_account(self) -> bool:
        """Whether a limit counts what is on the account already."""
        counted = (self.max_total_usd_per_hour, self.max_instances, self.min_credit_hours)
        return any(limit is not None for limit in counted)
