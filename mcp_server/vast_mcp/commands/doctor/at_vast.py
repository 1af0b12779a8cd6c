"""At Vast: whether the key is accepted, what it may read, and whether a machine could be entered
from here.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from vast_mcp import errors
from vast_mcp.account.whose import account_named
from vast_mcp.commands.doctor.findings import Finding
from vast_mcp.errors import clean_or_none
from vast_mcp.machines import keyfiles
from vast_mcp.settings import KEYS_PAGE, Settings
from vast_mcp.vast.account import User
from vast_mcp.vast.client import Vast
from vast_mcp.vast.link import Link

LOOK_S = 20.0  # seconds that all questions to Vast may take together, each repeated as reads are
LIST = "list machines"
# The groups of rights of a key (docs/vast-api.md I).
RIGHT = re.compile(r"\b(?:misc|(?:user|billing|instance|machine|team)_(?:read|write))\b")
UNTRIED = "rights that change things show only when they are used"


@dataclass(frozen=True)
class Asking:
    """The questions to Vast, with one key. `command` is how the doctor was started."""

    settings: Settings
    app: Any
    command: str

    async def check(self, progress: Callable[[str], None]) -> tuple[list[Finding], str | None]:
        """All findings at Vast; whose key it is, as the journal names accounts."""
        link = Link(self.settings, self.app)
        try:
            return await self._check(Vast(link, anyio.current_time() + LOOK_S), progress)
        finally:
            await link.close()

    async def _check(
        self, vast: Vast, progress: Callable[[str], None]
    ) -> tuple[list[Finding], str | None]:
        progress(f"looking at the key at {self.settings.base_url} …")
        found, account = await self.accepted(vast)
        if found.status == "fail":
            return [found], None
        progress("looking at what the key may read …")
        scopes = await self.scopes(vast)
        progress("looking at SSH keys …")
        return [found, scopes, await self.ssh_keys(vast)], account

    async def accepted(self, vast: Vast) -> tuple[Finding, str | None]:
        """Whose key it is. A key that may not read that is accepted too; its scopes say so."""
        where = self.settings.base_url
        try:
            user = await vast.user()
        except errors.Forbidden:
            return Finding("accepted", "ok", f"{where} knows this key"), None
        except errors.VastMcpError as exc:
            return not_accepted(exc, where), None
        said = f"{where} knows this key: account {user.id}{credit_of(user)}"
        return Finding("accepted", "ok", said), account_named(where, user.id)

    async def scopes(self, vast: Vast) -> Finding:
        """Reads that change nothing, tried. Without the list, lost replies cannot be settled, and
        nothing is rented.
        """
        tried = await tried_reads(vast)
        if not tried.problems():
            return Finding("scopes", "ok", f"may {', '.join(reads_of(vast))}; {UNTRIED}")
        said = f"{'; '.join(tried.problems())}; {UNTRIED}"
        fix = f"{self.command} doctor"
        if tried.refused:
            fix = f"add the named rights to the key, or make another, at {KEYS_PAGE}"
        if LIST in tried.refused and not self.settings.allow_blind:
            return Finding("scopes", "fail", said, fix, tried.words)
        return Finding("scopes", "warn", said, fix, tried.words)

    async def ssh_keys(self, vast: Vast) -> Finding:
        """Whether a machine rented now could be entered from this computer."""
        try:
            keys = await vast.ssh_keys()
        except errors.VastMcpError as exc:
            fix = f"{self.command} call show_ssh_keys"
            return Finding("ssh_keys", "warn", f"could not be read: {exc.code}", fix)
        registered = keyfiles.registered_local_key(keys, self.settings.ssh_dir)
        if registered is not None:
            said = f"{len(keys)} registered; ~/.ssh/{registered.name} is among them"
            return Finding("ssh_keys", "ok", said)
        local = keyfiles.local_public_keys(self.settings.ssh_dir)
        here = "there is no public key in ~/.ssh"
        if local:
            here = "none of ~/.ssh is among them"
        said = f"{len(keys)} registered; {here}: ssh from here would be refused"
        return Finding("ssh_keys", "warn", said, registering(local, self.command))


def not_accepted(exc: errors.VastMcpError, where: str) -> Finding:
    """Why a key does not lead in."""
    if isinstance(exc, errors.AuthFailed):
        said, fix = f"{where} does not know this key", f"make another at {KEYS_PAGE}"
    elif isinstance(exc, errors.TwoFactorRequired):
        said, fix = f"{where} wants a second factor", "vastai tfa login"
    else:
        said, fix = f"{where}: {exc.code}: {exc}", f"curl -sS -o /dev/null {where}"
    return Finding("accepted", "fail", said, fix, word_of(exc))


def credit_of(user: User) -> str:
    """What the account still has, where the key may read it."""
    if user.credit is None:
        return ""
    return f", credit ${user.credit:.2f}"


@dataclass(frozen=True)
class TriedReads:
    """What came of the reads: those that the key may not do, and those that nobody answered."""

    refused: dict[str, str | None] = field(default_factory=dict[str, str | None])
    unknown: dict[str, str] = field(default_factory=dict[str, str])

    def problems(self) -> list[str]:
        """What is not as it should be, in words."""
        refused = [f"may not {what}{right_in(word)}" for what, word in self.refused.items()]
        unknown = [f"not answered: {what}: {code}" for what, code in self.unknown.items()]
        return refused + unknown

    @property
    def words(self) -> str | None:
        """What Vast said to those that it refused."""
        said = dict.fromkeys(word for word in self.refused.values() if word)
        return "; ".join(said) or None


def reads_of(vast: Vast) -> dict[str, Callable[[], Awaitable[object]]]:
    """Every kind of read that a key may lack the right to."""
    return {
        LIST: vast.may_list,
        "read the account": vast.user,
        "read SSH keys": vast.ssh_keys,
        "search offers": lambda: vast.find_offer(1),
        "read templates": lambda: vast.template("none"),
        "list volumes": vast.list_volumes,
    }


async def tried_reads(vast: Vast) -> TriedReads:
    """Try every read once."""
    tried = TriedReads()
    for what, read in reads_of(vast).items():
        try:
            await read()
        except (errors.Forbidden, errors.AuthFailed) as exc:
            tried.refused[what] = word_of(exc)
        except errors.SearchQuotaExceeded:
            tried.unknown[what] = "the account's daily search quota is used up until 00:00 UTC"
        except errors.VastMcpError as exc:
            tried.unknown[what] = exc.code
    return tried


def registering(local: Sequence[Path], command: str) -> str:
    """The command that registers a key of this computer, made first where there is none."""
    name = "id_ed25519.pub"
    if local:
        name = local[0].name
    arguments = shlex.quote(json.dumps({"public_key": f"~/.ssh/{name}"}))
    register = f"{command} call create_ssh_key {arguments}"
    if local:
        return register
    return f"ssh-keygen -t ed25519 && {register}"


def right_in(word: str | None) -> str:
    """The right that Vast's words name, by its name alone."""
    found = RIGHT.search(word or "")
    return f" ({found.group()})" if found else ""


def word_of(exc: errors.VastMcpError) -> str | None:
    """What Vast said of it, as text that a stranger wrote."""
    return clean_or_none(exc.vast_message, 120)
