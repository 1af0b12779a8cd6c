"""TODO: one line."""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.session import Call


async def account_of(call: Call) -> tuple[str, list[str]]:
    """The account that the key belongs to, asked once, and what to warn of.

    Raises CannotReconcile where the key may not list instances: a lost reply could never be
    settled.
    """
    session = call.session
    if session.account is not None:
        return session.account, []
    session.link.pool()  # without a key there is no account, and no journal either
    key_digest = session.key_digest()
    known = None if call.settings.loopback else session.journal.account(key_digest)
    warnings: list[str] = []
    if known is None:
        known = await _ask_account(call, key_digest, warnings)
    session.account = known
    return known, warnings


async def _ask_account(call: Call, key_digest: str, warnings: list[str]) -> str:
    try:
        await call.vast.may_list()
    except (errors.Forbidden, errors.TwoFactorRequired) as exc:
        if not call.settings.allow_blind:
            raise errors.CannotReconcile(
                "Nothing was sent: this API key may not list instances, so a rental whose reply is "
                "lost could never be "
                "found. A key with the instance_read permission mends it, or the person sets "
                "VAST_MCP_ALLOW_BLIND=1.",
                http_status=exc.http_status,
                vast_message=exc.vast_message,
            ) from exc
        warnings.append("This key may not list instances: a lost reply cannot be settled.")
    try:
        account = account_named(call.settings.base_url, (await call.vast.user()).id)
    except (errors.Forbidden, errors.TwoFactorRequired, errors.EndpointGone):
        # For good, and remembered: an account that changes its name loses sight of its rentals.
        warnings.append("The account could not be read; rentals are remembered for this key alone.")
        account = f"{call.settings.base_url}#key-{key_digest[:16]}"
    if not call.settings.loopback:
        call.session.journal.remember_account(key_digest, account)
    return account


def account_named(base_url: str, user_id: object) -> str:
    """What the journal calls an account: ids are a service's own."""
    return f"{base_url}#{user_id}"
