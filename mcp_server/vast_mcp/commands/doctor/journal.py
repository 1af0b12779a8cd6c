"""The journal and what is open in it, read without changing it."""

from __future__ import annotations

import contextlib
import os
import shlex
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

from vast_mcp.commands.doctor.findings import Finding, quoted
from vast_mcp.journal import database, schema

UPDATE = "git pull   # in vast-mcp's folder, then: pip install ."
NOBODY_ELSE = 0o077  # the bits of a mode that let others in
IN_DOUBT = (
    "SELECT account, count(*) FROM intents WHERE state IN ('sending', 'unknown') GROUP BY account"
)


def journal(folder: Path | None, account: str | None, command: str) -> list[Finding]:
    """The journal in a state folder. `account`: whose key this is, if it is known."""
    if folder is None:
        return [Finding("journal", "ok", "in memory: the sandbox's ends with it")]
    try:
        return _journal(folder / "journal.db", account, command)
    except OSError as exc:
        said = f"{folder} cannot be looked into ({type(exc).__name__}): nothing can be rented"
        fix = f"chmod u+rwX {quoted(folder.parent)} {quoted(folder)}"
        return [Finding("journal", "fail", said, fix)]


def _journal(path: Path, account: str | None, command: str) -> list[Finding]:
    if not path.exists():
        return [unborn(path)]
    try:
        content = content_of(path)
    except sqlite3.Error as exc:
        said = f"{path} cannot be read ({type(exc).__name__}: {exc})"
        fix = f"chmod u+rwX {quoted(path.parent)} {quoted(path)}"
        return [Finding("journal", "fail", said, fix)]
    if not content.sound:
        return [damaged(path, command)]
    if content.version > schema.VERSION:
        return [newer(path, content.version)]
    return [modes(path, content.version), *in_doubt(content.open, account, command)]


@dataclass(frozen=True)
class Content:
    """What a journal says of itself."""

    sound: bool
    version: int
    open: dict[str, int]  # attempts in doubt, by account


def content_of(path: Path) -> Content:
    """Read a journal's content without changing it. Raises sqlite3.Error."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=database.BUSY_S)) as db:
        return Content(
            sound=db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok",
            version=db.execute("PRAGMA user_version").fetchone()[0],
            open=dict(db.execute(IN_DOUBT).fetchall()),
        )


def unborn(path: Path) -> Finding:
    """A journal that the first rental makes, where it can."""
    nearest = next(parent for parent in path.parents if parent.exists())
    if os.access(nearest, os.W_OK | os.X_OK):
        return Finding("journal", "ok", f"none yet; the first rental makes {path}")
    fix = "export VAST_MCP_STATE_DIR=a-folder-that-you-may-write"
    return Finding("journal", "fail", f"{path} cannot be made: {nearest} is not writable", fix)


def damaged(path: Path, command: str) -> Finding:
    """A journal that cannot be trusted."""
    aside = shlex.quote(f"{path}.damaged")
    fix = f"mv {quoted(path)} {aside}   # then: {command} call show_instances"
    return Finding("journal", "fail", f"{path} is damaged", fix)


def newer(path: Path, version: int) -> Finding:
    """A journal that only a newer vast-mcp can read."""
    said = f"{path} has version {version}, of a newer vast-mcp; this one knows {schema.VERSION}"
    return Finding("journal", "fail", said, UPDATE)


def modes(path: Path, version: int) -> Finding:
    """Who may read the journal and who may write it. On POSIX nobody else reads which machines
    somebody rents.
    """
    if sys.platform != "win32" and path.stat().st_mode & NOBODY_ELSE:
        return Finding("journal", "warn", f"others may read {path}", f"chmod 600 {quoted(path)}")
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)
    if not writable:
        fix = f"chmod u+rwX {quoted(path.parent)}/*"
        return Finding("journal", "fail", f"{path} cannot be written", fix)
    return Finding("journal", "ok", f"{path}, version {version}, readable by you alone")


def in_doubt(by_account: dict[str, int], account: str | None, command: str) -> list[Finding]:
    """The attempts in doubt of this key's account, which it can settle; of others it is only said
    that they are there. An unknown account may be any of them.
    """
    ours = sum(count for whose, count in by_account.items() if account in {None, whose})
    others = sum(by_account.values()) - ours
    found = [Finding("open_intents", "ok", "no rental is in doubt")]
    if ours:
        said = f"{ours} in doubt; a machine may exist and bill"
        found = [Finding("open_intents", "warn", said, f"{command} reconcile")]
    if others:
        said = f"{others} in doubt on other accounts than this key's"
        fix = "with the key of that account: vast-mcp reconcile"
        found.append(Finding("open_elsewhere", "warn", said, fix))
    return found
