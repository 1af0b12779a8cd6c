"""What an answer says of a machine as it was made, beside what was asked for: kept with the
attempt, so that a replay says the same. What is kept is written by what_runs.py.
"""

from __future__ import annotations

from typing import Annotated, cast

from pydantic import Field

from vast_mcp.account.asked import Asked, asked_by_record
from vast_mcp.errors import Json
from vast_mcp.journal.records import number_of
from vast_mcp.leases.packing import ONSTART_MAX
from vast_mcp.machines.costs import DIGITS, Bills, rounded
from vast_mcp.toolspec import Part
from vast_mcp.vast.replies import as_object

FACT = "made"  # of an attempt in the journal

CHECK = "check_inside"  # the same: what check_inside.py keeps
CHECK_SAID = "starts with it; check_machine reads its line in the log"
NO_WAY_IN = (
    "Nothing leads into it: with runtype args there is no SSH, and no port is opened with -p. "
    "show_logs shows its output."
)
INTERRUPTIBLE = (
    "It pays the bid while it runs. A higher bid, or somebody on demand, stops it; its disk then "
    "bills on, and manage_instance change_bid may bring it back."
)
_OF_NEW_VOLUME = "made with it; bills {} beside the prices here, until destroy_volume"
_OF_OWN_VOLUME = "it bills already, and is in none of the prices here"


class Made(Part):
    """What else is known of how a machine was made."""

    command: Annotated[
        str | None, Field(description="What starts, where no shell of Vast's does.")
    ] = None
    overridden_env: Annotated[
        list[str] | None, Field(description="The template's variables that the call set anew.")
    ] = None
    untrusted_template_env: Annotated[
        list[str] | None, Field(description="Names of variables that the template brings.")
    ] = None
    onstart: Annotated[
        str | None, Field(description="How it was sent, and where its output goes.")
    ] = None
    check: Annotated[str | None, Field(description="What looks at it from inside.")] = None
    ssh_keys: Annotated[
        list[str] | None, Field(description="Let in at birth: files here, or fingerprints.")
    ] = None
    volume_bills: str | None = None
    bid_usd_per_hour: float | None = None
    disk_usd_per_hour: float | None = None
    on_demand_usd_per_hour: Annotated[
        float | None, Field(description="What its GPUs cost on demand, beside a bid.")
    ] = None


def asked_in(facts: Json) -> Asked | None:
    """What was asked for, as the attempt's facts have it."""
    image = _brought(facts).get("image")
    return asked_by_record(facts, Asked(untrusted_image=image if isinstance(image, str) else None))


def made_in(facts: Json) -> Made | None:
    """What is known of how the machine was made; None where nothing was kept."""
    kept = as_object(facts.get(FACT))
    if kept is None:
        return None
    asked, brought = asked_in(facts) or Asked(), _brought(facts)
    return Made(
        command=_command_said(asked.launch, has_program=kept.get("program") is True),
        overridden_env=_texts(brought.get("overridden")),
        untrusted_template_env=_texts(brought.get("env")),
        onstart=_onstart_said(as_object(kept.get("onstart"))),
        check=CHECK_SAID if has_check(facts) else None,
        ssh_keys=_texts(kept.get("ssh_keys")),
        volume_bills=_volume_said(asked.volume, number_of(kept.get("volume"))),
        bid_usd_per_hour=number_of(kept.get("bid")),
        disk_usd_per_hour=rounded(number_of(kept.get("disk")), DIGITS),
        on_demand_usd_per_hour=rounded(number_of(kept.get("on_demand")), DIGITS),
    )


def warnings_in(facts: Json) -> list[str]:
    """What to know first of a machine that was made so."""
    asked = asked_in(facts)
    warnings: list[str] = []
    if asked is not None and asked.launch == "args" and not asked.ports:
        warnings.append(NO_WAY_IN)
    if (as_object(facts.get(FACT)) or {}).get("bid") is not None:
        warnings.append(INTERRUPTIBLE)
    if why := _check(facts).get("why"):
        warnings.append(f"No check is in it: {why}.")
    return warnings


def bills_at_birth(facts: Json) -> Bills:
    """What a machine bills before any row of it is known: its disk, until its container runs
    (docs/vast-api.md C.8).
    """
    kept = as_object(facts.get(FACT)) or {}
    disk = number_of(kept.get("disk"))
    return Bills(disk, number_of(facts.get("usd_per_hour")), disk, per_tb_in(facts))


def per_tb_in(facts: Json) -> list[float] | None:
    """What its traffic costs, [down, up] in $/TB."""
    return _numbers((as_object(facts.get(FACT)) or {}).get("per_tb"))


def _command_said(launch: str | None, *, has_program: bool) -> str | None:
    if launch != "args":
        return None
    return "the program that onstart names" if has_program else "the image's own command"


def _onstart_said(kept: Json | None) -> str | None:
    if not kept:
        return None
    size = f"{kept.get('characters')} of {ONSTART_MAX} characters"
    if kept.get("vm"):
        return f"sent, {size}; where a VM writes its output is not known"
    if kept.get("tells"):
        return (
            f"sent packed, {size}; the container's log (show_logs) has its output, that it began, "
            "and with what status it ended"
        )
    return (
        f"sent as it is, {size}; the container's log (show_logs) has its output, and nothing says "
        "when it has ended"
    )


def _volume_said(volume: Json | None, usd: float | None) -> str | None:
    if not volume:
        return None
    if not volume.get("new"):
        return _OF_OWN_VOLUME
    return _OF_NEW_VOLUME.format("an unknown price" if usd is None else f"{usd:.5f} $/h")


def has_check(facts: Json) -> bool:
    """Whether the machine was made with a check in what starts it."""
    return "in" in _check(facts)


def _check(facts: Json) -> Json:
    return as_object(facts.get(CHECK)) or {}


def _brought(facts: Json) -> Json:
    return as_object((as_object(facts.get(FACT)) or {}).get("brought")) or {}


def _texts(value: object) -> list[str] | None:
    if not isinstance(value, list):
        return None
    return [one for one in cast("list[object]", value) if isinstance(one, str)]


def _numbers(value: object) -> list[float] | None:
    if not isinstance(value, list):
        return None
    found = [number_of(one) for one in cast("list[object]", value)]
    return [one for one in found if one is not None] or None
