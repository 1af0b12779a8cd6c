"""The command, and the composition root: the only place that joins the catalogue, the settings
and a transport.
"""

from __future__ import annotations

import argparse
import io
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio

from vast_mcp import signals
from vast_mcp.commands.approve import approve_once
from vast_mcp.commands.call import call_once
from vast_mcp.commands.examine import examine_once
from vast_mcp.commands.parser import parser
from vast_mcp.commands.reconcile import reconcile_once
from vast_mcp.commands.serve import serve_http, serve_sandbox, serve_stdio
from vast_mcp.commands.statuses import EXIT_MAYBE_BILLING, EXIT_USAGE
from vast_mcp.commands.sweep import sweep_once
from vast_mcp.environment import load
from vast_mcp.settings import SettingsError


def run(argv: Sequence[str]) -> int:
    """Run the command; its exit status."""
    options = parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # what a terminal cannot show must end nothing
    try:
        return _run(options)
    except KeyboardInterrupt:
        return EXIT_MAYBE_BILLING if options.command == "call" else signals.INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    if options.command == "sandbox":
        return serve_sandbox(options.port, options.seed)
    if options.command == "demo":
        from vast_mcp.commands.demo import play

        return anyio.run(play)
    try:
        settings = load(
            os.environ,
            home=Path.home(),
            env_file=options.env_file,
            sandbox=options.sandbox,
            key_files=options.command != "serve",
        )
    except SettingsError as exc:
        if options.command == "doctor":
            return anyio.run(examine_once, exc, options.json, _command(options))
        print(f"vast-mcp: {exc}", file=sys.stderr)
        return EXIT_USAGE
    if options.command == "doctor":
        return anyio.run(examine_once, settings, options.json, _command(options))
    if options.command == "serve":
        return serve_http(settings, options.http, options.behind_proxy, options.allowed_host)
    if options.command == "reconcile":
        return anyio.run(reconcile_once, settings, options.json, options.wait)
    if options.command == "sweep":
        return anyio.run(sweep_once, settings, options.json, options.dry_run)
    if options.command == "approve":
        return approve_once(settings, options.code, yes=options.yes, as_json=options.json)
    if options.command == "call":
        return anyio.run(call_once, settings, options.tool, options.arguments)
    return serve_stdio(settings)


def _command(options: argparse.Namespace) -> str:
    """The command with the options that choose settings, for a line that somebody is to run
    next.
    """
    words = ["vast-mcp", *(["--sandbox"] if options.sandbox else [])]
    return shlex.join(
        [*words, *(["--env-file", str(options.env_file)] if options.env_file else [])]
    )
