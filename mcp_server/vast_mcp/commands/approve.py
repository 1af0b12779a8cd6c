"""`vast-mcp approve`: a person says yes, in a shell, to what a server wants to do."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vast_mcp.commands import options
from vast_mcp.commands.call import agrees
from vast_mcp.commands.statuses import EXIT_ERROR, EXIT_OK, as_text
from vast_mcp.errors import Json, VastMcpError
from vast_mcp.worlds import journal_folder

if TYPE_CHECKING:
    from vast_mcp.journal import Journal
    from vast_mcp.journal.records import Question

EPILOG = """\
A code comes with the error needs_confirmation. It is good for ten minutes,
for one act with exactly the arguments it was made for, at the price shown or
less.

exit status: 0 approved; 1 not approved; 2 wrong usage
"""


def add_parser(commands: options.Commands) -> None:
    """Add the command. --sandbox stands before it, as in the answer that has the code."""
    parser = options.add_command(
        commands,
        "approve",
        run,
        what="say yes to what a server wants to do, by its code",
        epilog=EPILOG,
    )
    parser.add_argument("code", help="the code, e.g. K7QF-M2XR")
    parser.add_argument("--yes", action="store_true", help="do not ask again")
    options.add_json(parser)
    options.add_env_file(parser, default=argparse.SUPPRESS)


class NotApproved(Exception):
    """There is no yes; the message says why."""


@dataclass(frozen=True)
class Outcome:
    """What became of a code: the question that it stands for, and why there is no yes."""

    question: Question | None = None
    problem: str | None = None

    def as_json(self) -> Json:
        """The outcome as a script reads it."""
        told: Json = {"approved": self.problem is None}
        if self.question is not None:
            told |= {"question": self.question.said, "usd_per_hour": self.question.usd_per_hour}
        if self.problem is not None:
            told["problem"] = self.problem
        return told

    def lines(self) -> Iterator[str]:
        """The outcome as a person reads it."""
        if self.question is not None:
            yield self.question.said
        yield f"vast-mcp approve: {self.problem or 'approved'}"


def run(chosen: argparse.Namespace) -> int:
    """Say yes to the question that a code stands for."""
    from vast_mcp.journal import Journal
    from vast_mcp.renting.approval_codes import code_of

    journal = Journal(journal_folder(options.settings_of(chosen)))
    try:
        outcome = decided(journal, code_of(chosen.code), yes=chosen.yes)
    finally:
        journal.close()
    if chosen.json:
        print(as_text(outcome.as_json()))
    else:
        print(*outcome.lines(), sep="\n")
    if outcome.problem is not None:
        return EXIT_ERROR
    return EXIT_OK


def decided(journal: Journal, code: str, *, yes: bool) -> Outcome:
    """Find the question and have it approved."""
    question = None
    try:
        question = open_question(journal, code)
        approve(journal, code, question, yes=yes)
    except (NotApproved, VastMcpError) as exc:
        return Outcome(question, str(exc))
    return Outcome(question)


def open_question(journal: Journal, code: str) -> Question:
    """The question that a code stands for, while it may be answered. Raises NotApproved."""
    question = None
    if journal.exists():
        question = journal.approvals.question(code)
    if question is None:
        raise NotApproved(
            "no such code in this state folder (VAST_MCP_STATE_DIR must be the server's)"
        )
    if question.used:
        raise NotApproved("this was used already: a code is good for one act")
    if question.over(time.time()):
        raise NotApproved("the code's ten minutes are over; the same call makes a new one")
    return question


def approve(journal: Journal, code: str, question: Question, *, yes: bool) -> None:
    """Write the person's yes. Raises NotApproved where there is none, or no time for it."""
    if not yes and not (sys.stdin.isatty() and agrees(question.said)):
        raise NotApproved("nobody said yes; --yes does")
    if question.approved_at is None and not journal.approvals.approve(code):
        raise NotApproved("the code's time ended just now; the same call makes a new one")
