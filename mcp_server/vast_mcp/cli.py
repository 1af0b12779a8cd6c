"""The command, and the composition root: the only place that joins the catalogue, the settings and a transport."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import anyio

from vast_mcp import __version__
from vast_mcp.settings import Settings, SettingsError, load

EXIT_OK, EXIT_ERROR, EXIT_USAGE, EXIT_MAYBE_BILLING = 0, 1, 2, 3

EPILOG = """\
exit status of `call`:
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
    for sub in (call,):
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

    return build(settings, CATALOGUE, create_app(World()))


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

    serve(World(seed=seed), "127.0.0.1", port, on_ready=ready)
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
    async with Client(compose(settings)) as client:
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
