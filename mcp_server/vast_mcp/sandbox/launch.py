"""A launch is a rental as it will be, and what follows from its fields (docs/vast-api.md A.3 to
A.8).
"""

import re
from dataclasses import dataclass, field

from .shapes import Json

# An image's first part is a registry where it holds a dot or a port, or is localhost.
REGISTRY = re.compile(r"(localhost|[^/]*[.:][^/]*)/")
IDENTITY_PORT = 70_000  # from here on the number outside is the number inside (A.4)


@dataclass
class Launch:
    """A launch is a rental as it will be, with every field decided."""

    image: str
    runtype: str
    disk: float
    price: float | None
    label: str | None
    vm: bool
    start: bool
    cancel_unavail: bool
    onstart: str | None
    args: list[str]
    env: dict[str, str] = field(default_factory=dict[str, str])
    volume_info: Json | None = None
    template: Json | None = None
    jupyter_dir: str | None = None
    use_jupyter_lab: bool = False
    image_login: str | None = None  # never in a row

    @property
    def is_bid(self) -> bool:
        """A price alone makes a rental interruptible (A.6)."""
        return self.price is not None

    def bids_below(self, floor: float) -> bool:
        """Whether this is a bid, and one that this floor does not let run."""
        return self.price is not None and self.price < floor

    @property
    def becomes_vm(self) -> bool:
        """Without a registry host the image silently starts as a container (A.5, live)."""
        return self.vm and _names_registry(self.image)

    @property
    def ports(self) -> list[tuple[str, bool]]:
        """What is mapped: `8000/tcp`, and whether the number outside is the same."""
        asked = [read_port(key) for key in self.env if key.startswith("-p ")]
        readable = [port for port in asked if port is not None]
        return list(dict.fromkeys([*self._own_ports(), *readable]))

    def _own_ports(self) -> list[tuple[str, bool]]:
        """What is mapped without being asked for."""
        ports: list[tuple[str, bool]] = []
        if "ssh_direc" in self.runtype or self.becomes_vm:
            ports.append(("22/tcp", False))
        if "jupyter_direc" in self.runtype:
            ports.append(("8080/tcp", False))
        return ports

    @property
    def extra_env(self) -> list[list[str]]:
        """The environment as a row stores it, a volume among it (A.8)."""
        pairs = [[key, value] for key, value in self.env.items()]
        if self.volume_info is not None:
            label = self.volume_info.get("name") or f"V.{self.volume_info.get('volume_id')}"
            pairs.append([f"-v {label}:{self.volume_info['mount_path']}", "1"])
        return pairs


def _names_registry(image: str) -> bool:
    return REGISTRY.match(image) is not None


def read_port(key: str) -> tuple[str, bool] | None:
    """Read what `-p 8000:8000/udp` maps inside."""
    mapping, _, protocol = key.removeprefix("-p ").strip().partition("/")
    inside = mapping.rpartition(":")[2]
    if not inside.isdigit() or protocol not in {"", "tcp", "udp"}:
        return None
    return f"{inside}/{protocol or 'tcp'}", int(inside) >= IDENTITY_PORT
