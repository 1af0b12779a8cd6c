"""A look from outside moves what is looked at: instances take a step, logs arrive."""

from collections.abc import Iterator

from . import fates, listing, logs, replies, rises, watchdog
from .doorways import ways
from .instances import Instance
from .logs import Upload
from .rows import row_of
from .service import own
from .shapes import Json
from .state import State

# What a start script says of itself in the log, by what stands in it.
BEGAN, ENDED = "vast-mcp: onstart began", "vast-mcp: onstart ended, status"
SHOWN_AS_FILTERS = ("actual_status", "verification", "gpu_name", "label")


def show(state: State, instance_id: int) -> Json | None:
    """Look at one instance; None for what is unknown, gone or not readable yet (C.1)."""
    others, state.before_show = state.before_show, None
    if others is not None:
        others()
    instance = state.instances.get(instance_id)
    if instance is None:
        return None
    _follow(state, instance)
    if not instance.seen():
        return None
    row = row_of(instance, state.now, listed=False, ways=ways(state, instance))
    _count_look(state, instance)
    return row


def list_page(state: State, query: listing.PageQuery) -> Json:
    """Look at every instance on a page of the list (C.2)."""
    now = state.now
    for instance in state.living:
        _follow(state, instance)
    seen = [instance for instance in state.rentals if instance.seen()]
    rows = [row_of(one, now, listed=True, ways=ways(state, one)) for one in seen]
    shown, page = listing.page(query, rows)
    for instance_id in shown:
        _count_look(state, state.instances[instance_id])
    return page


def list_old(state: State) -> Json:
    """Look at every instance, as the old list shows them to older accounts (C.2)."""
    for instance in state.living:
        _follow(state, instance)
    seen = [instance for instance in state.rentals if instance.seen()]
    rows = [row_of(one, state.now, listed=False, ways=ways(state, one)) for one in seen]
    for instance in seen:
        _count_look(state, instance)
    return {"instances_found": len(rows), "instances": rows}


def filter_values(state: State) -> list[Json]:
    """List the combinations that the official client offers as filters (C.2)."""
    now = state.now
    return [_as_filter(row_of(one, now, listed=True)) for one in state.living]


def _as_filter(row: Json) -> Json:
    return {key: row[key] for key in SHOWN_AS_FILTERS}


def _count_look(state: State, instance: Instance) -> None:
    instance.tick(state.now)
    instance.looks += 1
    if not instance.waiting_for_gpu or instance.id not in state.gpu_waits:
        return
    state.gpu_waits[instance.id] -= 1
    if state.gpu_waits[instance.id] <= 0:
        state.free_gpu(instance.id)


def _follow(state: State, instance: Instance) -> None:
    """Let happen what the instance's course has come to since the last look."""
    if not instance.alive:
        return
    rises.settle(state, instance)
    event = instance.event(state.now)
    if event == fates.VANISHED:
        state.cancel_rental(instance.id)
        return
    if event == fates.OUTBID:
        state.outbid(instance.id)
    if event == fates.GIVEN_UP:
        instance.give_up(state.now)
    _log_status(state, instance)
    watchdog.look(state, instance)


def _log_status(state: State, instance: Instance) -> None:
    now = state.now
    status = instance.status(now)
    if status == instance.last_logged:
        return
    instance.last_logged = status
    said = instance.says(status) or "ok"
    instance.log.happened(now, f"{instance.id} {status or 'created'}: {said}")
    if status == "running":
        watchdog.begin(state, instance)
        instance.log.lines += _said_by(instance.launch.onstart or "", state.onstart_status)


def _said_by(onstart: str, status: int | None) -> Iterator[str]:
    """What a start script writes into the log of its beginning and its end."""
    if BEGAN in onstart:
        yield BEGAN
        if status is not None:
            yield f"{ENDED} {status}"


# Logs


def request_logs(state: State, instance_id: int, body: Json) -> str:
    """Ask for a log: the name under which it will be found (C.7)."""
    instance = own(state, instance_id)
    logs.check(body)
    name = f"{state.dice.getrandbits(128):032x}.log"
    state.uploads[name] = Upload(instance.log.text(body), state.log_looks)
    return name


def read_log(state: State, name: str) -> str:
    """Look once at a log's address (C.7)."""
    text = _text_at(state, name)
    if text is None:
        raise replies.log_not_there()
    return text


def _text_at(state: State, name: str) -> str | None:
    upload = state.uploads.get(name)
    if upload is None:
        return None
    return upload.look()
