"""Which doors a machine has, in a world whose addresses are doors, and what is behind each."""

from collections.abc import Iterable
from functools import partial

from . import behind_doors
from .doors import HOST, MANNERS, NOT_SSH, REFUSES_KEYS, SILENT, Manner, Serve
from .instances import Instance
from .rows import Ways
from .state import State

DIRECT, PROXY = SSH_WAYS = ("direct", "proxy")
SSH_PORT, NOTEBOOK = "22/tcp", "8080/tcp"


def ways(state: State, instance: Instance) -> Ways | None:
    """Open the doors of a machine where somebody is behind them, and shut the others."""
    if not state.ssh_banners:
        return None
    if not instance.answers_ssh(state.now):
        state.machines.halt(instance.id)
    proxy = state.doors.port((instance.id, PROXY), _by_ssh(state, instance, PROXY))
    if "jupyter" in instance.launch.runtype:
        proxy -= 1  # there SSH answers one number higher (C.6)
    direct = state.doors.port((instance.id, DIRECT), _by_ssh(state, instance, DIRECT))
    ports = {port: _mapped(state, instance, port) for port in _served(instance, state.now)}
    return Ways(HOST, proxy, {SSH_PORT: direct} | ports)


def set_manner(state: State, instance_id: int, way: str, manner: Manner) -> None:
    """Let one door of a machine behave like this from now on: `direct`, `proxy`, or a port inside
    as `8000/tcp`. A manner is a word of `doors.MANNERS`, or a status to answer over HTTP.

    Raises ValueError for a word that is none, and for what this door cannot do.
    """
    instance = state.instances[instance_id]
    if not _can(way, manner):
        raise ValueError(f"{way} cannot be {manner!r}; one of {MANNERS}, or a status of a port")
    state.doors.manners[instance_id, way] = manner
    ways(state, instance)


def _can(way: str, manner: Manner) -> bool:
    if isinstance(manner, int):
        return way not in SSH_WAYS
    if manner in {NOT_SSH, REFUSES_KEYS}:
        return way in SSH_WAYS
    return manner in MANNERS


def _by_ssh(state: State, instance: Instance, way: str) -> Serve | None:
    if not instance.answers_ssh(state.now) or not _leads_in(state, instance, way):
        return None
    key = (instance.id, way)
    manner = state.doors.manner(key)
    if manner == SILENT:
        return behind_doors.silence
    if manner == NOT_SSH or state.ssh_banner:
        return partial(behind_doors.greet, text=state.ssh_banner or behind_doors.NO_SSH)
    lets_in = partial(_keys_of, instance, refused=manner == REFUSES_KEYS)
    inside = partial(state.machines.inside, instance, state.lies)
    return partial(
        behind_doors.speak_ssh, doors=state.doors, key=key, lets_in=lets_in, inside=inside
    )


def _leads_in(state: State, instance: Instance, way: str) -> bool:
    if way == DIRECT:
        return state.ssh_direct
    return state.ssh_proxy and instance.kind != "vm"  # the proxy cannot reach one (A.5)


def _keys_of(instance: Instance, *, refused: bool) -> Iterable[str]:
    """Tell whom a machine lets in, at the moment when somebody knocks."""
    if refused:
        return []
    return [key.public_key for key in instance.keys.values()]


def _served(instance: Instance, now: float) -> list[str]:
    """List the ports at which something in it could answer; SSH's is a door of its own, and what
    has one number inside and outside keeps it.
    """
    is_up = instance.alive and instance.status(now) == "running"
    if not is_up or not instance.offer["direct_port_count"]:
        return []
    return [
        port
        for port, is_identity in instance.launch.ports
        if port != SSH_PORT and port.endswith("/tcp") and not is_identity
    ]


def _mapped(state: State, instance: Instance, port: str) -> int:
    key = (instance.id, port)
    manner = state.doors.manner(key)
    if manner == SILENT:
        return state.doors.port(key, behind_doors.silence)
    status = manner if isinstance(manner, int) else 200
    is_notebook = port == NOTEBOOK and "jupyter_direc" in instance.launch.runtype
    return state.doors.port(key, partial(behind_doors.speak_http, status=status, tls=is_notebook))
