"""The service acts on a request: it rents, starts, stops and destroys, and answers what was asked.

A refusal is raised before anything changes, but where its function says otherwise.
"""

from dataclasses import replace
from typing import Any

from . import fates, offers, replies, search
from .account import INSTANCE_SECRET, Key
from .create_body import MAX_PRICE, MIN_PRICE, read_launch
from .fates import Fate
from .instances import Instance, Tempo
from .launch import Launch
from .logs import Log
from .offers import Offer
from .shapes import Json, is_number
from .state import State
from .volumes import Volume

FIRST_INSTANCE = 30_000_001
BID_PER_GPU = 32.0  # $/h, what a changed bid may be at most (A.6)
HOPPER = 900  # compute_cap of H100 and H200 (B.2)
LABEL_CHARS = 1_024  # the label endpoint allows more than create does (A.2, C.7)

OFFER_FIELDS = frozenset(
    offers.priced(next(iter(offers.make_offers(0, 1, 0).values())), gb=8, bid=False, now=0)
)
SEARCH_FIELDS = OFFER_FIELDS | frozenset(search.VIEWS)


def find_offers(state: State, flat: Json, *, defaults: bool) -> tuple[list[Offer], bool]:
    """Find the rows that answer a flat query (B.1), within the day's quota (H); true where there
    are more.
    """
    query = search.Query(flat, SEARCH_FIELDS, state.search_cap, defaults=defaults)
    rows = state.priced_offers(query.gb, bid=query.bid)
    if state.cuda_hides and query.hides_hopper:
        rows = [row for row in rows if row["compute_cap"] != HOPPER]
    _check_quota(state)
    found = query.matching(rows, leaky=state.leaky_filters)
    return _counted(state, found[: query.limit]), len(found) > query.limit


def find_rooms(state: State, flat: Json) -> list[Json]:
    """Find room for volumes (F); its rows are taken to count as those of offers do."""
    _check_quota(state)
    return _counted(state, state.volumes.search(flat, state.now))


def _check_quota(state: State) -> None:
    """Refuse a search once the day's rows are used up."""
    if state.search_quota is not None:
        state.limiter.check_quota(state.search_quota)


def _counted(state: State, rows: list[Json]) -> list[Json]:
    """Count what is shown."""
    state.limiter.count_rows(len(rows))
    return rows


# Renting


def rent(state: State, ask_id: int, body: Json) -> Instance:
    """Accept an offer, or refuse; arguments are checked before availability.

    What cannot start, or is not to, is rented all the same, and stands still (A.7, A.11).
    """
    let_others_act(state)
    launch = read_launch(body, state.templates, ask_id)
    if state.drops_onstart:
        launch.onstart = None
    offer = _free_offer(state, ask_id)
    _check_fit(state, launch, offer)
    jammed = ask_id in state.jammed_offers
    if jammed and launch.cancel_unavail:
        raise replies.ask_gone(ask_id)
    instance = _commit_rental(state, offer, launch, stopped=jammed or not launch.start)
    if instance.outbid and state.low_bid_error:
        msg = f"bid {launch.price} is below the minimum of {offer['min_bid']}"
        raise replies.invalid_price(msg, ask_id, new_contract=instance.id)
    return instance


def let_others_act(state: State) -> None:
    others, state.before_rent = state.before_rent, None
    if others is not None:
        others()


def _free_offer(state: State, ask_id: int) -> Offer:
    offer = state.offers.get(ask_id)
    if offer is None:
        raise replies.unknown_ask(ask_id)
    if ask_id in state.private_offers:
        raise replies.not_your_own(ask_id)
    if not offer["rentable"] and not state.rent_again:
        raise replies.ask_gone(ask_id)
    return offer


def _check_fit(state: State, launch: Launch, offer: Offer) -> None:
    """Refuse what this machine, or this account, cannot have."""
    ask_id = offer["id"]
    _check_vm(state, launch, offer)
    if launch.disk > offer["disk_space"]:
        raise replies.invalid_args(f"disk: the machine has {offer['disk_space']} GB left", ask_id)
    volume, machine = launch.volume_info, offer["machine_id"]
    if volume is not None:
        state.volumes.check(volume, machine, ask_id, strict=state.strict_volumes)
    if state.credit <= 0:
        raise replies.insufficient_credit()


def _check_vm(state: State, launch: Launch, offer: Offer) -> None:
    if not launch.vm:
        return
    if not offer["vms_enabled"]:
        raise replies.invalid_args(f"offer {offer['id']} does not support VMs", offer["id"])
    if state.team or not state.keys:
        raise replies.no_ssh_key_for_vm(offer["id"])


def _commit_rental(state: State, offer: Offer, launch: Launch, *, stopped: bool) -> Instance:
    now = state.now
    instance = _new_instance(state, offer, launch, now)
    instance.set_course(instance.fate.course, now)
    lost = launch.bids_below(offer["min_bid"])
    if stopped:
        instance.stop(now, "stopped")
    elif lost:
        instance.lose_bid(now, asked_to_run=not state.lost_bids_stop)
    state.instances[instance.id] = instance
    state.take(offer["id"])
    vm = instance.kind == "vm"
    state.write("rent", instance, price=instance.price, stopped=stopped or lost, vm=vm)
    _attach_volume(state, instance)
    return instance


def _new_instance(state: State, offer: Offer, launch: Launch, now: float) -> Instance:
    return Instance(
        id=FIRST_INSTANCE + len(state.instances),
        offer=dict(offer),
        launch=launch,
        label=launch.label,
        born=now,
        secret=f"{INSTANCE_SECRET}{state.dice.getrandbits(128):032x}",
        tempo=Tempo(state.looks_per_step, state.seconds_per_step),
        hidden_looks=state.visible_after_looks,
        fate=state.fates.get(offer["id"], Fate()),
        keys=_keys_at_birth(state),
        log=Log(planted=state.log_text, planted_daemon=state.log_text),
    )


def _keys_at_birth(state: State) -> dict[int, Key]:
    """Copy the account's keys; a team's are not put on its machines (D)."""
    if state.team:
        return {}
    return {number: replace(key) for number, key in state.keys.items()}


def _attach_volume(state: State, instance: Instance) -> None:
    info = instance.launch.volume_info
    if info is None:
        return
    volume, is_new = state.volumes.attach(info, instance.id, state.now)
    if volume is None:
        return
    instance.launch.volume_info = info | {"volume_id": volume.id, "name": volume.label}
    if is_new:
        write_volume(state, volume, instance)


# What is rented


def own(state: State, instance_id: int) -> Instance:
    """Find a living instance of the account, or refuse its id."""
    instance = state.find(instance_id)
    if instance is None:
        raise replies.no_such_instance(instance_id)
    return instance


def _own_running(state: State, instance_id: int) -> Instance:
    instance = own(state, instance_id)
    if not instance.has_gpu:
        raise replies.not_running(state.not_running_status)
    return instance


def destroy(state: State, instance_id: int) -> None:
    """End an instance for good (C.7)."""
    instance = own(state, instance_id)
    state.end(instance)
    state.write("destroy", instance)


def set_state(state: State, instance_id: int, wanted: str) -> None:
    """Start or stop an instance; what is already so is a success that changes nothing (C.7)."""
    instance = own(state, instance_id)
    if wanted == "stopped":
        _stop(state, instance)
    else:
        _start(state, instance)


def _stop(state: State, instance: Instance) -> None:
    if instance.intended != "stopped" or instance.waiting_for_gpu or instance.outbid:
        state.stop(instance)
        state.write("stop", instance)


def _start(state: State, instance: Instance) -> None:
    """Start now, or say that the start is queued, whatever comes of it (C.5)."""
    if state.credit <= 0:
        raise replies.missing_billing()
    if instance.id in state.stolen_gpus or instance.bids_below_floor:
        if state.starts_wait or instance.id in state.gpu_waits:
            instance.wait(now=state.now)
        raise replies.start_queued(state.queued_as, state.queued_status)
    if instance.intended != "running" or instance.outbid:
        instance.start(state.now)
        state.write("start", instance)


def set_label(state: State, instance_id: int, label: str | None) -> None:
    """Label an instance, with up to 1024 characters here (C.7)."""
    instance = own(state, instance_id)
    if label is not None and len(label) > LABEL_CHARS:
        raise replies.label_too_long()
    instance.label = label
    state.write("label", instance)


def reboot(state: State, instance_id: int) -> None:
    """Stop the container and start it; GPU and disk stay (C.7)."""
    instance = _own_running(state, instance_id)
    instance.set_course(fates.REBOOT, state.now)
    _begin_anew(state, "reboot", instance)


def recycle(state: State, instance_id: int) -> None:
    """Make a new container of a freshly pulled image: its disk's content goes, the GPU stays
    (C.7).
    """
    instance = _own_running(state, instance_id)
    instance.recycle(state.now)
    state.doors.renew(instance.id)  # a new container has new ones
    state.machines.empty(instance.id)
    _begin_anew(state, "recycle", instance)


def _begin_anew(state: State, kind: str, instance: Instance) -> None:
    """Shut the doors until the container speaks again, and enter the act in the ledger."""
    state.doors.close(instance.id)
    state.machines.halt(instance.id)
    state.write(kind, instance)


def change_bid(state: State, instance_id: int, price: Any) -> None:
    """Bid so many $/h for the machine; none is the winning bid, as the official client promises
    (C.7).

    A price below the floor is taken, and the machine loses its GPU (C.4: outbid); back at the
    floor it starts again. Only what is out of all range is refused.
    """
    instance = own(state, instance_id)
    if not instance.launch.is_bid:
        raise replies.not_a_bid()
    bid = _read_bid(price, instance.offer)
    instance.tick(state.now)
    instance.launch.price = bid
    state.write("bid", instance, price=bid)
    if instance.bids_below_floor:
        _fall_below_floor(state, instance)
    elif instance.outbid:
        instance.start(state.now)


def _fall_below_floor(state: State, instance: Instance) -> None:
    if instance.intended == "running" and not instance.outbid:
        state.lose_bid(instance)


def _read_bid(price: Any, offer: Offer) -> float:
    if price is None:
        price = offer["min_bid"]
    if not is_number(price):
        raise replies.invalid_args("price: Input should be a valid number")
    if price < MIN_PRICE:
        raise replies.bid_too_small()
    ceiling = min(MAX_PRICE, BID_PER_GPU * offer["num_gpus"])
    if price > ceiling:
        raise replies.bid_out_of_range(ceiling)
    return float(price)


def write_volume(state: State, volume: Volume, instance: Instance | None = None) -> None:
    """Enter a volume that bills from here on."""
    machine = volume.machine_id
    detail = {"volume_id": volume.id, "gb": volume.gb, "machine_id": machine}
    state.write("volume", instance, usd_per_hour=volume.usd_per_hour, **detail)
