"""`vast-mcp demo`: a real MCP client talks over stdio to the real server, on the sandbox.

Every line shown is what the server answered; a step that does not go as it must ends the demo with
status 1.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from vast_mcp.commands import options
from vast_mcp.commands.demo.acts import ACTS
from vast_mcp.commands.demo.home import end_world_in, make_key, server_in
from vast_mcp.commands.demo.stage import Stage, Surprise, keep_talking, say
from vast_mcp.commands.statuses import EXIT_ERROR, EXIT_OK

if TYPE_CHECKING:
    from mcp import Client


def add_parser(commands: options.Commands) -> None:
    """Add the command."""
    options.add_command(
        commands, "demo", run, what="watch a client rent, look and destroy on the sandbox"
    )


def run(_chosen: argparse.Namespace) -> int:
    """Play the demo."""
    return anyio.run(play)


async def play() -> int:
    """Play on a server of its own."""
    from mcp import Client

    with tempfile.TemporaryDirectory(prefix="vast-mcp-demo-") as folder:
        make_key(Path(folder) / ".ssh" / "id_demo.pub")
        say("Starting a server on a local, pretended Vast.ai: no money moves.")
        status = EXIT_ERROR
        async with anyio.create_task_group() as talking:
            talking.start_soon(keep_talking)
            try:
                async with Client(server_in(folder)) as client:
                    status = await perform(client)
            finally:
                await end_world_in(folder)
                talking.cancel_scope.cancel()
    return status


async def perform(client: Client) -> int:
    """Play every act; 0 when each went as it must."""
    stage = Stage(client)
    try:
        for act in ACTS:
            await act(stage)
    except Surprise as exc:
        say(f"\nThe demo did not go as it must: {exc}")
        return EXIT_ERROR
    return EXIT_OK
