"""One scalar, many spellings: what is plain is read, what could be another thing is refused."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from case import (
    ABSENT,
    Case,
    Given,
    Legal,
    answered,
    first_searched,
    refused,
    rented,
    renting,
    searched,
    sent,
)
from house import a_machine, an_offer
from rows_absence import on_a_machine


def an_id(write: Any) -> Given:
    """A machine of ours, its id written in another way."""
    return lambda world: {"instance_id": write(a_machine(world))}


def ids(write: Any) -> Given:
    return lambda world: {"instance_ids": write(a_machine(world))}


def an_ask(write: Any, **more: Any) -> Given:
    return lambda world: {"offer_id": write(an_offer(world)["id"]), **more}


def no_id(name: str, value: Any) -> Case:
    return Legal(name, "destroy_volume", {"volume_id": value}, refused("volume_id"))


GONE = answered(results=lambda rows: rows[0]["outcome"] == "destroyed")
SHOWN = answered(instance_id=lambda shown: isinstance(shown, int))


A_BID = 0.25


def a_bid(write: Any) -> Given:
    """A bid on a machine for which it is neither too low nor dearer than on demand."""
    fits = {"min_bid": lambda least: least < A_BID, "dph_total": lambda price: price > A_BID}
    return renting(fits, price=write(A_BID))


ROWS: list[Case] = [
    # Numbers.
    Case("an offer's id as text", "create_instance", an_ask(str), rented()),
    Case("an offer's id as 5.0", "create_instance", an_ask(float), rented()),
    Case("an offer's id as '5.0'", "create_instance", an_ask("{}.0".format), rented()),
    Legal("an offer's id", "create_instance", an_ask(int), rented()),
    Case(
        "numbers as text",
        "create_instance",
        renting(disk="20.5", lease_hours="2"),
        rented(disk=20.5),
    ),
    Case("a bid as text", "create_instance", a_bid(str), rented(price=A_BID)),
    Case("a cap as text", "create_instance", renting(max_usd_per_hour="127.5"), rented()),
    Case("a machine's id as text", "show_instance", an_id(str), SHOWN),
    Case("a machine to destroy as text", "destroy_instance", ids(lambda it: [str(it)]), GONE),
    Case("a machine to destroy as 5.0", "destroy_instance", ids(lambda it: [float(it)]), GONE),
    Case("one machine for a list of one", "destroy_instance", ids(int), GONE),
    Case("one machine as text for a list of one", "destroy_instance", ids(str), GONE),
    Legal("a list as JSON text", "destroy_instance", ids("[{}]".format), GONE),
    Case("a tail as text", "show_logs", on_a_machine(tail="1"), sent("logs", tail="1")),
    Case(
        "a count of GPUs as text", "search_offers", {"num_gpus": "2"}, searched(num_gpus={"eq": 2})
    ),
    Case("a limit as 5.0", "search_offers", {"limit": 5.0}, searched(limit=6)),
    Legal("a limit", "search_offers", {"limit": 5}, searched(limit=6)),
    Case(
        "a bound as text",
        "search_offers",
        {"min_reliability": "0.98"},
        searched(reliability={"gte": 0.98}),
    ),
    Case(
        "a bid as text, changed",
        "manage_instance",
        lambda world: {
            "instance_id": world.rent(
                an_offer(world)["id"],
                {"image": "a/b", "disk": 20, "price": 1, "label": "vast-mcp#0123456789abcdef"},
            ).id,
            "action": "change-bid",
            "price": "1.5",
        },
        sent("bid", price=1.5),
    ),
    *[no_id(f"no id: {value!r}", value) for value in ("5 ", " 5", "5.5")],
    *[
        Legal(
            f"no number: {value!r}",
            "destroy_volume",
            {"volume_id": value},
            refused("volume_id"),
        )
        for value in (
            "1e3",
            "0x10",
            "1_000",
            "1,000",
            "+5",
            "007",
            "٣",
            "NaN",
            "5 GB",
            "$5",
            True,
            [5],
        )
    ],
    Legal(
        "a float too large to be one id",
        "show_instance",
        {"instance_id": 9.1e15},
        refused("instance_id"),
    ),
    Legal(
        "an id of -1 as text",
        "show_instance",
        {"instance_id": "-1"},
        refused("instance_id"),
    ),
    Legal(
        "an id of 0 as text",
        "show_instance",
        {"instance_id": "0"},
        refused("instance_id"),
    ),
    Legal(
        "ids with a comma",
        "destroy_instance",
        {"instance_ids": "1,234"},
        refused("instance_ids"),
    ),
    Legal(
        "a list of an id for an id",
        "show_instance",
        {"instance_id": ["5"]},
        refused("instance_id"),
    ),
    Case("a bid of 0", "create_instance", renting(price=0), refused("price", "leave it out")),
    Case("a bid of '0'", "create_instance", renting(price="0"), refused("price", "leave it out")),
    Case(
        "a cap of 0",
        "create_instance",
        renting(max_usd_per_hour=0),
        refused("max_usd_per_hour", "leave it out"),
    ),
    Case(
        "a lease of 0",
        "create_instance",
        renting(lease_hours=0),
        refused("lease_hours", "leave it out"),
    ),
    Case(
        "a cap of 0 in a search",
        "search_offers",
        {"max_usd_per_hour": 0},
        refused("max_usd_per_hour", "leave it"),
    ),
    Case(
        "no GPU at least",
        "search_offers",
        {"min_gpu_ram_gb": 0, "min_cuda": 0, "min_hours": 0, "min_disk_gb": 0},
        searched(gpu_ram=ABSENT, cuda_max_good=ABSENT, duration=ABSENT),
    ),
    Case(
        "no GPU at least, as text",
        "search_offers",
        {"min_gpu_ram_gb": "0", "min_direct_ports": "0"},
        searched(gpu_ram=ABSENT, direct_port_count=ABSENT),
    ),
    Legal(
        "a bound that is one",
        "search_offers",
        {"min_cuda": 12.4},
        searched(cuda_max_good={"gte": 12.4}),
    ),
    # Booleans.
    Case("true as text", "create_instance", renting(python_utf8="true"), rented(python_utf8=True)),
    Case(
        "FALSE as text",
        "create_instance",
        renting(cancel_unavail="FALSE"),
        rented(cancel_unavail=False),
    ),
    Legal("true", "create_instance", renting(python_utf8=True), rented(python_utf8=True)),
    Case(
        "a dry run as text",
        "create_instance",
        renting(dry_run="True"),
        answered(dry_run=bool),
    ),
    *[
        Legal(
            f"no boolean: {value!r}",
            "create_instance",
            renting(dry_run=value),
            refused("dry_run"),
        )
        for value in ()
    ],
    *[
        Legal(
            f"no boolean: {value!r}",
            "create_instance",
            renting(dry_run=value),
            refused("dry_run"),
        )
        for value in (1, 0, "yes", "on", "1", "t")
    ],
    # One value for a list of one.
    Case(
        "one variable that the person keeps",
        "create_instance",
        renting(env_from="HF_TOKEN"),
        rented(env={"HF_TOKEN": "kept"}),
        settings={"env_pass": {"HF_TOKEN": SecretStr("kept")}},
    ),
    Case("one word of a command", "create_instance", renting(args="serve"), rented(args=["serve"])),
    Case(
        "several words of a command",
        "create_instance",
        renting(args="bash -c x"),
        refused("args", "args_str"),
    ),
    Legal(
        "a command as one text",
        "create_instance",
        renting(args_str="bash -c x"),
        rented(args_str="bash -c x"),
    ),
    Case(
        "a word that is a number",
        "create_instance",
        renting(args=["--port", 8000]),
        rented(args=["--port", "8000"]),
    ),
    Legal("one place", "search_offers", {"geolocation": "SE"}, searched(geolocation={"eq": "SE"})),
    # Numbers for names.
    Case(
        "a label that is a number",
        "create_instance",
        renting(label=5),
        answered(label=lambda it: it.startswith("5#")),
    ),
    Case(
        "a key that is a number",
        "create_instance",
        renting(request_key=123),
        answered(request_key="123"),
    ),
    Case(
        "a GPU that is a number",
        "search_offers",
        {"gpu_name": 4090},
        answered(offers=lambda it: len(it) > 0),
    ),
    Case(
        "a GPU in a list that is a number",
        "search_offers",
        {"gpu_name": [4090.0]},
        answered(offers=lambda it: len(it) > 0),
    ),
    Case("a line with a number", "show_logs", on_a_machine(filter=404), answered(lines=0)),
    Legal("a label of a fraction", "create_instance", renting(label=1.5), refused("label", "")),
    # Choices.
    *[
        Case(f"type {value!r}", "search_offers", {"type": value}, first_searched(type=meant))
        for value, meant in [
            ("interruptible", "bid"),
            ("spot", "bid"),
            ("Bid", "bid"),
            ("on_demand", "on-demand"),
            ("ondemand", "on-demand"),
            ("ask", "on-demand"),
            ("ON DEMAND", "on-demand"),
        ]
    ],
    Legal(
        "type 'auction'", "search_offers", {"type": "auction"}, refused("type", "must be one of")
    ),
    Legal(
        "an order turned round is no order of ours",
        "search_offers",
        {"order_by": "-dph"},
        refused("order_by", "must be one of"),
    ),
    *[
        Case(f"order_by {value!r}", "search_offers", {"order_by": value}, searched(order=[order]))
        for value, order in [
            ("price", ["dph_total", "asc"]),
            ("dph_total", ["dph_total", "asc"]),
            ("dph", ["dph_total", "asc"]),
            ("usd-per-hour", ["dph_total", "asc"]),
            ("Score", ["score", "desc"]),
        ]
    ],
    *[
        Case(f"runtype {value!r}", "create_instance", renting(runtype=value), rented(runtype=meant))
        for value, meant in [
            ("ssh_direc ssh_proxy", "ssh_direct"),
            ("jupyter_proxy ssh_proxy", "jupyter_proxy"),
            ("jupyter_direc ssh_direc ssh_proxy", "jupyter_direct"),
            ("SSH", "ssh"),
            ("ssh-direct", "ssh_direct"),
        ]
    ],
    Legal(
        "runtype 'docker'",
        "create_instance",
        renting(runtype="docker"),
        refused("runtype", "must be one of"),
    ),
    Case(
        "an action in capitals",
        "manage_instance",
        on_a_machine(action="STOP"),
        sent("stop"),
    ),
    Legal(
        "an action that is none",
        "manage_instance",
        on_a_machine(action="pause"),
        refused("action", "one of"),
    ),
    Legal(
        "a choice that is [one]",
        "create_instance",
        renting(runtype=["ssh"]),
        refused("runtype", "one of"),
    ),
]
