"""Getting from this computer into a machine: the key that fits, and the lines to type."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path
from typing import Annotated

from pydantic import Field

from vast_mcp import errors
from vast_mcp.machines import ways
from vast_mcp.machines.keyfiles import registered_local_key
from vast_mcp.machines.ways import Address
from vast_mcp.session import Call
from vast_mcp.ssh import pins
from vast_mcp.ssh.registered import account_keys
from vast_mcp.ssh.tried import Tried, Way, fingerprint
from vast_mcp.toolspec import Part
from vast_mcp.vast.models import Instance

_NO_KEY = (
    "No key in ~/.ssh of this computer is registered with Vast, so ssh has no -i and may fail."
)
SELF_SIGNED = (
    "self-signed: a browser warns of it, and a script has to be told to take it "
    "(Vast's root is jvastai_root.cer)"
)


class Access(Part):
    """The ways into one machine."""

    ssh: Annotated[str | None, Field(description="For a person.")] = None
    ssh_for_scripts: Annotated[str | None, Field(description="Asks nothing.")] = None
    ssh_way: Annotated[str | None, Field(description="Direct or proxy, and why.")] = None
    host_key: Annotated[
        str | None, Field(description="SHA256 of the host key that it is known by.")
    ] = None
    rsync: Annotated[str | None, Field(description="This folder to /workspace.")] = None
    rsync_down: str | None = None
    scp: Annotated[str | None, Field(description="For machines without rsync.")] = None
    scp_down: str | None = None
    ports: Annotated[dict[str, str] | None, Field(description="Port inside: its URL.")] = None
    jupyter_url: str | None = None
    jupyter_certificate: str | None = None


async def access_to(
    call: Call, row: Instance, *, vm: bool, jupyter_token: bool, through: Tried | None = None
) -> tuple[Access, list[str]]:
    """Lines ready to type and what to warn of. `through` is the way that answered; else direct
    before proxy.
    """
    access = Access()
    warnings = _add_ports(access, row)
    _add_jupyter(access, row, token=jupyter_token)
    if ways.takes_ssh(row):
        warnings += await _add_ssh(call, access, row, vm=vm, through=through)
    return access, warnings


# ── SSH ───────────────────────────────────────────────────────────────────────────────────────────


async def _add_ssh(
    call: Call, access: Access, row: Instance, *, vm: bool, through: Tried | None
) -> list[str]:
    """The lines by one way, and what to warn of."""
    direct, proxy = ways.direct_of(row), ways.proxy_of(row, vm=vm)
    way: Way = through.way if through is not None else ("proxy" if direct is None else "direct")
    to = direct if way == "direct" else proxy
    if to is None:
        return ["Vast shows no SSH address for it."]
    key, trouble = await _key(call)
    if through is not None and through.answer == "entered" and call.ssh_dir is not None:
        key = _key_of(through) or key
    access.ssh, access.ssh_for_scripts = ways.ssh_line(to, key), ways.script_line(to, key)
    access.rsync, access.scp = ways.rsync_line(to, key), ways.scp_line(to, key)
    access.rsync_down = ways.rsync_line(to, key, down=True)
    access.scp_down = ways.scp_line(to, key, down=True)
    access.ssh_way = _why(way, direct, tried=through is not None)
    access.host_key = fingerprint(pins.pinned(call.session, row.id, way))
    return [] if through is not None and through.answer == "entered" else trouble


def _why(way: Way, direct: Address | None, *, tried: bool) -> str:
    """Which way it is, and why that one."""
    if way == "direct":
        return "direct: the machine's own address"
    if direct is None:
        return "proxy: Vast's, since no port leads to the machine's own SSH"
    return "proxy: Vast's, since the direct way did not let in" if tried else "proxy: Vast's"


async def _key(call: Call) -> tuple[str | None, list[str]]:
    """The private key of this computer with which to enter, as a shell reads its path, and what to
    warn of where there is none.
    """
    ssh_dir = call.ssh_dir
    if ssh_dir is None:
        return None, []  # the caller's keys are on another computer
    if call.settings.ssh_key is not None:
        return shlex.quote(str(call.settings.ssh_key)), []
    try:
        public = await _registered(call, ssh_dir)
    except errors.VastMcpError as exc:
        return None, [f"The account's SSH keys could not be read ({exc.code}), so ssh has no -i."]
    if public is None:
        return None, [_NO_KEY]
    return f"~/.ssh/{shlex.quote(public.stem)}", []


def _key_of(entered: Tried) -> str | None:
    """The key file that a machine was entered with, as a shell reads its path; None where it was an
    agent's key, or nobody needed one.
    """
    words = entered.key or ""
    if words.startswith("~/"):
        return f"~/{shlex.quote(words[2:])}"
    return shlex.quote(words) if words.startswith("/") else None


async def _registered(call: Call, ssh_dir: Path) -> Path | None:
    """A public key file here that the account has, by the keys last seen, else by those it has now.
    Raises where those cannot be read.
    """
    found = registered_local_key(call.session.ssh_keys, ssh_dir)
    if found is not None:
        return found
    return registered_local_key(await account_keys(call, call.vast), ssh_dir)


# ── what else is open ─────────────────────────────────────────────────────────────────────────────


def _add_ports(access: Access, row: Instance) -> list[str]:
    """The mapped ports as many as are shown, and what to warn of."""
    ports = ways.mapped_ports(row)
    if not ports:
        return []
    access.ports = dict(itertools.islice(ports.items(), ways.PORTS_SHOWN))
    warnings = [
        f"{_named(access.ports)} open to everybody on the internet: what serves there has to ask "
        "for a login itself."
    ]
    if len(ports) > ways.PORTS_SHOWN:
        more = f"It has {len(ports)} mapped ports; the first {ways.PORTS_SHOWN} are shown."
        warnings.append(more)
    return warnings


def _named(ports: dict[str, str]) -> str:
    """The first few ports, and their verb."""
    first = ", ".join(itertools.islice(ports, 4))
    if len(ports) == 1:
        return f"Port {first} is"
    return f"Ports {first}{' and others' if len(ports) > 4 else ''} are"


def _add_jupyter(access: Access, row: Instance, *, token: bool) -> None:
    """The notebook, and how its certificate is."""
    access.jupyter_url = ways.jupyter_url(row, token=token)
    if access.jupyter_url is not None:
        access.jupyter_certificate = SELF_SIGNED
