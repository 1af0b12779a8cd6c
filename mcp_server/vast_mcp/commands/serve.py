"""The commands that serve until they are told to end: MCP over stdio or HTTP, and the sandbox."""

from __future__ import annotations

import gc
import secrets
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from vast_mcp import signals
from vast_mcp.commands.composing import compose, warn
from vast_mcp.commands.statuses import EXIT_ERROR, EXIT_OK, EXIT_USAGE
from vast_mcp.settings import Settings

if TYPE_CHECKING:
    from vast_mcp.host.server import VastServer


def serve_stdio(settings: Settings) -> int:
    """Serve MCP on stdin and stdout until stdin ends."""
    # The SDK's reader thread would keep the process alive after an interrupt until stdin closes.
    signals.end_at_once()
    _loaded(settings).run("stdio")
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
        warn(
            "no key: every tool answers no_api_key. VAST_API_KEY sets it; key files are not read "
            "here."
        )
    if made:
        print(
            f"The token, made for this run (VAST_MCP_HTTP_TOKEN keeps one): "
            f"{token.get_secret_value()}",
            file=sys.stderr,
            flush=True,
        )
    serving.serve(_loaded(settings), address, listener, token.get_secret_value())
    return EXIT_OK


def serve_sandbox(port: int, seed: int) -> int:
    """Serve the sandbox's API on loopback until interrupted."""
    from vast_mcp.sandbox.serving import serve
    from vast_mcp.sandbox.world import World

    def ready(url: str) -> None:
        print(
            f"A pretended Vast.ai listens on {url} (no money moves). Use it: export VAST_URL={url}",
            flush=True,
        )

    # An account of its own for every world: a journal must not take this one for an earlier one.
    try:
        serve(World(seed=seed, user_id=secrets.randbelow(10**9)), "127.0.0.1", port, on_ready=ready)
    except OSError as exc:
        print(
            f"vast-mcp sandbox: port {port} cannot be listened on: {exc.strerror}", file=sys.stderr
        )
        return EXIT_ERROR
    return EXIT_OK
