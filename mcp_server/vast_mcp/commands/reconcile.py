"""TODO: one line."""

from __future__ import annotations

import anyio

from vast_mcp.commands.composing import with_sandbox
from vast_mcp.commands.statuses import EXIT_MAYBE_BILLING, EXIT_OK, as_text, exit_status
from vast_mcp.settings import Settings


async def reconcile_once(settings: Settings, as_json: bool, wait_s: float) -> int:
    """Settle what is open for up to `wait_s` seconds and say what became of it."""
    from vast_mcp import errors
    from vast_mcp.account.whose import account_of
    from vast_mcp.session import Call, Session

    session = Session(*with_sandbox(settings))
    call = Call.quiet(session)
    try:
        account = await account_of(call)
        before = session.journal.open_intents(account)
        await session.reconciler.settle(call.vast, account, anyio.current_time() + wait_s)
        after = [session.journal.by_token(intent.token) or intent for intent in before]
        still_open = session.journal.open_intents(account)
    except errors.VastMcpError as exc:
        print(as_text({"error": exc.as_json()}) if as_json else f"vast-mcp reconcile: {exc}")
        return exit_status({"error": exc.as_json()})
    finally:
        await session.close()
    rows = [
        {"token": i.token, "offer_id": i.offer_id, "request_key": i.request_key, "state": i.state}
        | ({"instance_id": i.instance_id} if i.instance_id else {})
        for i in after
    ]
    if as_json:
        print(
            as_text(
                {
                    "settled": [r for r in rows if r["state"] not in {"unknown", "sending"}],
                    "open": [r for r in rows if r["state"] in {"unknown", "sending"}],
                }
            )
        )
    else:
        for row in rows:
            print("  ".join(f"{name}={value}" for name, value in row.items()))
        print(f"{len(still_open)} open" if still_open else "nothing open")
    return EXIT_MAYBE_BILLING if still_open else EXIT_OK
