"""Whose account the key belongs to: journal and limits count by account, not by key."""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.session import Call, Session, journal_may_fail

_BLIND = "This key may not list instances: a lost reply cannot be settled."
_NAMELESS = "The account could not be read; rentals are remembered for this key alone."


async def account_of(call: Call) -> str:
    """The account that the key belongs to, asked once. Raises as account_and_warnings does."""
    account, _ = await account_and_warnings(call)
    return account


async def account_if_journalled(call: Call) -> str | None:
    """The account, where there is a journal that may know its machines; None where there is none.

    Raises JournalUnavailable where the journal's folder may not be looked into, and as
    account_and_warnings does.
    """
    if not call.journal.exists():
        return None
    return await account_of(call)


async def account_to_end(call: Call) -> str | None:
    """The same for an end, which needs no list: also where the key may not list, or the list
    fails.
    """
    try:
        return await account_if_journalled(call)
    except (errors.CannotReconcile, errors.Rejected, errors.Unreachable):
        return await account_unlisted(call)


async def account_unlisted(call: Call) -> str:
    """The account, without a look at whether the key may list. Raises where it cannot be read."""
    known = call.session.account
    if known is None and not call.settings.loopback:
        known = _remembered(call.session)
    if known is not None:
        return known
    return account_named(call.settings.base_url, (await call.vast.user()).id)


async def account_and_warnings(call: Call) -> tuple[str, list[str]]:
    """The account, and what to warn of where it was asked for just now.

    Raises CannotReconcile where the key may not list instances: a lost reply could never be
    settled.
    """
    session = call.session
    if session.account is not None:
        return session.account, []
    session.link.pool()  # without a key there is no account, and no journal either
    known: str | None = None
    warnings: list[str] = []
    if not call.settings.loopback:
        known = _remembered(session)
    if known is None:
        known, warnings = await _ask_account(call)
    session.account = known
    return known, warnings


def _remembered(session: Session) -> str | None:
    """The account as the journal has it; None where it has none, or cannot be read."""
    try:
        return session.journal.account(session.key_digest())
    except errors.JournalUnavailable:
        return None


async def _ask_account(call: Call) -> tuple[str, list[str]]:
    """The account, asked of Vast and remembered in the journal. Raises JournalUnavailable where
    only that could give it a name.
    """
    warnings = await _check_may_list(call)
    try:
        account = account_named(call.settings.base_url, (await call.vast.recent.user()).id)
    except (errors.Forbidden, errors.TwoFactorRequired, errors.EndpointGone):
        # For good, and remembered: an account that changes its name loses sight of its rentals.
        warnings.append(_NAMELESS)
        account = f"{call.settings.base_url}#key-{call.session.key_digest()[:16]}"
    if not call.settings.loopback:
        with journal_may_fail:
            call.journal.remember_account(call.session.key_digest(), account)
    return account, warnings


async def _check_may_list(call: Call) -> list[str]:
    """Raises CannotReconcile where the key may not list instances; where the person allows that
    too, it is a warning.
    """
    try:
        await call.vast.recent.may_list()
    except (errors.Forbidden, errors.TwoFactorRequired) as exc:
        if call.settings.allow_blind:
            return [_BLIND]
        raise errors.CannotReconcile(
            "This API key may not list instances, so a rental whose reply is "
            "lost could never be found. A key with the instance_read permission mends it, or the "
            "person sets VAST_MCP_ALLOW_BLIND=1.",
            http_status=exc.http_status,
            vast_message=exc.vast_message,
        ) from exc
    return []


def account_named(base_url: str, user_id: object) -> str:
    """What the journal calls an account: ids are a service's own."""
    return f"{base_url}#{user_id}"


def user_id_of(account: str) -> str | None:
    """The id of an account by that name; None where it could not be read."""
    user_id = account.rpartition("#")[2]
    if user_id.startswith("key-"):
        return None
    return user_id
