"""The ways into a machine, as its row of Vast's tells them, and the lines to type."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote

from vast_mcp.vast.models import Instance

PORTS_SHOWN = 20
SSH_OPTIONS = "-o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=10"

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
        if ":" in self.host:
            return f"[{self.host}]"
        return self.host


def is_vm(row: Instance) -> bool:
    """Whether the machine is a VM; the row has no field for it, so its image tells
    (docs/vast-api.md A.5).
    """
    return bool(_KVM.search(row.image_uuid or ""))


def takes_ssh(row: Instance) -> bool:
    """Whether Vast puts an SSH server in it: not in args mode (docs/vast-api.md A.3)."""
    return "args" not in (row.image_runtype or "")


def direct_of(row: Instance) -> Address | None:
    """The machine's own address, where port 22 is mapped (docs/vast-api.md C.6)."""
    return mapped_to(row, "22/tcp")


def proxy_of(row: Instance, *, vm: bool) -> Address | None:
    """Vast's SSH proxy, which does not reach a VM; one port further with jupyter
    (docs/vast-api.md C.6).
    """
    if vm or row.ssh_port is None:
        return None
    port = row.ssh_port + 1 if has_jupyter(row) else row.ssh_port
    return _address(row.ssh_host, port)


def has_addresses(row: Instance, *, vm: bool) -> bool:
    """Whether the row of a machine that is not to be stopped has a way in."""
    if row.intended_status == "stopped":
        return False
    ways_in = (direct_of(row), proxy_of(row, vm=vm) if takes_ssh(row) else None)
    return any(ways_in) or bool(mapped_ports(row)) or jupyter_url(row, token=False) is not None


def has_jupyter(row: Instance) -> bool:
    """Whether it was made with Jupyter."""
    return "jupyter" in (row.image_runtype or "")


def _address(host: str | None, port: int | None) -> Address | None:
    if not host or port is None or not 0 < port < 65536:
        return None
    return Address(host, port)


def _identity(key: str | None) -> str:
    """The option that names the key, where one is known."""
    if key is None:
        return ""
    return f"-i {key} "


def ssh_line(to: Address, key: str | None) -> str:
    """A command for a person, who is asked what ssh asks. `key` is a path as a shell reads it."""
    return f"ssh {_identity(key)}-p {to.port} root@{to.host}"


def script_line(to: Address, key: str | None) -> str:
    """A command for a script: it asks nothing and waits for nobody."""
    return f"{_unasked(to, key)} root@{to.host}"


def rsync_line(to: Address, key: str | None, *, down: bool = False) -> str:
    """A command that copies this folder to the machine's /workspace/, or that one to this."""
    there = f"root@{to.spelled}:/workspace/"
    ends = f"{there} ./" if down else f"./ {there}"
    return f"rsync -az -e {shlex.quote(_unasked(to, key))} {ends}"


def scp_line(to: Address, key: str | None, *, down: bool = False) -> str:
    """The same for a machine without rsync. Its /workspace/ has to be there. `-s`: scp of OpenSSH
    8.7 to 8.9 speaks its old protocol unless told, which refuses a folder's content.
    """
    there = f"root@{to.spelled}:/workspace/"
    ends = f"{there}. ./" if down else f"./ {there}"
    return f"scp -s -r {_identity(key)}-P {to.port} {SSH_OPTIONS} {ends}"


def _unasked(to: Address, key: str | None) -> str:
    return f"ssh {_identity(key)}-p {to.port} {SSH_OPTIONS}"


def mapped_to(row: Instance, inside: str) -> Address | None:
    """Where a port inside, such as "8000/tcp", is found from outside."""
    return _address(row.public_ipaddr, row.outside_port(inside))


def mapped_ports(row: Instance) -> dict[str, str]:
    """Where each port inside is found from outside, as a URL; SSH and jupyter have lines of
    their own.
    """
    found: dict[str, str] = {}
    for inside in sorted(row.ports or {}, key=lambda port: (len(port), port)):
        to = mapped_to(row, inside)
        if to is None or _has_line_of_its_own(inside, row):
            continue
        scheme = "http" if inside.endswith("tcp") else "udp"
        found[inside] = f"{scheme}://{to.spelled}:{to.port}"
    return found


def _has_line_of_its_own(inside: str, row: Instance) -> bool:
    return inside == "22/tcp" or (inside == "8080/tcp" and has_jupyter(row))


def jupyter_of(row: Instance) -> Address | None:
    """Where a notebook is found whose port is mapped (docs/vast-api.md C.6)."""
    return mapped_to(row, "8080/tcp") if has_jupyter(row) else None


def jupyter_url(row: Instance, *, token: bool) -> str | None:
    """The notebook on its mapped port; whoever has the token has the machine, so it is there
    only when asked for.
    """
    to = jupyter_of(row)
    if to is None:
        return None
    url = f"https://{to.spelled}:{to.port}/"
    if not token or not row.jupyter_token:
        return url
    return f"{url}?token={quote(row.jupyter_token, safe='')}"
