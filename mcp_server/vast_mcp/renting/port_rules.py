"""How many direct ports an order needs, against those that an offer has. Pure.

Each `-p` takes one, direct SSH one for 22, direct Jupyter one more for 8080 (docs/vast-api.md A.3,
A.4). What the image EXPOSEs is mapped too and is not known here, so every count is a least one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vast_mcp import errors
from vast_mcp.errors import Json, Problem
from vast_mcp.renting.another_offer import another
from vast_mcp.renting.order import Order
from vast_mcp.vast.account import Template
from vast_mcp.vast.models import Offer

Port = tuple[int, str]  # the number inside, and tcp or udp

SSH, JUPYTER = (22, "tcp"), (8080, "tcp")
_DIRECT: dict[str, frozenset[Port]] = {
    "ssh_direct": frozenset({SSH}),
    "jupyter_direct": frozenset({SSH, JUPYTER}),
}
_OPENED = re.compile(r"(?<!\S)(?:-p|--publish)[ =]*[0-9]{1,6}:([0-9]{1,6})(?:/(tcp|udp))?(?!\S)")


@dataclass(frozen=True)
class Ports:
    """The ports that something wants to be reached at: by its launch mode, and one by one."""

    direct: frozenset[Port] = frozenset()
    opened: frozenset[Port] = frozenset()

    @property
    def all(self) -> frozenset[Port]:
        return self.direct | self.opened

    @property
    def least(self) -> int:
        """Whether one number of TCP and UDP takes one port outside or two is not documented: at
        least one.
        """
        return len({number for number, _ in self.all})

    def __or__(self, other: Ports) -> Ports:
        return Ports(self.direct | other.direct, self.opened | other.opened)


def ports_of(body: Json) -> Ports:
    """What a request asks for itself."""
    direct = _DIRECT.get(body.get("runtype", ""), frozenset())
    if body.get("vm"):
        direct |= {SSH}  # the proxy does not reach a VM (docs/vast-api.md A.5)
    return Ports(direct, _opened(" ".join(key for key in body.get("env", {}) if key[:3] == "-p ")))


def ports_of_template(template: Template, body: Json) -> Ports:
    """What a template adds: its launch mode where the request has none, and its ports (A.10)."""
    opened = _opened(template.env or "")
    if "runtype" in body:
        return Ports(opened=opened)
    flag = {"ssh": template.ssh_direct, "jupyter": template.jup_direct}
    runtype = template.runtype or ""
    return Ports(_DIRECT[f"{runtype}_direct"] if flag.get(runtype) else frozenset(), opened)


def _opened(flags: str) -> frozenset[Port]:
    return frozenset((int(number), way or "tcp") for number, way in _OPENED.findall(flags))


def check_ports(order: Order, template: Template | None, offer: Offer | None) -> list[str]:
    """What to warn of. Raises BadArguments where the call itself asks for more ports than the offer
    has; what only a template wants is a warning, since no argument takes it away.
    """
    has = None if offer is None else offer.direct_port_count
    if has is None:
        return []
    own = ports_of(order.body)
    if own.least > max(has, 0):
        raise _too_many(order, offer, own, max(has, 0))
    whole = own if template is None else own | ports_of_template(template, order.body)
    if len(whole.all) <= has:
        return []
    whose = "the template wants" if len(own.all) <= has else "this call opens"
    return [
        f"The offer has {has} direct ports, and with what {whose} at least {len(whole.all)} are "
        "needed: some will not be reachable. SSH by Vast's proxy needs none."
    ]


def _too_many(order: Order, offer: Offer | None, own: Ports, has: int) -> errors.BadArguments:
    problems: list[Problem] = []
    if own.direct and not order.is_vm:
        by_proxy = "jupyter" if JUPYTER in own.direct else "ssh"
        problems.append(
            Problem(
                "runtype", f'needs {len(own.direct)} direct; "{by_proxy}" goes by Vast\'s proxy'
            )
        )
    if own.opened:
        room = max(0, has - len(own.direct))
        problems.append(Problem("env", f"opens {len(own.opened)}; room for {room} on this offer"))
    return errors.BadArguments(
        f"This offer has {has or 'no'} direct ports, and the call needs at least {own.least}.",
        offer_id=order.offer_id,
        problems=problems,
        next_steps=[
            another(
                order,
                "offers with enough direct ports",
                card_of=offer,
                min_direct_ports=own.least,
            )
        ],
    )
