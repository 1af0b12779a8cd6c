"""Thirteen wishes: the world in which each is made, its first call, and the answer that fulfils it.

Their words and the most calls that each may take stand in README.md beside this file.
"""

from __future__ import annotations

from typing import Any

from mcp import Client

from agent import Answer, Arrange, Wish
from house import OTHER_KEY_LINE, an_offer, an_offer_to_bid_on, call
from vast_mcp.sandbox.offers import Offer
from vast_mcp.sandbox.world import World


def roomy(world: World, **traits: Any) -> Offer:
    """An offer with ports to map and room for a disk."""
    return an_offer(world, **{"direct_port_count": lambda n: n > 4, **traits})


async def rented(client: Client, offer: Offer, **wish: Any) -> int:
    """A machine that was rented before, by the tools."""
    asked = {"runtype": "ssh_direct", "disk": 20, "max_usd_per_hour": 50, **wish}
    made = await call(client, "create_instance", offer_id=offer["id"], **asked)
    return made["instance_id"]


def let_run(world: World, *machines: int) -> None:
    for machine in machines:
        for _ in range(4):
            world.show(machine)


def has_way_in(answer: Answer, *ways: str) -> bool:
    return answer.get("state") == "ready" and all(answer["access"].get(way) for way in ways)


async def a_card_below_a_price(world: World, client: Client) -> Wish:
    """Searching, renting and waiting lead to each other."""
    asked = {"gpu_name": "RTX 4090", "max_usd_per_hour": 0.6}
    return Wish("search_offers", asked, lambda answer: has_way_in(answer, "ssh"), rents=1)


async def a_card_that_works(world: World, client: Client) -> Wish:
    """Following a plan ends in a machine that is the caller's, with a way in."""
    asked = {"gpu_name": ["RTX 4090"], "max_usd_per_hour": 0.6, "ready_when": "running"}
    asked["give_up_after_minutes"] = 240.0

    def fulfilled(answer: Answer) -> bool:
        machines = answer.get("machines") or []
        return [one["state"] for one in machines] == ["yours"] and has_way_in(
            {**machines[0], "state": answer["state"]}, "ssh"
        )

    return Wish("provision", asked, fulfilled, rents=1)


async def a_notebook_with_one_more_port(world: World, client: Client) -> Wish:
    """The offer was found before; what is asked for is a way in of another kind."""
    asked = {
        "offer_id": roomy(world)["id"],
        "runtype": "jupyter_direct",
        "env": "-p 6006:6006",
        "disk": 20,
        "max_usd_per_hour": 50,
    }

    def fulfilled(answer: Answer) -> bool:
        return has_way_in(answer, "jupyter_url") and "6006/tcp" in answer["access"]["ports"]

    return Wish("create_instance", asked, fulfilled, rents=1)


async def it_has_been_loading_for_ages(world: World, client: Client) -> Wish:
    """The list leads to whatever starts, and that to a verdict, with the time that it took."""
    offer = roomy(world)
    world.set_fate(offer["id"], "stuck_loading")
    let_run(world, await rented(client, offer))

    def fulfilled(answer: Answer) -> bool:
        return answer.get("reason") == "no_progress" and "search_offers" in [
            step["tool"] for step in answer["next_steps"]
        ]

    return Wish("show_instances", {"state": "starting"}, fulfilled)


async def stop_all_but_one(world: World, client: Client) -> Wish:
    """After a stop the account says what bills on."""
    kept, other = [
        await rented(client, offer) for offer in (roomy(world), roomy(world, gpu_name="RTX 4090"))
    ]
    let_run(world, kept, other)

    def fulfilled(answer: Answer) -> bool:
        return near(answer.get("total_usd_per_hour"), world.metered()) and near(
            answer["of_which"]["running"], world.metered(kept)
        )

    asked = {"instance_id": other, "action": "stop"}
    return Wish("manage_instance", asked, fulfilled, stops=frozenset({other}))


def near(figure: float | None, metered: float) -> bool:
    """Whether an answer has the meter's figure, to a hundredth of a cent."""
    return figure is not None and abs(figure - metered) < 0.0001


async def it_ends_by_itself(world: World, client: Client) -> Wish:
    """A lease is not believed because it was asked for: its watchdog was seen."""
    asked = {
        "offer_id": roomy(world)["id"],
        "runtype": "ssh_direct",
        "disk": 20,
        "lease_hours": 3,
        "max_usd_per_hour": 50,
    }

    def fulfilled(answer: Answer) -> bool:
        left = answer.get("lease_left_hours") or 0
        return answer.get("watchdog") == "seen" and 2.9 < left <= 3

    return Wish("create_instance", asked, fulfilled, rents=1)


async def what_it_costs(world: World, client: Client) -> Wish:
    """One that runs, one that loads, one that is stopped: the total is the meters'."""
    runs, stopped = [
        await rented(client, offer) for offer in (roomy(world), roomy(world, gpu_name="RTX 4090"))
    ]
    let_run(world, runs, stopped)
    world.set_state(stopped, "stopped")
    loads = roomy(world, gpu_name="RTX 3090")
    world.set_fate(loads["id"], "stuck_loading")
    let_run(world, await rented(client, loads))

    def fulfilled(answer: Answer) -> bool:
        return near(answer.get("total_usd_per_hour"), world.metered())

    return Wish("show_account", {}, fulfilled)


async def is_it_still_training(world: World, client: Client) -> Wish:
    """A machine that runs and answers has a log."""
    machine = await rented(client, roomy(world))
    let_run(world, machine)
    world.set_logs(machine, "epoch 7 of 10\n")

    def fulfilled(answer: Answer) -> bool:
        return "epoch 7" in str(answer.get("untrusted_log", ""))

    return Wish("show_instance", {"instance_id": machine}, fulfilled)


async def the_image_cannot_be_pulled(world: World, client: Client) -> Wish:
    """A machine that never ran holds nothing of anybody's: who follows blindly pays for none."""
    offer = roomy(world)
    world.set_fate(offer["id"], "bad_image")
    machine = await rented(client, offer, image="example/image:latest")
    let_run(world, machine)

    def fulfilled(answer: Answer) -> bool:
        return answer.get("total_usd_per_hour") == 0

    asked = {"instance_id": machine}
    return Wish("wait_for_instance", asked, fulfilled, destroys=frozenset({machine}))


async def the_bid_was_lost(world: World, client: Client) -> Wish:
    """The better bid is named, and brings the machine back."""
    offer = an_offer_to_bid_on(world, direct_port_count=lambda n: n > 4)
    machine = await rented(client, offer, price=round(offer["min_bid"] * 1.2, 4))
    let_run(world, machine)
    world.outbid(machine)

    def fulfilled(answer: Answer) -> bool:
        return has_way_in(answer, "ssh") and near(answer["usd_per_hour"], world.metered(machine))

    return Wish("show_instance", {"instance_id": machine}, fulfilled)


async def the_same_again(world: World, client: Client) -> Wish:
    """What a machine was asked to be is shown, and is enough to ask for it once more."""
    first = await rented(
        client,
        roomy(world),
        image="vllm/vllm-openai:v0.9",
        runtype="args",
        args_str="serve",
        env="-p 8000:8000",
    )
    let_run(world, first)
    asked = (await call(client, "show_instance", instance_id=first))["asked"]
    other = roomy(world, machine_id=lambda n: n != world.instances[first].offer["machine_id"])
    again = {
        "offer_id": other["id"],
        "image": asked.get("image") or asked["untrusted_image"],
        "runtype": asked["launch"],
        "args_str": "serve",
        "env": " ".join(f"-p {port.partition('/')[0]}:{port}" for port in asked["ports"]),
        "disk": 20,
        "max_usd_per_hour": 50,
    }

    def fulfilled(answer: Answer) -> bool:
        if answer.get("state") != "ready" or "8000/tcp" not in answer["access"]["ports"]:
            return False
        one, two = (world.instances[number].launch for number in (first, answer["instance_id"]))
        return (one.image, one.runtype, one.ports) == (two.image, two.runtype, two.ports)

    return Wish("create_instance", again, fulfilled, rents=1)


async def let_a_colleague_in(world: World, client: Client) -> Wish:
    """A key that is registered is not in older machines; the way there is named."""
    machine = await rented(client, roomy(world))
    let_run(world, machine)

    def fulfilled(answer: Answer) -> bool:
        keys = [key.public_key for key in world.instances[machine].keys.values()]
        return answer.get("state") == "ready" and OTHER_KEY_LINE in [key.strip() for key in keys]

    number = (await call(client, "create_ssh_key", public_key=OTHER_KEY_LINE))["key_id"]
    asked = {"instance_id": machine, "key_id": number}
    return Wish("attach_ssh_key", asked, fulfilled)


async def the_reply_was_lost(world: World, client: Client) -> Wish:
    """Sent and not answered is in doubt, and the doubt is settled without a second machine."""
    asked = {
        "offer_id": roomy(world)["id"],
        "runtype": "ssh_direct",
        "disk": 20,
        "max_usd_per_hour": 50,
    }
    world.faults.add("create", "drop", when="after")
    return Wish("create_instance", asked, lambda answer: has_way_in(answer, "ssh"), rents=1)


WISHES: dict[str, Arrange] = {
    "a 4090 under 60 cents, and how to get in": a_card_below_a_price,
    "a 4090 under 60 cents that works": a_card_that_works,
    "a notebook with one more port": a_notebook_with_one_more_port,
    "my box has been loading for ages": it_has_been_loading_for_ages,
    "stop all but one": stop_all_but_one,
    "make sure that it ends by itself": it_ends_by_itself,
    "what does all this cost me": what_it_costs,
    "is my training still running": is_it_still_training,
    "the image cannot be pulled": the_image_cannot_be_pulled,
    "my bid was lost": the_bid_was_lost,
    "the same again on another machine": the_same_again,
    "let my colleague in": let_a_colleague_in,
    "the reply was lost": the_reply_was_lost,
}
