"""Until when the credit lasts: what bills now by all that is listed, beside what Vast itself says
that all costs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vast_mcp import errors
from vast_mcp.account.ahead import AllAhead, ahead_of
from vast_mcp.account.burn import Burn, burn_of
from vast_mcp.account.credit import auto_billing, hours_left
from vast_mcp.account.seen import learn_from
from vast_mcp.machines import costs
from vast_mcp.session import Call
from vast_mcp.vast.account import User
from vast_mcp.vast.charges import SpendRate

_NEAR_USD, _NEAR_SHARE = 0.001, 0.05  # so much two readings may differ by


@dataclass(frozen=True)
class Runway:
    """What can be spent and what bills, in $ and $/h; None is not known."""

    credit_usd: float | None
    total_usd_per_hour: float | None
    if_all_stopped_usd_per_hour: float | None
    auto_billing: str | None
    warnings: list[str] = field(default_factory=list[str])
    ahead: AllAhead = field(default_factory=AllAhead)

    @property
    def hours_left(self) -> float | None:
        """Hours that the credit lasts at the present rate."""
        return hours_left(self.credit_usd, self.total_usd_per_hour, self.ahead.now)

    @property
    def hours_left_if_all_stopped(self) -> float | None:
        """Hours that it would last with all machines stopped."""
        stopped = self.if_all_stopped_usd_per_hour
        return hours_left(self.credit_usd, stopped, self.ahead.if_stopped)


async def runway_of(call: Call) -> Runway:
    """Until when the credit lasts. Raises where there is no key that Vast knows; what else could
    not be read is warned of.
    """
    warnings: list[str] = []
    user = await _user(call, warnings)
    (burn, ahead), rate = await _burn(call, warnings), await _spend_rate(call)
    total = rate and rate.usd_per_hour
    stopped = rate and rate.storage_usd_per_hour
    if burn is not None:
        warnings += _unlisted(burn, total) or burn.unknown
    if burn is not None and burn.total_usd_per_hour is not None:
        total, stopped = burn.total_usd_per_hour, burn.if_all_stopped_usd_per_hour
    return Runway(
        credit_usd=user and user.credit,
        total_usd_per_hour=total,
        if_all_stopped_usd_per_hour=stopped,
        auto_billing=user and auto_billing(user, total, ahead.now),
        warnings=warnings + ahead.warnings,
        ahead=ahead,
    )


async def _user(call: Call, warnings: list[str]) -> User | None:
    """The account; what it has cost is known without it."""
    try:
        return await call.vast.recent.user()
    except (errors.NoApiKey, errors.AuthFailed, errors.TwoFactorRequired):
        raise
    except errors.VastMcpError as exc:
        missing = "needs user_read" if isinstance(exc, errors.Forbidden) else exc.code
        warnings.append(f"The credit could not be read ({missing}), nor whether a card is charged.")
        return None


def _unlisted(burn: Burn, by_vast: float | None) -> list[str]:
    """What to warn of where Vast says that more bills than is listed."""
    listed = burn.known_usd_per_hour
    if by_vast is None or by_vast <= listed + max(_NEAR_USD, _NEAR_SHARE * listed):
        return []
    return [
        f"Vast itself says that ${by_vast:.5g}/h bills now; what its lists show comes to "
        f"${listed:.5g}/h."
    ]


async def _burn(call: Call, warnings: list[str]) -> tuple[Burn | None, AllAhead]:
    look = call.vast.recent
    try:
        listed = await look.list_instances()
    except errors.VastMcpError as exc:
        warnings.append(f"The machines could not be listed ({exc.code}): rates are Vast's own.")
        return None, AllAhead()
    await learn_from(call, listed, anew=not look.reused)
    return await burn_of(call, listed), await ahead_of(call, listed)


async def _spend_rate(call: Call) -> SpendRate | None:
    """Vast's own reading: a help, which a call does without."""
    try:
        return await call.in_passing().recent.spend_rate()
    except errors.VastMcpError:
        return None


def shown(usd_per_hour: float | None) -> float | None:
    """A rate as answers show it."""
    return costs.rounded(usd_per_hour, costs.DIGITS)
