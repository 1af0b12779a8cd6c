"""`vast-mcp doctor`: what a rental needs, looked at one by one. Reads only: nothing is rented,
written or mended.

No key is ever shown, only where it was found. Rights that change things cannot be tried without
changing something, so they are not: the first call that needs one says so.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shlex
import sqlite3
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import anyio

from vast_mcp import __version__, errors
from vast_mcp.account.whose import account_named
from vast_mcp.commands.doctor_hosts import hosts
from vast_mcp.commands.doctor_rows import Row, quoted
from vast_mcp.errors import Json, clean
from vast_mcp.journal import database
from vast_mcp.machines import keyfiles
from vast_mcp.settings import Settings, SettingsError
from vast_mcp.vast.client import Vast
from vast_mcp.vast.link import Link

LOOK_S = 20.0  # seconds that all questions to Vast may take together, each repeated as reads are


KEYS_PAGE = "https://cloud.vast.ai/manage-keys/"


KEEP_KEY = "mkdir -p ~/.config/vastai && (umask 077 && cat > ~/.config/vastai/vast_api_key)"


@dataclass(frozen=True)
class Patient:
    """What is looked at. `settings` may be the reason why there are none."""

    settings: Settings | SettingsError
    home: Path
    folder: Path
    app: Any = None  # the in-process sandbox
    command: str = "vast-mcp"  # as it was started, with the options that say which settings hold


Doing = Callable[[str], None]


async def examine(patient: Patient, doing: Doing) -> list[Row]:
    """All findings, in the order in which one would mend them. `doing` hears what is looked at."""
    doing("versions and bytecode")
    rows = [versions(), bytecode()]
    if isinstance(patient.settings, SettingsError):
        rows.append(
            Row(
                "settings",
                "fail",
                str(patient.settings),
                "correct that setting, then: vast-mcp doctor",
            )
        )
    else:
        settings = patient.settings
        rows.append(key(settings))
        account: str | None = None
        if settings.api_key is not None:
            found, account = await at_vast(settings, patient, doing)
            rows += found
        doing("the journal and the limits")
        rows += [*journal_rows(settings, account, patient.command), limits(settings)]
    doing("hosts")
    return [*rows, *hosts(patient.home, patient.folder)]


def as_json(rows: list[Row]) -> Json:
    """`{"ok", "checks": [{"name", "status", "said", "mend"?}]}`."""
    checks = [
        {name: value for name, value in asdict(row).items() if value is not None} for row in rows
    ]
    return {"ok": all(row.status != "fail" for row in rows), "checks": checks}


# ── this computer ──────────────────────────────────────────────────────────────────────────────


def versions() -> Row:
    """What runs, for a report."""
    mcp = importlib.metadata.version("mcp")
    said = (
        f"vast-mcp {__version__}, mcp {mcp}, Python {platform.python_version()}, "
        f"{platform.system()}"
    )
    if not (2, 3) <= tuple(int(number) for number in re.findall(r"\d+", mcp)[:2]) < (3,):
        mend = f"{shlex.quote(sys.executable)} -m pip install 'mcp>=2.3,<3'"
        return Row(
            "versions", "fail", f"{said}; this vast-mcp wants mcp 2.3 or newer and below 3", mend
        )
    return Row("versions", "ok", said)


def bytecode() -> Row:
    """Whether Python keeps what it compiled: without, every start takes twice the time
    (measured).
    """
    spec = importlib.util.find_spec("mcp_types")
    if spec is None or spec.origin is None:
        return Row("bytecode", "warn", "the installed packages were not found as files")
    package = Path(spec.origin).parent
    missing = [
        path
        for path in package.glob("*.py")
        if not Path(importlib.util.cache_from_source(str(path))).exists()
    ]
    if not missing:
        return Row("bytecode", "ok", "the installed packages are compiled")
    cache = Path(importlib.util.cache_from_source(spec.origin)).parent
    if not sys.dont_write_bytecode and os.access(cache if cache.exists() else package, os.W_OK):
        return Row("bytecode", "ok", "compiled at the next start")
    why = (
        "PYTHONDONTWRITEBYTECODE is set"
        if sys.dont_write_bytecode
        else f"{package} cannot be written"
    )
    mend = f"{shlex.quote(sys.executable)} -m compileall -q {shlex.quote(str(package.parent))}"
    return Row("bytecode", "warn", f"missing, so every start takes twice the time: {why}", mend)


def key(settings: Settings) -> Row:
    """Where the key was found; never the key."""
    if settings.api_key is None:
        return Row(
            "key",
            "fail",
            f"none is set (VAST_API_KEY, or a file); keys are made at {KEYS_PAGE}",
            KEEP_KEY,
        )
    return Row("key", "ok", f"found: {settings.key_source}")


# ── at Vast ────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def _asking(settings: Settings, app: Any) -> AsyncGenerator[Vast]:
    link = Link(settings, app)
    try:
        yield Vast(link, anyio.current_time() + LOOK_S)
    finally:
        await link.close()


async def at_vast(
    settings: Settings, patient: Patient, doing: Doing
) -> tuple[list[Row], str | None]:
    """Whether the key is accepted, what it may read, and whether a machine could be entered from
    here; whose key it is, as the journal names accounts.
    """
    async with _asking(settings, patient.app) as vast:
        doing(f"the key at {settings.base_url}")
        row, account = await accepted(vast, settings)
        if row.status == "fail":
            return [row], None
        doing("what the key may read")
        rows = [row, await scopes(vast, settings, patient.command)]
        doing("SSH keys")
        return [*rows, await ssh_keys(vast, settings, patient.command)], account


async def accepted(vast: Vast, settings: Settings) -> tuple[Row, str | None]:
    """Whose key it is. A key that may not read that is accepted too; its scopes say so."""
    where = settings.base_url
    try:
        user = await vast.user()
    except errors.AuthFailed as exc:
        said, mend = f"{where} does not know this key{_word(exc)}", f"make another at {KEYS_PAGE}"
    except errors.TwoFactorRequired as exc:
        said, mend = f"{where} wants a second factor{_word(exc)}", "vastai tfa login"
    except errors.Forbidden:
        return Row("accepted", "ok", f"{where} knows this key"), None
    except errors.VastMcpError as exc:
        said, mend = f"{where}: {exc.code}: {exc}", f"curl -sS -o /dev/null {where}"
    else:
        credit = "" if user.credit is None else f", credit ${user.credit:.2f}"
        row = Row("accepted", "ok", f"{where} knows this key: account {user.id}{credit}")
        return row, account_named(where, user.id)
    return Row("accepted", "fail", said, mend), None


async def scopes(vast: Vast, settings: Settings, command: str) -> Row:
    """Reads that change nothing, tried. Without the list, lost replies cannot be settled, and
    nothing is rented.
    """
    reads: dict[str, Callable[[], Awaitable[object]]] = {
        "list machines": vast.may_list,
        "read the account": vast.user,
        "read SSH keys": vast.ssh_keys,
        "search offers": lambda: vast.find_offer(1),
        "read templates": lambda: vast.template("none"),
        "list volumes": vast.list_volumes,
    }
    refused: dict[str, str] = {}
    unknown: list[str] = []
    for what, read in reads.items():
        try:
            await read()
        except (errors.Forbidden, errors.AuthFailed) as exc:
            refused[what] = _word(exc)
        except errors.VastMcpError as exc:
            unknown.append(f"{what}: {exc.code}")
    said = [f"may not {what}{word}" for what, word in refused.items()]
    said += [f"not answered: {one}" for one in unknown]
    untried = "rights that change things show only when they are used"
    if not said:
        return Row("scopes", "ok", f"may {', '.join(reads)}; {untried}")
    blind = "list machines" in refused and not settings.allow_blind
    mend = (
        f"add the named rights to the key, or make another, at {KEYS_PAGE}"
        if refused
        else f"{command} doctor"
    )
    return Row("scopes", "fail" if blind else "warn", f"{'; '.join(said)}; {untried}", mend)


async def ssh_keys(vast: Vast, settings: Settings, command: str) -> Row:
    """Whether a machine rented now could be entered from this computer."""
    try:
        keys = await vast.ssh_keys()
    except errors.VastMcpError as exc:
        return Row(
            "ssh_keys", "warn", f"could not be read: {exc.code}", f"{command} call show_ssh_keys"
        )
    local = keyfiles.local_public_keys(settings.ssh_dir)
    path = keyfiles.registered_local_key(keys, settings.ssh_dir)
    if path is not None:
        return Row("ssh_keys", "ok", f"{len(keys)} registered; ~/.ssh/{path.name} is among them")
    name = local[0].name if local else "id_ed25519.pub"
    mend = f"{command} call create_ssh_key " + shlex.quote(
        json.dumps({"public_key": f"~/.ssh/{name}"})
    )
    if not local:
        mend = f"ssh-keygen -t ed25519 && {mend}"
    here = "none of ~/.ssh is among them" if local else "there is no public key in ~/.ssh"
    return Row(
        "ssh_keys", "warn", f"{len(keys)} registered; {here}: ssh from here would be refused", mend
    )


def _word(exc: errors.VastMcpError) -> str:
    """What Vast said of it, as text that a stranger wrote."""
    return f" (Vast: {clean(exc.vast_message, 120)})" if exc.vast_message else ""


# ── the journal, the limits ────────────────────────────────────────────────────────────────────


def journal_rows(settings: Settings, account: str | None, command: str) -> list[Row]:
    """The journal and what is open in it, read without changing it. `account`: whose key this
    is, if it is known.
    """
    folder = settings.state_dir
    if folder is None:
        return [Row("journal", "ok", "in memory: the sandbox's ends with it")]
    try:
        return _journal(folder / "journal.db", account, command)
    except OSError as exc:
        said = f"{folder} cannot be looked into ({type(exc).__name__}): nothing can be rented"
        return [
            Row("journal", "fail", said, f"chmod u+rwX {quoted(folder.parent)} {quoted(folder)}")
        ]


def _journal(path: Path, account: str | None, command: str) -> list[Row]:
    if not path.exists():
        return [_unborn(path)]
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=database.BUSY_S)) as db:
            sound = db.execute("PRAGMA quick_check(1)").fetchone()[0]
            version = db.execute("PRAGMA user_version").fetchone()[0]
            open_ = dict(
                db.execute(
                    "SELECT account, count(*) FROM intents WHERE state IN ('sending', 'unknown') "
                    "GROUP BY account"
                ).fetchall()
            )
    except sqlite3.Error as exc:
        said = f"{path} cannot be read ({type(exc).__name__}: {exc})"
        return [Row("journal", "fail", said, f"chmod u+rwX {quoted(path.parent)} {quoted(path)}")]
    if sound != "ok":
        mend = (
            f"mv {quoted(path)} {shlex.quote(str(path) + '.damaged')}   # then: {command} call "
            f"show_instances"
        )
        return [Row("journal", "fail", f"{path} is damaged", mend)]
    if version > database.VERSION:
        said = (
            f"{path} has version {version}, of a newer vast-mcp; this one knows {database.VERSION}"
        )
        return [
            Row("journal", "fail", said, "git pull   # in vast-mcp's folder, then: pip install .")
        ]
    return [_modes(path, version), *_open_intents(open_, account, command)]


def _unborn(path: Path) -> Row:
    nearest = next(parent for parent in path.parents if parent.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        mend = "export VAST_MCP_STATE_DIR=a-folder-that-you-may-write"
        return Row("journal", "fail", f"{path} cannot be made: {nearest} is not writable", mend)
    return Row("journal", "ok", f"none yet; the first rental makes {path}")


def _modes(path: Path, version: int) -> Row:
    """POSIX: nobody else reads which machines somebody rents."""
    wide = [
        one for one in (path.parent, path) if sys.platform != "win32" and one.stat().st_mode & 0o077
    ]
    if path in wide:
        return Row("journal", "warn", f"others may read {path}", f"chmod 600 {quoted(path)}")
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK | os.X_OK):
        return Row(
            "journal", "fail", f"{path} cannot be written", f"chmod u+rwX {quoted(path.parent)}/*"
        )
    return Row("journal", "ok", f"{path}, version {version}, readable by you alone")


def _open_intents(open_: dict[str, int], account: str | None, command: str) -> list[Row]:
    """Those of this key's account, which it can settle; of others it is only said that they are
    there.
    """
    ours = sum(count for whose, count in open_.items() if account in {None, whose})
    others = sum(open_.values()) - ours
    rows = [Row("open_intents", "ok", "no rental is in doubt")]
    if ours:
        rows = [
            Row(
                "open_intents",
                "warn",
                f"{ours} in doubt; a machine may exist and bill",
                f"{command} reconcile",
            )
        ]
    if others:
        mend = "with the key of that account: vast-mcp reconcile"
        rows.append(
            Row(
                "open_elsewhere",
                "warn",
                f"{others} in doubt on other accounts than this key's",
                mend,
            )
        )
    return rows


def limits(settings: Settings) -> Row:
    """What the person allows, as every call meets it."""
    set_ = {one.name: getattr(settings.limits, one.name) for one in fields(settings.limits)}
    said = [
        f"{name} {value:g}"
        for name, value in set_.items()
        if value is not None and not isinstance(value, bool)
    ]
    said += ["read_only"] if settings.limits.read_only else []
    if settings.lease_hours is not None:
        said.append(f"lease_hours {settings.lease_hours:g}")
    if settings.confirm_above is not None:
        said.append(f"confirm above ${settings.confirm_above:g}/h")
    if settings.allow_blind:
        said.append("allow_blind")
    return Row("limits", "ok", ", ".join(said) or "none; e.g. VAST_MCP_MAX_USD_PER_HOUR sets one")
