"""A key opens what its groups allow, and a machine's own key its machine (docs/vast-api.md A.11,
I).
"""

from . import replies, search
from .account import ApiKey
from .handlers.table import Endpoint
from .instances import Instance
from .request import Request
from .shapes import Json
from .state import State

OPEN = frozenset({"gpu_names", "log_text"})  # answered without a key
# A key is checked when it is there, but not needed (B.1).
ANONYMOUS = frozenset({"/api/v0/bundles/"})
# What a machine's own key opens, of that machine (A.11).
OWN = frozenset({"show", "start", "stop", "label", "destroy"})
# What a key's permissions call an endpoint; only this one is recorded (I).
RULES = {"logs": "api.instance.request_logs"}


def check(request: Request, name: str, endpoint: Endpoint) -> None:
    """Refuse a request whose key does not open this endpoint, which goes by this name."""
    header = request.authorization
    if name in OPEN or (header is None and endpoint.path in ANONYMOUS):
        return
    if header is None:
        raise replies.login_required()
    _check_bearer(request.world, header)
    machine = machine_of(request.world, header)
    if machine is None:
        _check_account_key(request, name, endpoint.scope)
    else:
        _check_own_key(request, name, endpoint.scope, machine)
    if endpoint.scope in request.world.missing_permissions:
        raise replies.permission_missing(endpoint.scope)


def _check_account_key(request: Request, name: str, scope: str) -> None:
    """Refuse a key that is not the account's, and what a scoped one does not open."""
    state, text = request.world, _key_in(request.authorization or "")
    issued = state.issued_key(text)
    if issued is None and not state.knows_key(text):
        raise replies.invalid_key(state.bad_key_status)
    if issued is not None and scope and not _is_opened_by(issued, request, name, scope):
        raise replies.permission_missing(scope)


def _is_opened_by(key: ApiKey, request: Request, name: str, scope: str) -> bool:
    """Whether a key's permissions hold the group; one that lists its routes opens those alone,
    which is our reading (I).
    """
    group = key.group(scope)
    if not group:
        return group is not None
    rule = group.get(RULES.get(name, ""))
    return rule is not None and _meets(request, rule["constraints"])


def _meets(request: Request, constraints: Json) -> bool:
    """Whether the machine in the path is one that the constraints let through."""
    row = {"id": request.id_in_text}
    return all(search.meets(row, field, ops) for field, ops in constraints.items())


def _check_bearer(state: State, header: str) -> None:
    if header.partition(" ")[0].lower() != "bearer":
        raise replies.invalid_key(state.bad_key_status)


def _check_own_key(request: Request, name: str, scope: str, machine: Instance) -> None:
    """Refuse what a machine's own key does not open."""
    if not _is_opened_by_own_key(request, name, machine):
        raise replies.permission_missing(scope, request.world.own_key_status)


def _is_opened_by_own_key(request: Request, name: str, machine: Instance) -> bool:
    opened = OWN - request.world.own_key_lacks
    return name in opened and request.id == machine.id


def machine_of(state: State, header: str) -> Instance | None:
    """Find the instance whose own key this is (A.11), living or dead: what becomes of the key is
    not recorded.
    """
    key = _key_in(header)
    for instance in state.rentals:
        if instance.secret == key:
            return instance
    return None


def _key_in(header: str) -> str:
    return header.partition(" ")[2].strip()
