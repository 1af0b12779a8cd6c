"""Whose account the key opens, and what a whole list of its machines teaches: which are ours, which doubts it settles.

Everything that acts on machines asks here first; nothing here acts.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from vast_mcp import errors
from vast_mcp.journal import Intent, token_of
from vast_mcp.leases import ends_at
from vast_mcp.toolspec import Call, Office
from vast_mcp.vast.wire import Instance

log = logging.getLogger("vast_mcp")


async def account_of(call: Call) -> tuple[str, list[str]]:
    """The account that the key belongs to, asked once, and what to warn of.

    Raises CannotReconcile where the key may not list instances: a lost reply could never be settled.
    """
    office = call.office
    if office.account is not None:
        return office.account, []
    office.link.pool()  # without a key there is no account, and no journal either
    key_digest = office.key_digest()
    known = None if call.settings.loopback else office.journal.account(key_digest)
    warnings: list[str] = []
    if known is None:
        known = await _ask_account(call, key_digest, warnings)
    office.account = known
    return known, warnings


async def _ask_account(call: Call, key_digest: str, warnings: list[str]) -> str:
    try:
        await call.vast.may_list()
    except (errors.Forbidden, errors.TwoFactorRequired) as exc:
        if not call.settings.allow_blind:
            raise errors.CannotReconcile(
                "Nothing was sent: this API key may not list instances, so a rental whose reply is lost could never be "
                "found. A key with the instance_read permission mends it, or the person sets VAST_MCP_ALLOW_BLIND=1.",
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
        call.office.journal.remember_account(key_digest, account)
    return account


def account_named(base_url: str, user_id: object) -> str:
    """What the journal calls an account: ids are a service's own."""
    return f"{base_url}#{user_id}"


# ── what a list of machines means to this server ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Seen:
    """Of the listed machines, which are ours, and which attempts are still in doubt."""

    ours: set[int]
    open: list[Intent]


async def observe(call: Call, listed: Sequence[Instance]) -> Seen:
    """Learn from a whole list that some tool has read. Works without a journal too: reading never depends on it.

    Ours are the journal's machines, and any whose label ends in a token: another computer's vast-mcp made those.
    """
    office = call.office
    office.instances_seen.update(instance.id for instance in listed)
    office.labelled = {row.id: until for row in listed if (until := ends_at(row, None)) is not None}
    ours = {instance.id for instance in listed if token_of(instance.label)} | office.created.keys()
    try:
        if not office.journal.exists():
            return Seen(ours, [])
        account, _ = await account_of(call)
        office.reconciler.observe(listed, account)
        living = {intent.instance_id for intent in office.journal.living(account) if intent.instance_id is not None}
        return Seen(ours | living, office.journal.open_intents(account))
    except errors.VastMcpError as exc:
        log.info("a list taught nothing: %s", exc.code)
        return Seen(ours, [])


def gone(call: Call, instance_ids: Sequence[int]) -> None:
    """Destroyed, and seen to be gone."""
    for instance_id in instance_ids:
        call.office.created.pop(instance_id, None)
        call.office.labelled.pop(instance_id, None)
    with contextlib.suppress(errors.JournalUnavailable):
        if call.office.account is not None and call.office.journal.exists():
            call.office.journal.gone(call.office.account, instance_ids)


async def keep_settling(office: Office) -> None:
    """A server's background task: settle what an earlier process left open, and what calls of this one could not.

    What it finds is told by the next call of any tool. Runs until cancelled; errors of Vast only make it wait.
    """
    try:
        if office.settings.api_key is None or not (office.journal.exists() and office.journal.anything_open()):
            await office.doubts.wait()
    except errors.JournalUnavailable:
        return  # the next rent says so
    pause = office.settings.times.look_s
    while True:
        call = Call.quiet(office)
        try:
            account, _ = await account_of(call)
            await office.reconciler.settle(call.vast, account, math.inf)
        except errors.VastMcpError as exc:
            log.info("settling waits: %s", exc.code)
        except Exception as exc:
            # A defect here must not end the server, and a create with it; the type tells, its text may hold anything.
            log.error("settling: defect: %s", type(exc).__name__)
        else:
            office.doubts = anyio.Event()
            pause = office.settings.times.look_s
            if not office.reconciler.open_for(account):
                await office.doubts.wait()
        await anyio.sleep(pause)
        pause = min(pause * 2, office.settings.times.look_s * 30)
