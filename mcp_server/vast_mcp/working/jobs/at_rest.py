"""A command on a machine that is stopped: Vast itself lists, sizes and removes on its disk, by a
route of its own (docs/vast-api.md C.7). Nothing else runs there.

No job is made of it: nothing goes on when it is over, and looking twice changes nothing.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from vast_mcp import errors
from vast_mcp.account.reading import Reading
from vast_mcp.session import Call
from vast_mcp.vast.log_text import last, plain_lines
from vast_mcp.working.admission import stands_still
from vast_mcp.working.jobs.order import Order
from vast_mcp.working.jobs.pace import Pace
from vast_mcp.working.jobs.shown import OnMachine

WORDS = ("ls", "du", "rm")
LONGEST = 512  # characters that Vast takes
OUT_BYTES = 6_000  # shown, as JSON text

_PLAIN = re.compile(r"[A-Za-z0-9._/+=,@:-]+")  # what no shell reads as anything else
_ONLY = "Stopped, it takes one plain `ls`, `du` or `rm` of its disk from run_command, nothing else"
_ODD = (
    "words of letters, digits and . _ / + = , @ : - alone, at most 512 characters, without .. and "
    "env_from"
)


@dataclass(frozen=True)
class OnDisk:
    """A command as Vast takes it: its paths from the disk's root, without a first slash."""

    text: str

    @property
    def removes(self) -> bool:
        return self.text.startswith("rm ")


def on_disk(order: Order) -> OnDisk | None:
    """The command of a call as Vast runs it on a disk at rest; None for any other."""
    words = (order.command or "").strip().split(" ")
    if words[0] not in WORDS or order.env_from or not all(map(_is_plain, words)):
        return None
    paths = [_from_root(word) for word in words[1:]]
    text = " ".join([words[0], *paths])
    if len(text) > LONGEST or (words[0] == "rm" and not _names_something(paths)):
        return None
    return OnDisk(text)


def _is_plain(word: str) -> bool:
    return _PLAIN.fullmatch(word) is not None and ".." not in word.split("/")


def _from_root(word: str) -> str:
    """An option as it is, and a path as Vast has them: `rm -r home/x`. A name that begins with a
    dash becomes no option.
    """
    path = word.lstrip("/")
    if path == word:
        return word
    return f"./{path}" if path.startswith("-") else path or "."


def _names_something(paths: list[str]) -> bool:
    """Whether an rm names what it removes, and never the whole disk."""
    named = [path for path in paths if not path.startswith("-")]
    return bool(named) and all(path.strip("./") for path in named)


def refused(reading: Reading, order: Order) -> errors.NotEntered:
    """Why a machine at rest does not run this."""
    more = ""
    if order.command is not None and reading.machine.is_vm:
        more = "Of a VM at rest nothing can be read"
    elif order.command is not None:
        odd = order.command.split(None, 1)[:1] in [[word] for word in WORDS]
        more = f"{_ONLY}: {_ODD}; no rm of the whole disk" if odd else _ONLY
    return stands_still(reading, more)


async def run(call: Call, reading: Reading, command: OnDisk, order: Order, pace: Pace) -> OnMachine:
    """Have Vast run it, and read what it printed once that is uploaded. Raises NotEntered where the
    container is not ready for it, and Vast's refusals.
    """
    from vast_mcp.vast.logs import fetch_log

    instance_id = reading.row.id
    try:
        address = await call.vast.execute(instance_id, command.text, once=command.removes)
    except errors.InvalidRequest as exc:
        if "not ready" not in (exc.vast_message or "").lower():
            raise
        raise _not_ready(instance_id, order) from exc
    waiting = functools.partial(call.say, "waiting for the host to upload what it printed")
    try:
        fetched = await fetch_log(call.session.link, address, pace.until, waiting)
    except (errors.VastUnavailable, errors.Unreachable, errors.UnexpectedReply) as exc:
        return _unheard(instance_id, command, exc)
    lines = plain_lines(fetched.text, call.settings.mask)
    shown = last(lines, OUT_BYTES)
    is_whole = shown == lines and not (fetched.begin_missing or fetched.end_missing)
    return OnMachine(
        instance_id=instance_id,
        state="ended",
        untrusted_stdout="\n".join(shown),
        stdout_bytes=None if is_whole else len(fetched.text.encode()),
        message=f"It is stopped: Vast ran `{command.text}` on its disk. It gives no exit status; "
        "what went wrong stands in the output.",
    )


def _not_ready(instance_id: int, order: Order) -> errors.NotEntered:
    return errors.NotEntered(
        f"Machine {instance_id} was stopped, and its container is not ready for this yet.",
        instance_id=instance_id,
        next_steps=[order.again("in a moment")],
    )


def _unheard(instance_id: int, command: OnDisk, exc: errors.VastMcpError) -> OnMachine:
    """Vast took it, and what it printed cannot be read."""
    harm = "removes nothing more" if command.removes else "only looks again"
    return OnMachine(
        instance_id=instance_id,
        state="unknown",
        message=f"Vast took `{command.text}`, and what it printed could not be read ({exc.code}): "
        f"whether it ran is not known. The same call {harm}.",
    )


def question(machines: str, command: OnDisk) -> str:
    """What a person is asked before something is removed."""
    return f"Remove this from the disk of machine {machines}, for good?\n{command.text}"
