"""All checks, in the order in which one would fix what they find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vast_mcp.commands.doctor import at_vast, computer
from vast_mcp.commands.doctor.findings import Finding
from vast_mcp.commands.doctor.hosts import hosts
from vast_mcp.commands.doctor.journal import journal
from vast_mcp.commands.doctor.keeping import KEEP_KEY
from vast_mcp.settings import KEYS_PAGE, Limits, Settings, SettingsError

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Checkup:
    """What is looked at. `settings` may be the reason why there are none."""

    settings: Settings | SettingsError
    home: Path
    folder: Path
    app: Any = None  # the in-process sandbox
    command: str = "vast-mcp"  # as it was started, with the options that say which settings hold


async def check(checkup: Checkup, progress: Progress) -> list[Finding]:
    """All findings. `progress` hears what is looked at."""
    progress("looking at versions and bytecode …")
    found = [computer.versions(), computer.bytecode()]
    if isinstance(checkup.settings, SettingsError):
        found.append(unreadable(checkup.settings))
    else:
        found += await check_with(checkup.settings, checkup, progress)
    progress("looking at hosts …")
    return [*found, *hosts(checkup.home, checkup.folder)]


def unreadable(reason: SettingsError) -> Finding:
    """Settings that cannot be read."""
    return Finding("settings", "fail", str(reason), "correct that setting, then: vast-mcp doctor")


async def check_with(settings: Settings, checkup: Checkup, progress: Progress) -> list[Finding]:
    """What the settings decide."""
    found = [key(settings)]
    account: str | None = None
    if settings.api_key is not None:
        asking = at_vast.Asking(settings, checkup.app, checkup.command)
        seen, account = await asking.check(progress)
        found += seen
    progress("looking at the journal and the limits …")
    return [*found, *journal(settings.state_dir, account, checkup.command), limits(settings)]


def key(settings: Settings) -> Finding:
    """Where the key was found; never the key."""
    notes = " ".join(settings.key_notes)
    if settings.api_key is None:
        said = f"none is set (VAST_API_KEY, or a file); keys are made at {KEYS_PAGE}. {notes}"
        return Finding("key", "fail", said.rstrip(". "), KEEP_KEY)
    if notes:
        said = f"found: {settings.key_source}. {notes}"
        return Finding("key", "warn", said, "fill that in, or remove it")
    return Finding("key", "ok", f"found: {settings.key_source}")


def limits(settings: Settings) -> Finding:
    """What the person allows, as every call meets it."""
    said = limits_said(settings.limits)
    if settings.lease_hours is not None:
        said.append(f"lease_hours {settings.lease_hours:g}")
    if settings.confirm_above is not None:
        said.append(f"confirm above ${settings.confirm_above:g}/h")
    if settings.allow_blind:
        said.append("allow_blind")
    none = "none; e.g. VAST_MCP_MAX_USD_PER_HOUR sets one"
    return Finding("limits", "ok", ", ".join(said) or none)


def limits_said(limits: Limits) -> list[str]:
    """The limits that are set, each with its number."""
    said: list[str] = []
    for field in fields(limits):
        value = getattr(limits, field.name)
        if value is True:
            said.append(field.name)
        elif value is not None and value is not False:
            said.append(f"{field.name} {value:g}")
    return said
