"""`vast-mcp doctor --contract`: whether Vast answers as this code relies on.

`relied_on.py` is the contract, `questions.py` asks, `asking.py` compares, `report.py` tells. Reads
alone, with the person's key and at the service's pace.
"""

from __future__ import annotations

from typing import Any

import anyio

from vast_mcp.commands.doctor import checkup, findings
from vast_mcp.commands.doctor.contract import report
from vast_mcp.commands.doctor.contract.asking import Asking, Compared
from vast_mcp.commands.statuses import EXIT_ERROR, EXIT_OK, as_text
from vast_mcp.commands.terminal import Progressing
from vast_mcp.settings import Settings, SettingsError


def run_contract(
    settings: Settings | SettingsError, app: Any, command: str, *, as_json: bool
) -> int:
    """Compare and tell; 1 where a reply is not as relied on, or nobody answered."""
    if isinstance(settings, SettingsError):
        return _tell([checkup.unreadable(settings)], as_json=as_json)
    if settings.api_key is None:
        return _tell([checkup.key(settings)], as_json=as_json)
    compared = anyio.run(_compare, Asking(settings, app))
    if as_json:
        print(as_text(report.as_json(compared, settings), indent=2))
    else:
        findings.show(report.as_findings(compared))
        if any(one.status == "differs" for one in compared):
            print(f"\nWorth an issue, with what this prints: {command} doctor --contract --json")
    return EXIT_OK if report.holds(compared) else EXIT_ERROR


def _tell(found: list[findings.Finding], *, as_json: bool) -> int:
    """Say why nothing was asked."""
    if as_json:
        print(as_text(findings.as_json(found), indent=2))
    else:
        findings.show(found)
    return EXIT_ERROR


async def _compare(asking: Asking) -> list[Compared]:
    with Progressing("doctor") as progressing:
        return await asking.compare(progressing.say)
