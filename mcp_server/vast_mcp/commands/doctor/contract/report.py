"""What the comparison found, in words and as JSON. Neither holds an id, an address, a key or a
label, so that both can be pasted into an issue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from vast_mcp import __version__
from vast_mcp.commands.doctor.contract.asking import Compared
from vast_mcp.commands.doctor.findings import Finding
from vast_mcp.errors import Json
from vast_mcp.settings import DEFAULT_URL, KEYS_PAGE, Settings


def holds(compared: Sequence[Compared]) -> bool:
    """Whether everything that was answered is as relied on, and anything was answered."""
    asked = any(one.status not in {"not asked", "not seen"} for one in compared)
    return asked and all(one.status != "differs" for one in compared)


def as_json(compared: Sequence[Compared], settings: Settings) -> Json:
    """`{"ok", "vast_mcp", "service", "checks": [...]}`."""
    return {
        "ok": holds(compared),
        "vast_mcp": __version__,
        "service": _service(settings),
        "checks": [_one_as_json(one) for one in compared],
    }


def _service(settings: Settings) -> str:
    """Which service was asked; a person's own address is not told."""
    if settings.sandbox:
        return "sandbox"
    return DEFAULT_URL if settings.base_url == DEFAULT_URL else "another address"


def _one_as_json(one: Compared) -> Json:
    said: Json = {
        "name": one.question.name,
        "status": one.status,
        "route": one.question.route,
        "scope": one.question.scope,
        "why": one.why,
        "differences": [asdict(difference) for difference in one.differences],
        "not_seen": list(one.unseen),
    }
    return {name: value for name, value in said.items() if value not in (None, [])}


def as_findings(compared: Sequence[Compared]) -> list[Finding]:
    """Each question as a line for a person."""
    return [Finding(one.question.name, one.status, _said(one), _fix(one)) for one in compared]


def _said(one: Compared) -> str:
    parts = [difference.said for difference in one.differences]
    if one.why:
        parts.append(one.why)
    if not parts:
        return one.question.route
    return f"{one.question.route}: {'; '.join(parts)}"


def _fix(one: Compared) -> str | None:
    if one.status == "not asked" and one.why and "lacks" in one.why:
        return f"add it to the key, or make another, at {KEYS_PAGE}"
    return None
