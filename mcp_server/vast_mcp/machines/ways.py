"""What a row of Vast's means: the state it is in, the ways into it, what it costs. Pure: nothing
here asks anybody.

Three fields together tell the state (docs/vast-api.md C.4): `actual_status` is the container,
`intended_status` what was last asked for, `cur_state` the contract. One alone misleads: `exited`
is a crash, a stop, or the first minutes of a start.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote

from vast_mcp.vast.models import Instance

PORTS_SHOWN = 20


# ── ways in ────────────────────────────────────────────────────────────────────────────────────

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")


_INSIDE = re.compile(r"[0-9]{1,5}/(?:tcp|udp)")


_KVM = re.compile(r"/kvm(?:[:@]|\Z)")


@dataclass(frozen=True)
class Address:
    """A host that is an IP address or a host name and nothing else, so that it may stand in a
    command line.
    """

    host: str
    port: int

    @property
    def spelled(self) -> str:
        """As it stands in a URL, or before rsync's colon."""
        return f"[{self.host}]" if ":" in self.host else self.host


def is_vm(row: Instance) -> bool:
    """Whether the machine is a VM; the row has no field for it, so its image tells (A.5)."""
    return bool(_KVM.search(row.image_uuid or ""))


def takes_ssh(row: Instance) -> bool:
    """Whether Vast puts an SSH server in it: not in args mode (A.3)."""
    return "args" not in (row.image_runtype or "")


def direct_of(row: Instance) -> Address | None:
    """The machine's own address, where port 22 is mapped (C.6)."""
    return _address(_ip(row), row.outside_port("22/tcp"))


def proxy_of(row: Instance, *, vm: bool) -> Address | None:
    """Vast's SSH proxy, which does not reach a VM; one port further with jupyter (C.6)."""
    if vm or row.ssh_port is None or not row.ssh_host or not _HOST.fullmatch(row.ssh_host):
        return None
    return _address(row.ssh_host, row.ssh_port + ("jupyter" in (row.image_runtype or "")))


def _ip(row: Instance) -> str | None:
    try:
        return str(ipaddress.ip_address(row.public_ipaddr or ""))
    except ValueError:
        return None


def _address(host: str | None, port: int | None) -> Address | None:
    return Address(host, port) if host and port and 0 < port < 65536 else None


def _ssh(port: int, key: str | None) -> str:
    identity = f"-i {key} " if key else ""
    return (
        f"ssh {identity}-p {port} -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o "
        f"ConnectTimeout=10"
    )


def ssh_line(to: Address, key: str | None) -> str:
    """A command that never asks anything. `key` is a path as a shell reads it."""
    return f"{_ssh(to.port, key)} root@{to.host}"


def rsync_line(to: Address, key: str | None) -> str:
    """A command that copies this folder to the machine's /workspace/."""
    return f"rsync -az -e {shlex.quote(_ssh(to.port, key))} ./ root@{to.spelled}:/workspace/"


def mapped_ports(row: Instance) -> dict[str, str]:
    """Where each port inside is found from outside, as a URL; SSH and jupyter have lines of
    their own.
    """
    ip = _ip(row)
    own = {"22/tcp", "8080/tcp"} if "jupyter" in (row.image_runtype or "") else {"22/tcp"}
    found: dict[str, str] = {}
    for inside in sorted(row.ports or {}, key=lambda port: (len(port), port)):
        to = _address(ip, row.outside_port(inside))
        if to is not None and inside not in own and _INSIDE.fullmatch(inside):
            found[inside] = (
                f"{'http' if inside.endswith('tcp') else 'udp'}://{to.spelled}:{to.port}"
            )
    return found


def jupyter_url(row: Instance, *, token: bool) -> str | None:
    """The notebook on its mapped port; whoever has the token has the machine, so it is there
    only when asked for.
    """
    to = _address(_ip(row), row.outside_port("8080/tcp"))
    if to is None or "jupyter" not in (row.image_runtype or ""):
        return None
    ending = f"?token={quote(row.jupyter_token, safe='')}" if token and row.jupyter_token else ""
    return f"https://{to.spelled}:{to.port}/{ending}"
