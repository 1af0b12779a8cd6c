"""A key opens what its groups allow, and a machine's own key its machine (docs/vast-api.md A.11,
I).
"""

from . import replies
from .instances import Instance
from .request import Request
from .state import State

# What a scoped key needs (I); only the names of the groups are recorded.
PERMISSIONS = {
    "create": "instance_write",
    "destroy": "instance_write",
    "start": "instance_write",
    "stop": "instance_write",
    "label": "instance_write",
    "reboot": "instance_write",
    "recycle": "instance_write",
    "bid": "instance_write",
    "attach_key": "instance_write",
    "detach_key": "instance_write",
    "attached_keys": "instance_read",
    "logs": "instance_read",
    "list": "instance_read",
    "filters": "instance_read",
    "show": "instance_read",
    "search": "misc",
    "search_volumes": "misc",
    "volumes": "instance_read",
    "rent_volume": "instance_write",
    "delete_volume": "instance_write",
    "keys": "user_read",
    "user": "user_read",
}
OPEN = frozenset({"gpu_names", "log_text"})  # answered without a key
# A key is checked when it is there, but not needed (B.1).
ANONYMOUS = frozenset({"/api/v0/bundles/"})
# What a machine's own key opens, of that machine (A.11).
OWN = frozenset({"show", "start", "stop", "label", "destroy"})


def check(request: Request, endpoint: str, path: str) -> None:
    """Refuse a request whose key does not open this endpoint; `path` is the route's."""
    header = request.authorization
    if endpoint in OPEN or (header is None and path in ANONYMOUS):
        return
    if header is None:
        raise replies.login_required()
    _check_bearer(request.world, header)
    machine = machine_of(request.world, header)
    if machine is None:
        _check_known(request.world, header)
    else:
        _check_own_key(request, endpoint, machine)
    _check_group(request.world, endpoint)


def _check_known(state: State, header: str) -> None:
    """Refuse a key that is not the account's."""
    if not state.knows_key(_key_in(header)):
        raise replies.invalid_key(state.bad_key_status)


def _check_bearer(state: State, header: str) -> None:
    if header.partition(" ")[0].lower() != "bearer":
        raise replies.invalid_key(state.bad_key_status)


def _check_own_key(request: Request, endpoint: str, machine: Instance) -> None:
    """Refuse what a machine's own key does not open."""
    if not _is_opened_by_own_key(request, endpoint, machine):
        raise replies.permission_missing(PERMISSIONS.get(endpoint), request.world.own_key_status)


def _is_opened_by_own_key(request: Request, endpoint: str, machine: Instance) -> bool:
    opened = OWN - request.world.own_key_lacks
    return endpoint in opened and request.id == machine.id


def _check_group(state: State, endpoint: str) -> None:
    group = PERMISSIONS.get(endpoint)
    if group in state.missing_permissions:
        raise replies.permission_missing(group)


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
