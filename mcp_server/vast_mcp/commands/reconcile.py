"""`vast-mcp reconcile`: settle rentals, and volumes made by themselves, whose reply was lost."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from vast_mcp.commands import options
from vast_mcp.commands.composing import with_sandbox
from vast_mcp.commands.statuses import (
    EXIT_MAYBE_BILLING,
    EXIT_OK,
    as_text,
    exit_status,
    print_error,
)
from vast_mcp.commands.terminal import Progressing, show_rows
from vast_mcp.errors import Json, VastMcpError
from vast_mcp.settings import Settings

if TYPE_CHECKING:
    from vast_mcp.journal.records import Intent
    from vast_mcp.journal.volumes import MadeVolume

LONGEST_WAIT_S = 86_400.0
WAIT_RULE = f"seconds, 0 to {LONGEST_WAIT_S:g}"
IN_DOUBT = frozenset({"unknown", "sending"})  # states of an attempt


def add_parser(commands: options.Commands) -> None:
    """Add the command."""
    parser = options.add_command(
        commands,
        "reconcile",
        run,
        what="settle rentals and volumes whose reply was lost; status 3 while any is open",
        epilog=options.STATUSES,
    )
    options.add_json(parser)
    parser.add_argument(
        "--wait",
        type=_seconds,
        default=options.WAIT_S,
        metavar="S",
        help="seconds to try at most (default 200)",
    )
    parser.add_argument(
        "--volume",
        metavar="TOKEN=ID",
        help="say what became of a volume in doubt: its id, or none where it was not made",
    )
    options.add_sources(parser)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= LONGEST_WAIT_S:
        raise argparse.ArgumentTypeError(WAIT_RULE)
    return value


@dataclass(frozen=True)
class Settled:
    """What became of the attempts that were in doubt, and how many still are."""

    rows: list[Json]
    still_open: int

    def as_json(self) -> Json:
        """The rows by whether their outcome is known."""
        return {
            "settled": [row for row in self.rows if row["state"] not in IN_DOUBT],
            "open": [row for row in self.rows if row["state"] in IN_DOUBT],
        }


def run(chosen: argparse.Namespace) -> int:
    """Settle what is open, for as long as it may take, and say what became of it."""
    settings = options.settings_of(chosen)
    if chosen.volume is not None:
        return _decide(settings, chosen)
    try:
        settled = anyio.run(settle, settings, chosen.wait)
    except VastMcpError as exc:
        print_error("reconcile", exc, as_json=chosen.json)
        return exit_status({"error": exc.as_json()})
    if chosen.json:
        print(as_text(settled.as_json()))
    else:
        show(settled)
    if settled.still_open:
        return EXIT_MAYBE_BILLING
    return EXIT_OK


def _decide(settings: Settings, chosen: argparse.Namespace) -> int:
    """Write down what a person says of a volume in doubt."""
    token, _, said = chosen.volume.partition("=")
    try:
        outcome = anyio.run(decide, settings, token, said)
    except VastMcpError as exc:
        print_error("reconcile", exc, as_json=chosen.json)
        return exit_status({"error": exc.as_json()})
    print(as_text({"token": token, "state": outcome}) if chosen.json else f"{token}: {outcome}")
    return EXIT_OK


async def decide(settings: Settings, token: str, said: str) -> str:
    """What became of the volume of this token, as a person says. Raises BadArguments and NotFound
    where the journal or the list of volumes has no such thing.
    """
    from vast_mcp.account.whose import account_of
    from vast_mcp.renting.volume_doubt import decided
    from vast_mcp.session import Call, Session

    session = Session(*await with_sandbox(settings))
    try:
        call = Call.quiet(session)
        return await decided(call, await account_of(call), token, said)
    finally:
        await session.close()


async def settle(settings: Settings, wait_s: float) -> Settled:
    """Settle what is open for up to `wait_s` seconds."""
    from vast_mcp.account.whose import account_of
    from vast_mcp.renting.keeping import check_and_end
    from vast_mcp.renting.volume_doubt import settle_all
    from vast_mcp.session import Call, Session

    session = Session(*await with_sandbox(settings))
    call = Call.quiet(session)
    try:
        with Progressing("reconcile"):
            account = await account_of(call)
            journal, volumes = session.journal, session.journal.volumes
            before, doubts = journal.open_intents(account), volumes.in_doubt(account)
            until = anyio.current_time() + wait_s
            await session.reconciler.settle(call.vast, account, until)
            await settle_all(call, account, until)
            await check_and_end(call)
        rows = [row_of(journal.by_token(intent.token) or intent) for intent in before]
        rows += [row_of_volume(volumes.by_token(made.token) or made) for made in doubts]
        still_open = len(journal.open_intents(account)) + len(volumes.in_doubt(account))
    finally:
        await session.close()
    return Settled(rows, still_open)


def row_of(intent: Intent) -> Json:
    """An attempt as a person or a script reads it."""
    row: Json = {
        "token": intent.token,
        "offer_id": intent.offer_id,
        "request_key": intent.request_key,
        "state": intent.state,
    }
    if intent.instance_id:
        row["instance_id"] = intent.instance_id
    if intent.over_usd_per_hour is not None:
        row["over_limit_at_usd_per_hour"] = intent.over_usd_per_hour
    return row


def row_of_volume(made: MadeVolume) -> Json:
    """The same for an attempt to make a volume by itself; where lists may never settle it, what a
    person says instead.
    """
    row: Json = {
        "token": made.token,
        "volume_offer_id": made.room_id,
        "request_key": made.wish,
        "state": made.state,
    }
    if made.volume_id:
        row["volume_id"] = made.volume_id
    if made.over_usd_per_hour is not None:
        row["over_limit_at_usd_per_hour"] = made.over_usd_per_hour
    if made.state in IN_DOUBT:
        row["a_person_says"] = f"vast-mcp reconcile --volume {made.token}=ID, or =none"
    return row


def show(settled: Settled) -> None:
    """Show every attempt, and then how many are open."""
    show_rows(settled.rows)
    if settled.still_open:
        print(f"{settled.still_open} open")
    else:
        print("nothing open")
