"""What pages are shown in tests: answers of the server, and made-up ones of the worst kind."""

from __future__ import annotations

from typing import Any

from mcp import Client

from house import an_offer, call, offers
from vast_mcp.sandbox.world import World

SCRIPT = "<img src=x onerror=alert(1)><b>bold</b>"
LONG = "long" * 2_500
TURNED = "abc\u202edcba\u2066x\u2069"
# What each page shows first, and whose answer that is.
FIRST = {"offers": "#rows button", "machines": "article", "money": "#now .num"}
OTHERS = {"offers": "search_offers", "machines": "show_instances", "money": "show_account"}


async def first_answer(name: str, client: Client, world: World) -> dict[str, Any]:
    """The answer that a page shows first, of an account with two machines."""
    if name == "offers":
        return await call(client, "search_offers", limit=10)
    one, other = offers(world, 2)
    await call(client, "create_instance", offer_id=one["id"], disk=20, lease_hours=6, label="train")
    world.rent(other["id"], {"image": "a/b", "disk": 30, "label": "somebody"})
    return await call(client, OTHERS[name])


def many_offers(count: int) -> dict[str, Any]:
    """So many offers, as different as they come."""
    cards = ("RTX 3090", "RTX 4090", "RTX 5090", "A100 SXM4", "H100 SXM", "L40S")
    rows = [
        {
            "offer_id": 20_000_000 + number,
            "gpu_name": cards[number % 6],
            "num_gpus": 1 + number % 8,
            "gpu_ram_gb": (24, 24, 32, 80, 80, 48)[number % 6],
            "usd_per_hour": round(0.12 + (number * 7919 % 4000) / 1000, 3),
            "cpu_cores": 4 + number % 60,
            "cpu_ram_gb": 16 + number % 500,
            "inet_mbps": [100 + number * 31 % 9000, 50 + number],
            "location": ("Sweden, SE", "Texas, US", "Japan, JP")[number % 3],
            "reliability": 0.9 + (number % 100) / 1000,
        }
        for number in range(count)
    ]
    return {"offers": rows, "disk_gb": 10, "next_steps": []}


def hostile(name: str) -> dict[str, Any]:
    """Answers in which everything that a stranger may write is written."""
    if name == "offers":
        rows = [
            {"offer_id": 1, "usd_per_hour": 0.5, "untrusted_gpu_name": SCRIPT},
            {"offer_id": 2, "usd_per_hour": 0.6, "untrusted_gpu_name": LONG},
            {"offer_id": 3, "usd_per_hour": 0.7, "untrusted_location": TURNED + SCRIPT},
        ]
        return {"search_offers": {"offers": rows, "disk_gb": 10, "warnings": [SCRIPT]}}
    machines = [
        {
            "instance_id": number,
            "state": "failed",
            "phase": "image",
            "usd_per_hour": 0.1,
            "untrusted_label": text,
            "untrusted_status": text,
            "untrusted_location": text,
            "access": {"ssh": text},
        }
        for number, text in enumerate((SCRIPT, LONG, TURNED), start=1)
    ]
    listed = {"count": 3, "instances": machines, "of_which": {"volumes": 0.0}}
    spent = [
        {"instance_id": one["instance_id"], "usd": 1.0, "untrusted_label": one["untrusted_label"]}
        for one in machines
    ]
    costs = {"rows": spent, "first_day": "2026-11-01", "last_day": "2026-11-02", "spent_usd": 3.0}
    return {
        "show_instances": listed,
        "show_account": {"credit_usd": 1.0, "warnings": [SCRIPT]},
        "show_costs": costs,
    }


async def a_leased_machine(client: Client, world: World) -> int:
    """A machine of ours that runs and has an end."""
    made = await call(
        client, "create_instance", offer_id=an_offer(world)["id"], disk=20, lease_hours=6
    )
    await call(client, "wait_for_instance", instance_id=made["instance_id"], until="running")
    return made["instance_id"]
