"""`vast-mcp sweep`: destroy machines and volumes past their lease, once."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import anyio

from vast_mcp.commands import options, statuses
from vast_mcp.commands.composing import with_sandbox
from vast_mcp.commands.terminal import Progressing, show_rows
from vast_mcp.errors import Json, VastMcpError
from vast_mcp.settings import Settings

if TYPE_CHECKING:
    from vast_mcp.account.sweep import Sweep, Swept
    from vast_mcp.account.sweep_volumes import SweptVolume


def add_parser(commands: options.Commands) -> None:
    """Add the command."""
    parser = options.add_command(
        commands,
        "sweep",
        run,
        what="destroy machines and volumes past their lease; status 3 while any is left",
        epilog=options.STATUSES,
    )
    options.add_json(parser)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only say what is past its lease; 3 where anything is",
    )
    options.add_sources(parser)


def run(chosen: argparse.Namespace) -> int:
    """Destroy what is past its lease and say what became of it."""
    settings = options.settings_of(chosen)
    try:
        swept = anyio.run(swept_once, settings, chosen.dry_run)
    except VastMcpError as exc:
        statuses.print_error("sweep", exc, as_json=chosen.json)
        return statuses.EXIT_ERROR
    left = swept.remaining
    rows = [row_of(one) for one in (*swept, *swept.volumes)]
    said: Json = {"swept": rows, "past_lease": left}
    if swept.trouble is not None:
        said["unlisted"] = swept.trouble.code
    if chosen.json:
        print(statuses.as_text(said))
    else:
        show(rows, left)
        if swept.trouble is not None:
            print(f"the machines could not be listed ({swept.trouble.code}): there may be others")
    if left or swept.trouble is not None:
        return statuses.EXIT_MAYBE_BILLING
    return statuses.EXIT_OK


async def swept_once(settings: Settings, dry_run: bool) -> Sweep:
    """Sweep in a session of its own."""
    from vast_mcp.account.sweep import sweep
    from vast_mcp.session import Call, Session

    session = Session(*await with_sandbox(settings))
    try:
        with Progressing("sweep"):
            return await sweep(Call.quiet(session), dry_run=dry_run)
    finally:
        await session.close()


def row_of(swept: Swept | SweptVolume) -> Json:
    """A machine or volume as a person or a script reads it."""
    from vast_mcp.account.sweep_volumes import SweptVolume
    from vast_mcp.leases.labels import utc

    ended: Json = {"lease_until": utc(swept.until), "outcome": swept.outcome}
    if isinstance(swept, SweptVolume):
        return {"volume_id": swept.volume_id, **ended}
    return {"instance_id": swept.instance_id, **ended}


def show(rows: list[Json], left: int) -> None:
    """Show every machine, and then how many are left."""
    show_rows(rows)
    if left:
        print(f"{left} past their lease, and may bill")
    else:
        print("nothing past its lease")
