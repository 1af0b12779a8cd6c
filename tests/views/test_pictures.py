"""The pages as pictures, to be looked at, into the folder that VIEWS_PICTURES names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import call
from stage import Stage, as_result
from vast_mcp import views

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif("VIEWS_PICTURES" not in os.environ, reason="VIEWS_PICTURES names no folder"),
]

SSH = "ssh -p 41022 root@198.51.100.7"
MACHINES: list[dict[str, Any]] = [
    {
        "instance_id": 30000412,
        "state": "running",
        "gpu": "2x RTX 4090",
        "usd_per_hour": 0.742,
        "stopped_usd_per_hour": 0.011,
        "spent_usd": 4.31,
        "spent_is": "charges",
        "age_hours": 5.8,
        "lease_left_hours": 6.2,
        "gpu_util_percent": 97,
        "disk_gb": 80,
        "disk_used_gb": 51.4,
        "ours": True,
        "untrusted_label": "llama-finetune#0123456789abcdef",
        "untrusted_location": "Sweden, SE",
        "access": {"ssh": SSH, "rsync": f"rsync -a ./ {SSH}"},
    },
    {
        "instance_id": 30000415,
        "state": "starting",
        "phase": "starting",
        "phase_for_s": 95,
        "usual_s": 240,
        "gpu": "1x H100 SXM",
        "usd_per_hour": 0.006,
        "running_usd_per_hour": 1.94,
        "stopped_usd_per_hour": 0.006,
        "age_hours": 0.03,
        "lease_left_hours": 3.97,
        "ours": True,
        "untrusted_label": "eval#0123456789abcdef",
        "untrusted_location": "Texas, US",
        "disk_gb": 40,
    },
    {
        "instance_id": 30000398,
        "state": "stopped",
        "gpu": "1x L40S",
        "usd_per_hour": 0.014,
        "running_usd_per_hour": 0.553,
        "spent_usd": 11.87,
        "spent_is": "charges",
        "age_hours": 61.0,
        "disk_gb": 100,
        "ours": True,
        "untrusted_label": "dataset-prep#0123456789abcdef",
        "untrusted_location": "Japan, JP",
        "price_increase": {
            "from_usd_per_hour": 0.553,
            "to_usd_per_hour": 0.641,
            "applies_at": "2026-12-04T09:00:00Z",
        },
    },
    {
        "instance_id": 30000391,
        "state": "failed",
        "phase": "driver_too_old",
        "phase_for_s": 240,
        "gpu": "4x RTX 3090",
        "usd_per_hour": 0.008,
        "running_usd_per_hour": 0.484,
        "spent_usd": 0.01,
        "spent_is": "at_most",
        "age_hours": 0.2,
        "lease_left_hours": 0.8,
        "ours": True,
        "untrusted_label": "bench#0123456789abcdef",
        "untrusted_location": "Poland, PL",
        "untrusted_status": "CUDA 12.8 is wanted, and the driver has 12.2",
    },
]
LISTED = {
    "count": 4,
    "total_usd_per_hour": 0.782,
    "of_which": {"running": 0.756, "stopped_disks": 0.014, "volumes": 0.012},
    "instances": MACHINES,
}
ACCOUNT = {
    "credit_usd": 61.4,
    "total_usd_per_hour": 0.782,
    "of_which": {"running": 0.756, "stopped_disks": 0.014, "volumes": 0.012},
    "if_all_stopped_usd_per_hour": 0.043,
    "starting_usd_per_hour": 1.934,
    "hours_left": 78.5,
    "machines": 4,
}
SPENT = (4.4, 14.9, 12.2, 1.1, 0.0, 7.3, 9.96)
COSTS = {
    "first_day": "2026-11-24",
    "last_day": "2026-11-30",
    "spent_usd": round(sum(SPENT), 2),
    "spent_is": "charges",
    "of_which": {"gpu_usd": 44.12, "disk_usd": 2.31, "traffic_usd": 2.61, "volume_usd": 0.82},
    "by_day": [{"day": f"2026-11-{24 + n}", "usd": usd} for n, usd in enumerate(SPENT) if usd],
    "rows": [
        {
            "instance_id": 30000398,
            "usd": 21.87,
            "untrusted_label": "dataset-prep",
            "first_day": "2026-11-24",
            "last_day": "2026-11-26",
        },
        {
            "instance_id": 30000371,
            "usd": 15.36,
            "first_day": "2026-11-24",
            "last_day": "2026-11-26",
        },
        {
            "instance_id": 30000412,
            "usd": 11.81,
            "untrusted_label": "llama-finetune",
            "first_day": "2026-11-29",
            "last_day": "2026-11-30",
        },
        {"volume_id": 771, "usd": 0.82},
    ],
    "payments": [{"kind": "card", "usd": 50.0}],
}
LIMITS = {
    "limits": [
        {"says": "the most one machine may cost, with disk, new volume or bid", "limit": 2.5}
        | {"unit": "$/h", "counts": False},
        {"says": "the most all machines and volumes of the account may cost together"}
        | {"limit": 4.0, "unit": "$/h", "now": 2.708, "counts": True},
        {"says": "how many machines may exist on the account, stopped ones too"}
        | {"limit": 6, "unit": "", "now": 4, "counts": True},
        {"says": "how many hours the credit must last at the new rate, volumes included"}
        | {"limit": 12, "unit": "h", "now": 22.7, "counts": True, "at_least": True},
    ],
    "asks": ["A person is asked above $1/h (VAST_MCP_CONFIRM)."],
}
FIRST = {"machines": LISTED, "money": ACCOUNT}


async def answer(name: str, args: dict[str, Any]) -> dict[str, Any]:
    if name == "show_instance":
        [one] = [row for row in MACHINES if row["instance_id"] == args["instance_id"]]
        return as_result(one)
    answers = {"show_account": ACCOUNT, "show_costs": COSTS}
    return as_result(answers.get(name, LISTED))


async def read(_: str) -> dict[str, Any]:
    return {"contents": [as_result(LIMITS)["content"][0]]}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 760, 1280])
@pytest.mark.parametrize("name", views.NAMES)
async def test_a_picture_of_each(
    stage: Stage, client: Client, name: str, width: int, theme: str
) -> None:
    folder = Path(os.environ["VIEWS_PICTURES"])
    if name == "offers":
        found = await call(client, "search_offers", limit=50)
        await stage.open(views.page(name), as_result(found), theme=theme, width=width)
        await stage.picture(folder / f"{name}-{width}-{theme}.png", 2_000)
        await stage.view.get_by_role("button", name="Choose").first.click()
        await stage.view.locator("#rent").wait_for()
        await stage.picture(folder / f"{name}-{width}-{theme}-chosen.png", 2_400)
        return
    stage.answer, stage.read = answer, read
    await stage.open(views.page(name), as_result(FIRST[name]), theme=theme, width=width)
    await stage.view.locator("#as-of", has_text="As of").wait_for()
    await stage.until("!byId('status').textContent")
    if name == "machines":
        await stage.view.get_by_text("Ways in").first.click()
        await stage.view.get_by_role("button", name="Accept price").click()
        await stage.view.get_by_role("button", name="Accept $").wait_for()
    await stage.picture(folder / f"{name}-{width}-{theme}.png", 2_400)
