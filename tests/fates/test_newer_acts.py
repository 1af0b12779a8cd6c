"""The newer acting tools on every kind of machine after everything that can become of one: an act
is told as the sandbox's ledger has it, none ends a machine, and a plan beside it leaves it alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from house import sampled
from standings import Standing, row_of_table, standing
from vast_mcp.settings import Settings

ROWS = sampled(row_of_table(), every=29)

# Each with its arguments beside the machine, and the entry of the ledger that it makes. The last
# discards a disk.
ACTS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("create_template", {"name": "mine"}, "template"),
    ("detach_ssh_key", {}, "key_detach"),
    ("manage_instance", {"action": "reject_price"}, "rise_rejected"),
    ("manage_instance", {"action": "accept_price"}, "rise_accepted"),
    ("manage_instance", {"action": "reserve", "amount_usd": 1.0}, "prepay"),
    ("copy_data", {"source": "{}:/data", "destination": "{}:/other"}, "copy"),
    ("update_instance", {"image": "a/c:2"}, "recycle"),
)


def given(at: Standing, tool: str, more: dict[str, Any]) -> dict[str, Any]:
    if tool == "copy_data":
        return {name: place.format(at.instance_id) for name, place in more.items()}
    if tool == "create_template":
        return {"from_instance_id": at.instance_id, **more}
    if tool == "detach_ssh_key":
        return {**at.machine, "key_id": min(at.world.keys)}
    return {**at.machine, **more}


def claims(told: dict[str, Any]) -> bool:
    """Whether an answer says that it was done."""
    return "error" not in told and told.get("outcome") != "not_attached"


@pytest.mark.parametrize(("fate", "kind"), ROWS)
async def test_a_newer_act_is_told_as_the_ledger_has_it(
    settings: Settings, tmp_path: Path, fate: str, kind: str
) -> None:
    """Nobody is before this server, so that nothing is paid ahead; what cannot be is an error."""
    async with standing(fate, kind, settings, tmp_path) as at:
        if at.lives:
            at.world.raise_price(at.instance_id)
        for tool, more, entry in ACTS:
            before = len(at.world.ledger)
            told = await at.call(tool, **given(at, tool, more))
            done = [one.kind for one in at.world.ledger[before:]]
            assert claims(told) == (entry in done), (tool, more, told)
            assert "error" in told or entry != "prepay"
        kinds = [one.kind for one in at.world.ledger]
        assert (kinds.count("rent"), "destroy" in kinds) == (1, False)


@pytest.mark.parametrize(("fate", "kind"), ROWS)
async def test_a_plan_beside_a_machine_leaves_it_alone(
    settings: Settings, tmp_path: Path, fate: str, kind: str
) -> None:
    """Neither counted as what is wanted, nor ended."""
    async with standing(fate, kind, settings, tmp_path) as at:
        before = [(one.kind, one.instance_id) for one in at.world.ledger]
        told = await at.call("provision", max_usd_per_hour=9.0, dry_run=True)
        assert "error" not in told
        assert [(one.kind, one.instance_id) for one in at.world.ledger] == before
        assert str(at.instance_id) not in str(told.get("machines", ""))
