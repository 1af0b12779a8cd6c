"""What must answer before a machine is of use: the ways in that it was made for, or the one that
somebody names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from vast_mcp import errors
from vast_mcp.errors import NextStep, Problem
from vast_mcp.machines import ways
from vast_mcp.machines.knocking import Knock
from vast_mcp.machines.ways import Address
from vast_mcp.vast.models import Instance
from vast_mcp.waiting.wait import Wait

PORTS_NAMED = 8  # in an error
_JUPYTER = 8080  # inside (docs/vast-api.md C.6)


@dataclass(frozen=True)
class Door:
    """A mapped port of a machine, by what answers call it."""

    name: str
    to: Address
    tls: bool = False

    def is_served(self, heard: Knock) -> bool:
        """Whether what was heard is what should be there: a notebook speaks HTTP."""
        return heard.serves and not (self.tls and heard.status is None)


@dataclass(frozen=True)
class Wanted:
    """What must answer. SSH "may" where it is tried beside what must."""

    ssh: Literal["must", "may", "no"] = "no"
    doors: list[Door] = field(default_factory=list[Door])

    @property
    def is_nothing(self) -> bool:
        """Whether there is no way in to wait for."""
        return self.ssh == "no" and not self.doors


def wanted_of(wait: Wait, row: Instance) -> Wanted | None:
    """What this wait is for; None while the row does not show its ports yet.

    Raises BadArguments for a way in that the machine does not have.
    """
    aim = wait.wish.aim
    match aim.kind:
        case "ready":
            return _made_for(wait, row)
        case "ssh":
            return _ssh(wait, row)
        case "jupyter":
            return _jupyter(wait, row)
        case _:
            return _port(wait, row, aim.port)


def _made_for(wait: Wait, row: Instance) -> Wanted | None:
    """SSH where Vast puts it, Jupyter before it, else every mapped TCP port."""
    if row.ports is None and _was_to_have_ports(wait, row):
        return None
    if not ways.takes_ssh(row):
        return Wanted(doors=doors_of(row))
    notebook = _notebook(row)
    if notebook is None:
        return Wanted(ssh="must")
    return Wanted(ssh="may", doors=[notebook])


def _was_to_have_ports(wait: Wait, row: Instance) -> bool:
    """Whether ports were opened that must answer: those of an image's own command, or that of a
    notebook.
    """
    asked = wait.reading(row).asked
    if ways.takes_ssh(row):
        return asked.launch == "jupyter_direct"
    return any(port.endswith("/tcp") for port in asked.ports or ())


def doors_of(row: Instance) -> list[Door]:
    """The mapped TCP ports, by their numbers inside; of very many as many as are shown."""
    found = [_door(row, inside) for inside in row.ports or {} if inside.endswith("/tcp")]
    doors = sorted((door for door in found if door), key=lambda door: (len(door.name), door.name))
    return doors[: ways.PORTS_SHOWN]


def _ssh(wait: Wait, row: Instance) -> Wanted:
    if not ways.takes_ssh(row) and ways.direct_of(row) is None:
        why = "this machine runs its image's own command, and Vast puts no SSH server beside it"
        raise _not_there(wait, row, why)
    return Wanted(ssh="must")


def _jupyter(wait: Wait, row: Instance) -> Wanted | None:
    if not ways.has_jupyter(row):
        why = "this machine was not made with Jupyter; another notebook on it is port:N"
        raise _not_there(wait, row, why)
    if row.ports is None:
        return None
    notebook = _notebook(row)
    if notebook is None:
        why = "its Jupyter is on no mapped port, only behind Vast's proxy, and cannot be asked"
        raise _not_there(wait, row, why)
    return Wanted(doors=[notebook])


def _port(wait: Wait, row: Instance, port: int) -> Wanted | None:
    if row.ports is None:
        return None
    if port == _JUPYTER and ways.has_jupyter(row):
        return _jupyter(wait, row)
    door = _door(row, f"{port}/tcp")
    if door is not None:
        return Wanted(doors=[door])
    if f"{port}/udp" in row.ports:
        why = f"port {port} is mapped for UDP, which answers nobody who knocks"
        raise _not_there(wait, row, why)
    raise _not_there(wait, row, f"port {port} is not mapped; {_mapped(row)}")


def _notebook(row: Instance) -> Door | None:
    to = ways.jupyter_of(row)
    return None if to is None else Door("jupyter", to, tls=True)


def _door(row: Instance, inside: str) -> Door | None:
    to = ways.mapped_to(row, inside)
    return None if to is None else Door(f"port {inside.removesuffix('/tcp')}", to)


def _mapped(row: Instance) -> str:
    """The TCP ports that are mapped, in words."""
    names = [door.name.removeprefix("port ") for door in doors_of(row)]
    if not names:
        return "no TCP port is"
    more = ", …" if len(names) > PORTS_NAMED else ""
    return f"these are: {', '.join(names[:PORTS_NAMED])}{more}"


def _not_there(wait: Wait, row: Instance, why: str) -> errors.BadArguments:
    """The refusal of a way in that a machine does not have, and the wait that it can have."""
    made = errors.bad("wait_for_instance", [Problem("until", why)])
    given = {name: value for name, value in wait.wish.given.items() if name != "until"}
    made.next_steps = [NextStep("wait_for_instance", given, "waits for what it was made with")]
    made.instance_id = row.id
    return made
