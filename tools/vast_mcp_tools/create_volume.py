"""A volume by itself, before there is a machine that mounts it, or as the copy of another."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from vast_mcp.account.volumes import learn_from_volumes
from vast_mcp.leases.lifetimes import left_hours
from vast_mcp.machines.costs import rounded
from vast_mcp.machines.volumes import NAME_ROOM
from vast_mcp.renting.volume_doubt import Volumed, consider
from vast_mcp.renting.volume_made import make_volume
from vast_mcp.renting.volume_order import VolumeOrder, wish_of
from vast_mcp.renting.volume_terms import volume_terms
from vast_mcp.renting.volume_words import COPYING, NO_END, lease_words, mounting
from vast_mcp.session import Call
from vast_mcp.settings import LONGEST_LEASE_H
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step


class CreateVolume(Arguments):
    told_elsewhere: ClassVar[frozenset[str]] = frozenset(
        {"request_key", "dry_run", "max_usd_per_hour", "lease_hours", "size_gb"}
    )

    volume_offer_id: Annotated[int, Field(ge=1, description="from search_volumes")]
    size_gb: Annotated[int | None, Field(ge=1)] = None
    name: Annotated[
        str | None,
        Field(pattern=rf"^[A-Za-z0-9_]{{1,{NAME_ROOM}}}$", description="1 to 38 of A-Z a-z 0-9 _"),
    ] = None
    clone_of: Annotated[int | None, Field(ge=1, description="volume_id to copy")] = None
    lease_hours: Annotated[float | None, Field(gt=0, le=LONGEST_LEASE_H)] = None
    max_usd_per_hour: Annotated[float | None, Field(gt=0)] = None
    request_key: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")] = None
    dry_run: bool | None = None


class CreateVolumeResult(Result):
    volume_id: Annotated[
        int | None,
        Field(description="It bills from now until it is deleted. Absent: dry_run."),
    ] = None
    request_key: str
    machine_id: Annotated[
        int | None, Field(description="It can be mounted on this machine only.")
    ] = None
    size_gb: float | None = None
    usd_per_hour: float | None = None
    lease: str | None = None
    lease_left_hours: float | None = None
    replayed: Annotated[bool | None, Field(description="It was there; nothing was sent.")] = None
    recovered: Annotated[bool | None, Field(description="The reply was lost; it was found.")] = None
    would: Annotated[
        Literal["make", "replay", "settle"] | None, Field(description="Only for dry_run.")
    ] = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def create_volume(args: CreateVolume, call: Call) -> CreateVolumeResult:
    """Makes a volume without a machine. Spends money: it bills until destroy_volume or its lease
    deletes it and its data. The same call again makes no second.
    """
    given = args.model_dump(exclude_none=True)
    given.pop("dry_run", None)
    order = VolumeOrder(
        given=given,
        room_id=args.volume_offer_id,
        size_gb=args.size_gb,
        name=args.name,
        clone_of=args.clone_of,
        lease_hours=args.lease_hours,
        max_usd_per_hour=args.max_usd_per_hour,
        request_key=args.request_key,
    )
    if args.dry_run:
        return await _previewed(call, order)
    volumed = await make_volume(call, order)
    return _made(call, volumed)


def _made(call: Call, volumed: Volumed) -> CreateVolumeResult:
    made = volumed.made
    copied = [COPYING] if made.clone_of is not None else []
    return CreateVolumeResult(
        volume_id=made.volume_id,
        request_key=made.wish,
        machine_id=made.machine_id,
        size_gb=made.size_gb,
        usd_per_hour=rounded(made.usd_per_hour, 5),
        lease=lease_words(made.lease_until) or NO_END,
        lease_left_hours=left_hours(made.lease_until, call.now()),
        replayed=volumed.replayed or None,
        recovered=volumed.recovered or None,
        warnings=[*volumed.warnings, *copied],
        next_steps=_steps(made.volume_id or 0, made.machine_id),
    )


def _steps(volume_id: int, machine_id: int | None) -> list[Step]:
    if machine_id is None:
        return [step("show_volumes", "where it is")]
    return [step("search_offers", mounting(volume_id), filters=f"machine_id={machine_id}")]


async def _previewed(call: Call, order: VolumeOrder) -> CreateVolumeResult:
    """Every check and price of the call, with nothing sent."""
    wish = await wish_of(call, order)
    listed = await call.vast.list_volumes()
    await learn_from_volumes(call, listed)
    verdict = consider(call, wish)
    if verdict.made is not None:
        return CreateVolumeResult(
            request_key=wish.key,
            would="replay" if verdict.act == "replay" else "settle",
            usd_per_hour=rounded(verdict.made.usd_per_hour, 5),
            next_steps=[step("create_volume", "the same call without dry_run", **order.given)],
        )
    terms = await volume_terms(call, order, listed, wish.account)
    return CreateVolumeResult(
        request_key=wish.key,
        would="make",
        machine_id=terms.machine_id,
        size_gb=terms.size_gb,
        usd_per_hour=rounded(terms.usd_per_hour, 5),
        lease=lease_words(terms.lease_until) or NO_END,
        next_steps=[step("create_volume", "makes it", **order.given)],
    )


SPEC = ToolSpec(
    fn=create_volume,
    arguments=CreateVolume,
    result=CreateVolumeResult,
    title="Make a volume",
    read_only=False,
    destructive=True,
    idempotent=True,
    open_world=True,
    sends=("create_volume",),
)
