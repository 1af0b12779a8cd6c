"""`vast-mcp doctor`: what a rental needs, looked at one by one. Reads only: nothing is rented,
written or repaired.

No key is ever shown, only where it was found. Rights that change things cannot be tried without
changing something, so they are not: the first call that needs one says so.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from vast_mcp.commands import options
from vast_mcp.commands.composing import with_sandbox
from vast_mcp.commands.statuses import EXIT_ERROR, EXIT_OK, as_text
from vast_mcp.commands.terminal import Progressing
from vast_mcp.errors import VastMcpError
from vast_mcp.settings import Settings, SettingsError

if TYPE_CHECKING:
    from vast_mcp.commands.doctor.checkup import Checkup
    from vast_mcp.commands.doctor.findings import Finding

EPILOG = """\
exit status:
  0  nothing failed (warnings may be there)
  1  something failed; with --contract: a reply is not as relied on, or
     nobody answered
  2  wrong usage
"""


def add_parser(commands: options.Commands) -> None:
    """Add the command."""
    parser = options.add_command(
        commands,
        "doctor",
        run,
        what="look at key, scopes, SSH keys, journal, limits and hosts; each fault with its fix",
        description="Looks at what a rental needs and says how to fix each fault.\nReads only; "
        "shows no key.",
        epilog=EPILOG,
    )
    parser.add_argument(
        "--contract",
        action="store_true",
        help="compare Vast's replies with what vast-mcp relies on, by reads alone, one line of a "
        "log among them; what it prints holds no id, address, key or label",
    )
    options.add_json(parser)
    options.add_sources(parser)


def run(chosen: argparse.Namespace) -> int:
    """Look at everything once; 1 where something failed."""
    from vast_mcp.commands.doctor import findings

    if chosen.contract:
        from vast_mcp.commands.doctor.contract import run_contract

        return run_contract(*_settings(chosen), options.command_of(chosen), as_json=chosen.json)

    found = anyio.run(check, checkup_of(chosen))
    if chosen.json:
        print(as_text(findings.as_json(found), indent=2))
    else:
        findings.show(found)
    if findings.none_failed(found):
        return EXIT_OK
    return EXIT_ERROR


def checkup_of(chosen: argparse.Namespace) -> Checkup:
    """What is looked at. Settings that cannot be read are a finding and not the end."""
    from vast_mcp.commands.doctor.checkup import Checkup

    settings, app = _settings(chosen)
    command = options.command_of(chosen)
    return Checkup(settings, Path.home(), Path.cwd(), app, command)


def _settings(chosen: argparse.Namespace) -> tuple[Settings | SettingsError, object]:
    try:
        return anyio.run(with_sandbox, options.settings_of(chosen))
    except SettingsError as exc:
        return exc, None
    except VastMcpError as exc:
        return SettingsError(str(exc)), None


async def check(checkup: Checkup) -> list[Finding]:
    """Look, and show at a terminal what is looked at."""
    from vast_mcp.commands.doctor import checkup as checks

    with Progressing("doctor") as progressing:
        return await checks.check(checkup, progressing.say)
