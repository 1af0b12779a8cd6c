"""`vast-mcp trust`: a person accepts that a machine has another host key than before."""

from __future__ import annotations

import argparse
import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from vast_mcp.commands import options
from vast_mcp.commands.call import agrees
from vast_mcp.commands.composing import with_sandbox
from vast_mcp.commands.statuses import EXIT_ERROR, EXIT_OK, as_text, print_error
from vast_mcp.commands.terminal import Progressing
from vast_mcp.errors import Json, VastMcpError

if TYPE_CHECKING:
    from vast_mcp.session import Session
    from vast_mcp.settings import Settings
    from vast_mcp.ssh.tried import Tried

TRY_S = 20.0  # for each way in

EPILOG = """\
A machine is known by the host key of its first login. Where another one answers
at its address, nothing logs in: somebody may sit between, or the container was
made anew in Vast's web console. This shows both keys and asks; only a person at
a terminal can say yes.

exit status: 0 every key that was shown is one that is trusted, and there was
one; 1 not; 2 wrong usage
"""


def add_parser(commands: options.Commands) -> None:
    """Add the command."""
    parser = options.add_command(
        commands,
        "trust",
        run,
        what="accept the new host key of a machine, having seen both",
        epilog=EPILOG,
    )
    parser.add_argument("instance_id", type=int, help="the machine, from show_instances")
    options.add_json(parser)
    options.add_sources(parser)


@dataclass(frozen=True)
class Found:
    """What one way in answered, and whether its host key is one that is trusted now; None where
    none was shown, or none is kept to compare it with.
    """

    tried: Tried
    trusted: bool | None

    def as_json(self) -> Json:
        """The way in as a script reads it."""
        tried = self.tried
        return {
            "way": tried.way,
            "answer": tried.answer,
            "pinned": tried.pinned,
            "fingerprint": tried.fingerprint,
            "trusted": self.trusted,
        }

    def line(self) -> str:
        """The way in as a person reads it."""
        if self.trusted is False:
            return f"{self.tried.way}: not trusted. {self.tried.said}"
        if self.tried.answer == "host_key_changed":
            return f"{self.tried.way}: trusted from now on: {self.tried.fingerprint}"
        return f"{self.tried.way}: nothing to accept. {self.tried.said}"


def run(chosen: argparse.Namespace) -> int:
    """Try every way in, and have the person accept the keys that changed."""
    settings = options.settings_of(chosen)
    try:
        found = anyio.run(trusting, settings, chosen.instance_id)
    except VastMcpError as exc:
        print_error("trust", exc, as_json=chosen.json)
        return EXIT_ERROR
    if chosen.json:
        print(as_text({"ways": [one.as_json() for one in found]}))
    else:
        print(*[one.line() for one in found] or ["Vast shows no SSH address for it."], sep="\n")
    trusted = {one.trusted for one in found}
    return EXIT_OK if True in trusted and False not in trusted else EXIT_ERROR


async def trusting(settings: Settings, instance_id: int) -> list[Found]:
    """Each way in that the machine has, tried; the person is asked about the keys that changed."""
    from vast_mcp import errors
    from vast_mcp.session import Call, Session
    from vast_mcp.ssh.tried import WAYS
    from vast_mcp.ssh.trying import address_of, try_ssh

    session = Session(*await with_sandbox(settings))
    call = Call.quiet(session)
    try:
        row = await call.vast.show_instance(instance_id)
        if row is None:
            raise errors.NoSuchInstance(f"The account has no machine {instance_id}.")
        found: list[Found] = []
        for way in WAYS:
            if address_of(call, row, way) is not None:
                with Progressing("trust"):
                    tried = await try_ssh(call, row, way, within_s=TRY_S)
                found.append(Found(tried, is_trusted(session, instance_id, tried)))
        return found
    finally:
        await session.close()


def is_trusted(session: Session, instance_id: int, tried: Tried) -> bool | None:
    """Whether the key that was shown is the one that is kept, or the person accepts it in that
    one's place. None where there is nothing to compare.
    """
    from vast_mcp.ssh import pins

    if tried.answer != "host_key_changed":
        return None if None in {tried.fingerprint, tried.pinned} else True
    question = (
        f"Machine {instance_id} ({tried.way}, {tried.place}) was known by the host key\n"
        f"  {tried.pinned}\nand now shows\n  {tried.fingerprint}\n"
        "If nobody made its container anew, somebody may be between you and it. Trust the new one?"
    )
    if not _is_seen():
        print(question, file=sys.stderr)
        print("vast-mcp trust: nobody at a terminal said yes", file=sys.stderr)
        return False
    return agrees(question) and pins.trust(session, instance_id, tried)


def _is_seen() -> bool:
    """Whether somebody at a terminal sees the question, and has typed nothing before it."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    try:
        import termios
    except ImportError:  # not this system's
        return True
    with contextlib.suppress(termios.error, OSError, ValueError):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    return True
