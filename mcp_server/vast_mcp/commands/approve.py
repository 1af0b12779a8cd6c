"""TODO: one line."""

from __future__ import annotations

import sys
import time
from typing import Any

from vast_mcp.commands.call import agrees
from vast_mcp.commands.statuses import EXIT_ERROR, EXIT_OK, as_text
from vast_mcp.settings import Settings


def approve_once(settings: Settings, code: str, *, yes: bool, as_json: bool) -> int:
    """Say yes to the question that a code stands for."""
    from vast_mcp import errors
    from vast_mcp.journal import Journal
    from vast_mcp.renting.confirm import code_of

    journal, plain = Journal(settings.state_dir), code_of(code)
    told: dict[str, Any] = {}
    try:
        question = journal.approvals.question(plain) if journal.exists() else None
        if question is None:
            problem = "no such code in this state folder (VAST_MCP_STATE_DIR must be the server's)"
        elif question.used:
            problem = "this was used already: a code is good for one act"
        elif question.over(time.time()):
            problem = "the code's ten minutes are over; the same call makes a new one"
        else:
            told = {"question": question.said, "usd_per_hour": question.usd_per_hour}
            problem = (
                ""
                if yes or (sys.stdin.isatty() and agrees(question.said))
                else "nobody said yes; --yes does"
            )
            if (
                not problem
                and question.approved_at is None
                and not journal.approvals.approve(plain)
            ):
                problem = "the code's time ended just now; the same call makes a new one"
    except errors.VastMcpError as exc:
        problem = str(exc)
    finally:
        journal.close()
    told = {"approved": not problem, **told} | ({"problem": problem} if problem else {})
    if as_json:
        print(as_text(told))
    else:
        print(
            *([told["question"]] if "question" in told else []),
            f"vast-mcp approve: {problem or 'approved'}",
            sep="\n",
        )
    return EXIT_ERROR if problem else EXIT_OK
