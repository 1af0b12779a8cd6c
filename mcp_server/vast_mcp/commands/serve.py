"""MCP over stdio, without a command, or over HTTP with `vast-mcp serve`, until told to end."""

from __future__ import annotations

import argparse
import gc
import secrets
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
from pydantic import SecretStr

from vast_mcp import signals
from vast_mcp.commands import options
from vast_mcp.commands.composing import compose, warn
from vast_mcp.commands.statuses import EXIT_ERROR, EXIT_OK, EXIT_USAGE
from vast_mcp.settings import Settings

if TYPE_CHECKING:
    from vast_mcp.host.server import VastServer


DESCRIPTION = """\
Serves MCP over HTTP. Clients show the token: VAST_MCP_HTTP_TOKEN, or one made
and printed for this run. VAST_API_KEY must be set: key files are not read here.
"""

AT_A_TERMINAL = """\
vast-mcp waits for a host to speak MCP on stdin; a person's commands are in `vast-mcp --help`.
`vast-mcp doctor` looks whether all is well, `vast-mcp demo` shows it. Ctrl-C ends this.\
"""


def add_parser(commands: options.Commands) -> None:
    """Add the command."""
    parser = options.add_command(
        commands,
        "serve",
        run,
        what="serve MCP over HTTP, on loopback, to whoever has the token",
        description=DESCRIPTION,
    )
    parser.add_argument(
        "--http",
        metavar="[HOST:]PORT",
        required=True,
        help="where to listen; HOST is an IP address or localhost (default 127.0.0.1), port 0 any "
        "free one",
    )
    parser.add_argument(
        "--behind-proxy",
        action="store_true",
        help="allow other addresses; for a proxy that adds TLS. Needs --allowed-host",
    )
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that clients know the proxy by, as in their Host header; repeatable",
    )
    options.add_sources(parser)


def run(chosen: argparse.Namespace) -> int:
    """Serve over HTTP. Who calls is not who owns the key files here, so none is read."""
    settings = options.settings_of(chosen, key_files=False)
    return serve_http(settings, chosen.http, chosen.behind_proxy, chosen.allowed_host)


def run_stdio(chosen: argparse.Namespace) -> int:
    """Serve over stdio: what `vast-mcp` without a command does."""
    return serve_stdio(options.settings_of(chosen))


def serve_stdio(settings: Settings) -> int:
    """Serve MCP on stdin and stdout until stdin ends."""
    # The SDK's reader thread would keep the process alive after an interrupt until stdin closes.
    signals.end_at_once()
    if sys.stdin.isatty():
        print(AT_A_TERMINAL, file=sys.stderr, flush=True)
    anyio.run(_loaded(settings).run_stdio)
    return EXIT_OK


def _loaded(settings: Settings) -> VastServer:
    """Compose the server. What is loaded stays to the end, so the collector never looks at it."""
    gc.disable()
    server = compose(settings)
    gc.freeze()
    gc.enable()
    return server


def serve_http(
    settings: Settings, where: str, behind_proxy: bool, allowed_hosts: Sequence[str]
) -> int:
    """Serve MCP over HTTP until asked to end. The token is printed where it was made here."""
    from vast_mcp.host import serving

    made = settings.http_token is None
    token = settings.http_token or SecretStr(secrets.token_urlsafe(32))
    settings = replace(settings, http_token=token)
    try:
        address = serving.Address.of(where, behind_proxy=behind_proxy, allowed_hosts=allowed_hosts)
        listener = serving.listen(address)
    except serving.AddressError as exc:
        print(f"vast-mcp serve: {exc}", file=sys.stderr)
        return EXIT_USAGE
    except OSError as exc:
        print(f"vast-mcp serve: {where} cannot be listened on: {exc.strerror}", file=sys.stderr)
        return EXIT_ERROR
    print(f"vast-mcp listens on {serving.url_of(listener)}", file=sys.stderr)
    if settings.api_key is None:
        no_key = "no key: every tool answers no_api_key. VAST_API_KEY sets it; key files are not "
        warn(" ".join([f"{no_key}read here.", *settings.key_notes]))
    if made:
        print(
            f"The token, made for this run (VAST_MCP_HTTP_TOKEN keeps one): "
            f"{token.get_secret_value()}",
            file=sys.stderr,
            flush=True,
        )
    serving.serve(_loaded(settings), address, listener, token.get_secret_value())
    return EXIT_OK
