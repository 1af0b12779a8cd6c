"""The actions of manage_instance, a file each."""

from __future__ import annotations

from typing import Literal

from vast_mcp.renting.verbs.change_bid import ChangeBid
from vast_mcp.renting.verbs.decide_price import AcceptPrice, RejectPrice
from vast_mcp.renting.verbs.extend_lease import ExtendLease
from vast_mcp.renting.verbs.label import Label
from vast_mcp.renting.verbs.reboot import Reboot
from vast_mcp.renting.verbs.reserve import Reserve
from vast_mcp.renting.verbs.start import Start
from vast_mcp.renting.verbs.stop import Stop
from vast_mcp.renting.verbs.verb import Verb

Action = Literal[
    "start",
    "stop",
    "reboot",
    "label",
    "change_bid",
    "extend_lease",
    "accept_price",
    "reject_price",
    "reserve",
]

VERBS: dict[Action, type[Verb]] = {
    "start": Start,
    "stop": Stop,
    "reboot": Reboot,
    "label": Label,
    "change_bid": ChangeBid,
    "extend_lease": ExtendLease,
    "accept_price": AcceptPrice,
    "reject_price": RejectPrice,
    "reserve": Reserve,
}

OF_MANY: frozenset[Action] = frozenset({"start", "stop", "label"})
