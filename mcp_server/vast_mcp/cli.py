"""The command, and the composition root: the only place that joins the catalogue, the settings and a transport."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import anyio

from vast_mcp import __version__
from vast_mcp.settings import Settings, SettingsError, load

EXIT_OK, EXIT_ERROR, EXIT_USAGE, EXIT_MAYBE_BILLING = 0, 1, 2, 3

# A script has no host that cuts it off: long enough to prove that a lost request made nothing.
WAIT_S = 200.0

EPILOG = """\
exit status of `call` and `reconcile`:
  0  success
  1  an error; nothing bills because of this call
  2  wrong usage: the command, the tool's name or its arguments
  3  may be billing: repeat this exact command
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="vast-mcp",
        description="An MCP server for renting GPUs on Vast.ai. Without a command it serves MCP on stdin and stdout.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"vast-mcp {__version__}")
    top.add_argument("--sandbox", action="store_true", help="serve a local, pretended Vast.ai; no money moves")
    top.add_argument("--env-file", type=Path, metavar="FILE", help="read settings from FILE (no other file is read)")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    box = commands.add_parser("sandbox", help="serve the pretended Vast.ai API on a port (for VAST_URL)")
    box.add_argument("--port", type=int, default=8733, help="port, 0 for any free one (default 8733)")
    box.add_argument("--seed", type=int, default=7, help="seed of the world (default 7)")

    commands.add_parser("demo", help="watch a client rent, look and destroy on the sandbox")

    call = commands.add_parser(
        "call",
        help="call one tool and print its JSON",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    call.add_argument("tool", help="name of the tool, e.g. search_offers")
    call.add_argument("arguments", nargs="?", default="{}", help="a JSON object (default {})")
    settle = commands.add_parser(
        "reconcile", help="settle rentals whose reply was lost; status 3 while any is open", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    settle.add_argument("--json", action="store_true", help="print JSON")
    settle.add_argument("--wait", type=float, default=WAIT_S, metavar="S", help="seconds to try at most (default 200)")
    for sub in (call, settle):
        sub.add_argument("--sandbox", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        sub.add_argument("--env-file", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return top


def run(argv: Sequence[str]) -> int:
    """Run the command; its exit status."""
    options = parser().parse_args(argv)
    if options.command == "sandbox":
        return serve_sandbox(options.port, options.seed)
    if options.command == "demo":
        from vast_mcp.demo import play

        return anyio.run(play)
    try:
        settings = load(os.environ, home=Path.home(), env_file=options.env_file, sandbox=options.sandbox)
    except SettingsError as exc:
        print(f"vast-mcp: {exc}", file=sys.stderr)
        return EXIT_USAGE
    if options.command == "reconcile":
        return anyio.run(reconcile_once, settings, options.json, options.wait)
    if options.command == "call":
        return anyio.run(call_once, settings, options.tool, options.arguments)
    return serve_stdio(settings)


def compose(settings: Settings) -> Any:
    """The server over the whole catalogue, on the in-process sandbox where the settings say so."""
    from vast_mcp.server import build
    from vast_mcp_tools import CATALOGUE

    if not settings.sandbox:
        return build(settings, CATALOGUE)
    from vast_mcp.sandbox.routes import create_app
    from vast_mcp.sandbox.world import World

    # As the real one: its limits are enforced, so its pace is kept; doors answer as SSH does.
    kept = replace(settings, times=replace(settings.times, pace=1.0))
    world = World(limits=True, ssh_banners=True, looks_per_step=None, seconds_per_step=0.9)
    return build(kept, CATALOGUE, create_app(world))


def _end_at_once(_signal: int, _frame: object) -> None:
    os._exit(130)


def serve_stdio(settings: Settings) -> int:
    """Serve MCP on stdin and stdout until stdin ends."""
    # The SDK's reader thread would keep the process alive after an interrupt until stdin closes.
    signal.signal(signal.SIGINT, _end_at_once)
    compose(settings).run("stdio")
    return EXIT_OK


def serve_sandbox(port: int, seed: int) -> int:
    """Serve the sandbox's API on loopback until interrupted."""
    from vast_mcp.sandbox.routes import serve
    from vast_mcp.sandbox.world import World

    def ready(url: str) -> None:
        print(f"A pretended Vast.ai listens on {url} (no money moves). Use it: export VAST_URL={url}", flush=True)

    # An account of its own for every world: a journal must not take this one for an earlier one.
    serve(World(seed=seed, user_id=secrets.randbelow(10**9)), "127.0.0.1", port, on_ready=ready)
    return EXIT_OK


async def call_once(settings: Settings, tool: str, arguments: str) -> int:
    """One tool call through a real MCP client in this process; the JSON goes to stdout."""
    from mcp import Client

    try:
        parsed = json.loads(arguments)
    except ValueError as exc:
        print(f"vast-mcp call: the arguments are no JSON: {exc}", file=sys.stderr)
        return EXIT_USAGE
    if not isinstance(parsed, dict):
        print("vast-mcp call: the arguments must be a JSON object", file=sys.stderr)
        return EXIT_USAGE
    patient = replace(settings, times=replace(settings.times, budget_s=settings.times.budget_s + WAIT_S))
    async with Client(compose(patient)) as client:
        result = await client.call_tool(tool, cast("dict[str, Any]", parsed))
    payload = cast("dict[str, Any]", result.structured_content)
    print(json.dumps(payload, ensure_ascii=False, indent=2))
    return exit_status(payload)


def exit_status(payload: dict[str, Any]) -> int:
    """What a script needs to know of a result."""
    error = payload.get("error")
    if error is None:
        return EXIT_OK
    if error["billing_possible"]:
        return EXIT_MAYBE_BILLING
    return EXIT_USAGE if error["code"] in {"bad_arguments", "unknown_tool"} else EXIT_ERROR


async def reconcile_once(settings: Settings, as_json: bool, wait_s: float) -> int:
    """Settle what is open for up to `wait_s` seconds and say what became of it."""
    from vast_mcp import errors
    from vast_mcp.renting import account_of
    from vast_mcp.toolspec import Call, Office

    office = Office(settings)
    call = Call.quiet(office)
    try:
        account, _ = await account_of(call)
        before = office.journal.open_intents(account)
        await office.reconciler.settle(call.vast, account, anyio.current_time() + wait_s)
        after = [office.journal.by_token(intent.token) or intent for intent in before]
        still_open = office.journal.open_intents(account)
    except errors.VastMcpError as exc:
        print(json.dumps({"error": exc.as_json()}) if as_json else f"vast-mcp reconcile: {exc}")
        return exit_status({"error": exc.as_json()})
    finally:
        await office.close()
    rows = [
        {"token": i.token, "offer_id": i.offer_id, "request_key": i.request_key, "state": i.state}
        | ({"instance_id": i.instance_id} if i.instance_id else {})
        for i in after
    ]
    if as_json:
        print(json.dumps({"settled": [r for r in rows if r["state"] not in {"unknown", "sending"}],
                          "open": [r for r in rows if r["state"] in {"unknown", "sending"}]}))  # fmt: skip
    else:
        for row in rows:
            print("  ".join(f"{name}={value}" for name, value in row.items()))
        print(f"{len(still_open)} open" if still_open else "nothing open")
    return EXIT_MAYBE_BILLING if still_open else EXIT_OK
