"""TODO: one line."""

from __future__ import annotations

import os
import sys

from vast_mcp.commands import terminal
from vast_mcp.commands.composing import with_sandbox
from vast_mcp.commands.statuses import EXIT_ERROR, EXIT_MAYBE_BILLING, EXIT_OK, as_text
from vast_mcp.settings import Settings


async def sweep_once(settings: Settings, as_json: bool, dry_run: bool) -> int:
    """Destroy what is past its lease, once, and say what became of it."""
    from vast_mcp import errors
    from vast_mcp.account.sweep import sweep
    from vast_mcp.leases.labels import utc
    from vast_mcp.session import Call, Session

    session = Session(*with_sandbox(settings))
    try:
        async with terminal.Line(sys.stderr, os.environ).busy("sweep"):
            swept = await sweep(Call.quiet(session), dry_run=dry_run)
    except errors.VastMcpError as exc:
        print(as_text({"error": exc.as_json()}) if as_json else f"vast-mcp sweep: {exc}")
        return EXIT_ERROR
    finally:
        await session.close()
    rows = [
        {"instance_id": one.instance_id, "lease_until": utc(one.until), "outcome": one.outcome}
        for one in swept
    ]
    left = sum(one.remains for one in swept)
    if as_json:
        print(as_text({"swept": rows, "past_lease": left}))
    else:
        for row in rows:
            print("  ".join(f"{name}={value}" for name, value in row.items()))
        print(f"{left} past their lease, and may bill" if left else "nothing past its lease")
    return EXIT_MAYBE_BILLING if left else EXIT_OK
