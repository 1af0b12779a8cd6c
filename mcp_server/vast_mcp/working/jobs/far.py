"""What is asked of the far side of jobs (far.sh), and what it says: its own lines are known by a
mark that nobody could foresee, whatever else a machine prints.
"""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Literal, cast, get_args

from vast_mcp.ssh import LineLost
from vast_mcp.ssh.commands import Ran, run
from vast_mcp.ssh.entering import Line

Was = Literal["ready", "there", "unwritable", "started", "followed", "lost"]
State = Literal["running", "ended", "stopped", "unstarted", "interrupted", "lost", "unknown"]

ActName = Literal["prepare", "start", "look", "hear", "stop", "all"]

FACTS_BYTES = 16_384  # of an answer beside what the job says
LIST_BYTES = 1_000_000
IN_FULL = 60  # jobs of a list, beside those that run
ACT_S = 20.0  # that an act may take which waits for nothing
NOBODY = "0" * 12
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{0,9})?")


class Unreadable(Exception):
    """The machine answered, and not in the words of the far side. `said`: its last words."""

    def __init__(self, said: bytes) -> None:
        super().__init__("the far side did not answer as it does")
        self.said = said


@dataclass(frozen=True)
class Seen:
    """What the far side says of a job. `began`: epoch seconds by the machine's clock; `took_s`: so
    far, or in all. `out` and `err` are the ends of what it said, of so many bytes.
    """

    name: str
    was: Was
    state: State
    exit_status: int | None = None
    restarted: bool = False
    left: bool = False  # it was over, and what it had left running was ended now
    began: float | None = None
    took_s: float | None = None
    out_bytes: int = 0
    err_bytes: int = 0
    out: bytes = b""
    err: bytes = b""
    command: bytes = b""


@dataclass(frozen=True)
class Act:
    """One act: its name, its job, and what it is given. `values` are the job's own, as shell text
    that goes to no other process. `read`: bytes of its output and of its errors that are known.
    """

    name: ActName
    job: str = NOBODY
    ticket: str = NOBODY
    wait_s: int = 0
    most: int = 0
    command: str | None = None
    read: tuple[int, int] = (0, 0)
    values: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def script(self, mark: str) -> bytes:
        """The whole script. Its last line runs it, and only where it came whole."""
        parts = [_far_side()]
        if self.command is not None:
            end = f"end-{secrets.token_hex(16)}"
            parts.append(f"words() {{\ncat <<'{end}'\n{self.command}\n{end}\n}}\n")
        settings = "".join(f"{name}={_quoted(self.values[name])}\n" for name in self.values)
        names = "".join(f"export {name}\n" for name in self.values)
        parts.append(f"values() {{\ntrue\n{settings}{names}}}\n")
        parts.append(f"from_out={self.read[0]} from_err={self.read[1]}\n")
        parts.append(
            f"main {self.name} {self.job} {self.ticket} {mark} {self.wait_s} {self.most} whole\n"
        )
        return "".join(parts).encode("utf-8", "surrogateescape")


def _quoted(text: str) -> str:
    """A text as one word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"


@cache
def _far_side() -> str:
    """The far side without its comment lines and indentation."""
    text = resources.files("vast_mcp.working.jobs").joinpath("far.sh").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("#"))


# ── acts ───────────────────────────────────────────────────────────────────────────────────────


async def prepare(line: Line, job: str, ticket: str, command: str, *, within_s: float) -> Was:
    """Put down what a start needs: ready, unwritable, or there where the job is begun already.
    Raises LineLost, Unreadable.
    """
    act = Act("prepare", job, ticket, command=command)
    mark = new_mark()
    ran = await _ran(line, act, mark, FACTS_BYTES, within_s)
    found = _facts(_between(ran.stdout, f"{mark} was ".encode(), mark), mark, "was ")
    return _was(found[0], "unwritable")


async def on_job(line: Line, act: Act, *, within_s: float) -> Seen:
    """Start, look at or stop a job, and what became of it then. Raises LineLost, Unreadable."""
    mark = new_mark()
    ran = await _ran(line, act, mark, act.most + FACTS_BYTES, within_s)
    said = _between(ran.stdout, f"{mark} was ".encode(), mark)
    head, _, out = said.partition(f"{mark} out\n".encode())
    facts = _facts(head, mark, "was ")
    return _seen(
        act.job,
        facts[0],
        out=out[:-1],
        err=_between(ran.stderr, f"{mark} err\n".encode(), mark)[:-1],
    )


async def jobs_there(line: Line, *, within_s: float) -> list[Seen]:
    """All jobs of a machine, whoever began them; of old ones that are over no more than how they
    ended. Raises LineLost, Unreadable.
    """
    mark = new_mark()
    ran = await _ran(line, Act("all", most=IN_FULL), mark, LIST_BYTES, within_s)
    if f"{mark} end".encode() not in ran.stdout:
        raise Unreadable(ran.stdout)
    _, _, said = ran.stdout.partition(f"{mark} job ".encode())
    if not said:
        return []
    rows = _facts(f"{mark} job ".encode() + said, mark, "job ")
    return [_seen(row["job"], row) for row in rows if re.fullmatch("[0-9a-f]{12}", row["job"])]


def new_mark() -> str:
    """A mark for one answer."""
    return f"@{secrets.token_hex(8)}"


async def _ran(line: Line, act: Act, mark: str, most: int, within_s: float) -> Ran:
    within_s = min(within_s, act.wait_s + ACT_S)
    ran = await run(line, "sh", stdin=act.script(mark), most=most, within_s=within_s)
    if ran.late:
        raise LineLost  # it may still do it, and nobody is there to hear of it
    return ran


# ── answers ────────────────────────────────────────────────────────────────────────────────────


def _between(said: bytes, begin: bytes, mark: str) -> bytes:
    """What stands between the begin of an answer, itself included where it is no line of its own,
    and its end. Raises Unreadable without them.
    """
    _, found, rest = said.partition(begin)
    body, end, _ = rest.rpartition(f"{mark} end".encode())
    if not (found and end):
        raise Unreadable(said)
    return body if begin.endswith(b"\n") else begin + body


def _facts(said: bytes, mark: str, first: str) -> list[dict[str, str]]:
    """Lines of facts, by name: a new row begins with the fact `first`."""
    rows: list[dict[str, str]] = []
    for line in said.decode("utf-8", "replace").split("\n"):
        if not line.startswith(f"{mark} "):
            continue
        fact = line.removeprefix(f"{mark} ")
        if fact.startswith(first) or not rows:
            rows.append({})
        name, _, value = fact.partition(" ")
        rows[-1][name] = value
    return rows


def _seen(name: str, facts: Mapping[str, str], out: bytes = b"", err: bytes = b"") -> Seen:
    """Facts as values, read strictly: strangers own the machine."""
    began, _, until = facts.get("span", "").partition(" ")
    start, end = _number(began), _number(until)
    took = end - start if start is not None and end is not None and end >= start else None
    was = _was(facts, "followed")
    state = facts.get("state")
    code = _number(facts.get("code", ""))
    return Seen(
        name=name,
        was=was,
        state="lost" if was == "lost" else _state(state),
        exit_status=int(code) if code is not None and code < 1000 else None,
        restarted=facts.get("why") == "restarted",
        left=facts.get("why") == "left",
        began=_number(facts.get("began", "")),
        took_s=None if took is None or state == "interrupted" else round(took, 2),
        out_bytes=int(_number(facts.get("out_bytes", "")) or 0),
        err_bytes=int(_number(facts.get("err_bytes", "")) or 0),
        out=out,
        err=err,
        command=facts.get("command", "").encode(),
    )


def _was(facts: Mapping[str, str], otherwise: Was) -> Was:
    said = facts.get("was", "")
    return cast("Was", said) if said in get_args(Was) else otherwise


def _state(said: str | None) -> State:
    return cast("State", said) if said in get_args(State) else "unknown"


def _number(text: str) -> float | None:
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    return number if math.isfinite(number) else None
