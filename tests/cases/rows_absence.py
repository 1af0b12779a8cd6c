"""Absence has many spellings: null, "", [] and {} for what is optional are "not given"."""

from __future__ import annotations

from typing import Any

from case import (
    ABSENT,
    Case,
    Given,
    Legal,
    answered,
    refused,
    rented,
    renting,
    searched,
    sent,
)
from house import a_machine, an_offer

EMPTY: list[Any] = [None, "", [], {}]
TEXTS = (
    "image", "template_hash_id", "label", "onstart", "args_str", "jupyter_dir", "user",
    "image_login", "image_login_from", "request_key",
)  # fmt: skip
NUMBERS = ("disk", "price", "max_usd_per_hour", "lease_hours")
FLAGS = (
    "cancel_unavail", "vm", "use_jupyter_lab", "python_utf8", "lang_utf8", "force",
    "allow_unresolved", "dry_run",
)  # fmt: skip
CHOICES = ("runtype", "target_state")
LISTS = ("args", "env_from")
OBJECTS = ("env", "volume_info")
OPTIONAL = (*TEXTS, *NUMBERS, *FLAGS, *CHOICES, *LISTS, *OBJECTS)


def on_a_machine(**arguments: Any) -> Given:
    return lambda world: {"instance_id": a_machine(world), **arguments}


def all_of(*names: str, as_: Any) -> Given:
    """A rental with each of these given as nothing."""
    return lambda world: {"offer_id": an_offer(world)["id"], **dict.fromkeys(names, as_)}


A_VM = {"vm": True, "direct_port_count": lambda ports: ports > 0}
PLAIN = rented(
    runtype=ABSENT, args=ABSENT, args_str=ABSENT, price=ABSENT, vm=ABSENT, volume_info=ABSENT,
    env=ABSENT, onstart=ABSENT, user=ABSENT, image_login=ABSENT, template_hash_id=ABSENT,
    image="vastai/base-image:@vastai-automatic-tag", cancel_unavail=True,
)  # fmt: skip

ROWS: list[Case] = [
    Legal("an option that is there", "create_instance", renting(label="mine"), rented()),
    Legal("every option as null", "create_instance", all_of(*OPTIONAL, as_=None), PLAIN),
    Case('every option as ""', "create_instance", all_of(*OPTIONAL, as_=""), PLAIN),
    Case("every option as []", "create_instance", all_of(*OPTIONAL, as_=[]), PLAIN),
    Case("every option as {}", "create_instance", all_of(*OPTIONAL, as_={}), PLAIN),
    # An image whose own command runs, and that nobody can enter.
    Case("args [] is no launch mode", "create_instance", renting(args=[]), PLAIN),
    Case('args "[]" is no launch mode', "create_instance", renting(args="[]"), PLAIN),
    *(
        Case(
            f"{name} {value!r} is refused",
            "create_instance",
            renting(**{name: value}),
            refused(name, "leave it out"),
        )
        for name, value in (
            ("args_str", " "),
            ("args_str", "\n\t"),
            ("args_str", "''"),
            ("args_str", '"" ""'),
            ("args_str", "N/A"),
            ("args", [" "]),
            ("args", ["", "\n"]),
            ("onstart", " \n"),
            ("user", " "),
            ("image", "n/a"),
        )
    ),
    Legal(
        "args_str with an empty word in it",
        "create_instance",
        renting(args_str="-c ''"),
        rented(args_str="-c ''"),
    ),
    Legal(
        "args_str with an open quote",
        "create_instance",
        renting(args_str="-c 'x"),
        rented(args_str="-c 'x"),
    ),
    Legal(
        "args with a blank word in it",
        "create_instance",
        renting(args=["-d", " "]),
        rented(args=["-d", " "]),
    ),
    Case('args_str "" is no launch mode', "create_instance", renting(args_str=""), PLAIN),
    Case(
        "args [] beside ssh",
        "create_instance",
        renting(args=[], runtype="ssh"),
        rented(runtype="ssh", args=ABSENT),
    ),
    Case(
        "args [] beside a VM",
        "create_instance",
        renting(
            {"vm": True, "direct_port_count": lambda n: n > 0},
            args=[],
            args_str="",
            vm=True,
            image="docker.io/vastai/kvm:ubuntu_terminal",
        ),
        rented(vm=True, args=ABSENT),
    ),
    Legal(
        "args that is there",
        "create_instance",
        renting(args=["", "serve"]),
        rented(args=["", "serve"]),
    ),
    Case(
        "args of one empty text", "create_instance", renting(args=[""]), refused("args", "leave it")
    ),
    Case("env {} as text", "create_instance", renting(env="{}"), PLAIN),
    Case(
        "env [] beside a template's",
        "create_instance",
        lambda world: {
            "offer_id": an_offer(world)["id"],
            "template_hash_id": next(iter(world.templates)),
            "env": [],
            "image": "",
        },
        rented(env=ABSENT, image=ABSENT),
    ),
    Case("volume_info {}", "create_instance", renting(volume_info={}), PLAIN),
    Case(
        "volume_info that only says no",
        "create_instance",
        renting(volume_info={"create_new": False}),
        PLAIN,
    ),
    Case(
        "volume_info of nothing",
        "create_instance",
        renting(
            volume_info={"create_new": None, "volume_id": None, "size": None, "mount_path": ""}
        ),
        PLAIN,
    ),
    Case(
        "volume_info of nothing as text",
        "create_instance",
        renting(volume_info='{"create_new": false, "size": null}'),
        PLAIN,
    ),
    Legal(
        "volume_info with a part",
        "create_instance",
        renting(volume_info={"mount_path": "/data"}),
        refused("volume_info.volume_id", "required"),
    ),
    Case(
        "a volume's absent parts",
        "create_instance",
        renting(volume_info={"volume_id": 7, "size": "", "create_new": "", "mount_path": "/d"}),
        rented(volume_info={"create_new": False, "volume_id": 7, "mount_path": "/d"}),
    ),
    Case(
        "an offer that is null", "create_instance", {"offer_id": None}, refused("offer_id", "requi")
    ),
    Case('an offer that is ""', "create_instance", {"offer_id": ""}, refused("offer_id", "requir")),
    Legal("a machine that is []", "show_instance", {"instance_id": []}, refused("instance_id")),
    Case(
        "no machines to destroy",
        "destroy_instance",
        {"instance_ids": []},
        refused("instance_ids", "required"),
    ),
    Case(
        'machines to destroy as ""',
        "destroy_instance",
        {"instance_ids": ""},
        refused("instance_ids", "required"),
    ),
    Case("no key", "create_ssh_key", {"public_key": ""}, refused("public_key", "required")),
    # The words of other languages for nothing.
    *[
        Case(f"{name} {word!r}", "create_instance", renting(**{name: word}), refused(name, "leave"))
        for name, word in [
            ("image", "None"),
            ("label", "null"),
            ("onstart", "undefined"),
            ("args_str", "NULL"),
            ("user", "nil"),
            ("jupyter_dir", " none "),
            ("request_key", "null"),
            ("image_login", "undefined"),
            ("template_hash_id", "None"),
        ]
    ],
    Case(
        "price 'None'", "create_instance", renting(price="None"), refused("price", "leave it out")
    ),
    Case("vm 'null'", "create_instance", renting(vm="null"), refused("vm", "leave it out")),
    Case("args 'null'", "create_instance", renting(args="null"), refused("args", "leave it out")),
    Case("args of 'None'", "create_instance", renting(args=["None"]), refused("args", "leave it")),
    Case("env 'null'", "create_instance", renting(env="null"), refused("env", "leave it out")),
    Case(
        "volume_info 'undefined'",
        "create_instance",
        renting(volume_info="undefined"),
        refused("volume_info", "leave it out"),
    ),
    Case(
        "mount_path 'null'",
        "create_instance",
        renting(volume_info={"volume_id": 7, "mount_path": "null"}),
        refused("volume_info.mount_path", "leave it out"),
    ),
    Legal("a label with none in it", "create_instance", renting(label="none-of-it"), rented()),
    Legal(
        "an argument of a command that is none",
        "create_instance",
        renting(args=["--dtype", "none"]),
        rented(args=["--dtype", "none"]),
    ),
    Case("a label 'None' to find", "show_instances", {"label": "None"}, refused("label", "leave")),
    Case(
        "a gpu 'None'", "search_offers", {"gpu_name": "None"}, refused("gpu_name", "leave it out")
    ),
    Case("type 'null'", "search_offers", {"type": "null"}, refused("type", "leave it out")),
    Case("words 'nil'", "search_templates", {"words": "nil"}, refused("words", "leave it out")),
    Case(
        "a machine 'null'", "show_instance", {"instance_id": "null"}, refused("instance_id", "req")
    ),
    # Every other tool.
    Case(
        "no option of a search by null",
        "search_offers",
        dict.fromkeys(
            (
                "gpu_name",
                "num_gpus",
                "min_disk_gb",
                "vm",
                "datacenter_only",
                "type",
                "order_by",
                "limit",
                "filters",
            )
        ),
        searched(type="on-demand", limit=11, gpu_name=ABSENT, vms_enabled=ABSENT),
    ),
    Case(
        'no option of a search by ""',
        "search_offers",
        dict.fromkeys(
            (
                "gpu_name",
                "geolocation",
                "num_gpus",
                "max_usd_per_hour",
                "min_disk_gb",
                "vm",
                "type",
                "order_by",
                "limit",
                "filters",
            ),
            "",
        ),
        searched(type="on-demand", limit=11, gpu_name=ABSENT, geolocation=ABSENT),
    ),
    Case("a list of no GPU", "search_offers", {"gpu_name": [""]}, searched(gpu_name=ABSENT)),
    Legal("filters {} as text", "search_offers", {"filters": "{}"}, answered()),
    Case(
        "no option of templates",
        "search_templates",
        {"words": "", "recommended": None, "mine": "", "limit": None},
        answered(templates=lambda found: len(found) > 0),
    ),
    Case("a state of null", "show_instances", {"state": None, "label": ""}, answered()),
    Legal("a filter of null", "show_logs", on_a_machine(filter=None), answered(lines=2)),
    Case('a filter of ""', "show_logs", on_a_machine(filter="", tail="", daemon=""), answered()),
    Legal("lines with None", "show_logs", on_a_machine(filter="None"), answered(lines=1)),
    Case(
        "a token of null",
        "show_instance",
        on_a_machine(show_jupyter_token=None),
        answered(instance_id=lambda it: it > 0),
    ),
    Case(
        "other actions' arguments as nothing",
        "manage_instance",
        on_a_machine(action="stop", price="", lease_hours="", label="", not_ours=None),
        sent("stop"),
    ),
    Case(
        "not_ours of null",
        "destroy_instance",
        lambda world: {"instance_ids": [a_machine(world)], "not_ours": None},
        answered(results=lambda rows: rows[0]["outcome"] == "destroyed"),
    ),
    Case(
        "a machine or an offer",
        "search_volumes",
        lambda world: {
            "offer_id": "",
            "machine_id": an_offer(world)["machine_id"],
            "size_gb": None,
        },
        answered(),
    ),
]
