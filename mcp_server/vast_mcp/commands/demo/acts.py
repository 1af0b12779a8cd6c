"""The acts of the demo, in the order in which they are played."""

from __future__ import annotations

from vast_mcp.commands.demo.stage import INDENT, Stage, Surprise, say, show

GONE_OFFER = 19_999_999  # no world has it

OFFER = ("offer_id", "gpu_name", "num_gpus", "usd_per_hour", "location", "reliability")
MACHINE = ("instance_id", "status", "gpu", "usd_per_hour", "ours")


async def meet(stage: Stage) -> None:
    """The server's tools."""
    tools = (await stage.client.list_tools()).tools
    say(f"It offers {len(tools)} tools:")
    say("  " + ", ".join(tool.name for tool in tools))


async def search(stage: Stage) -> None:
    """An offer to rent."""
    found = await stage.call(
        "Find a 4090 under 60 cents",
        "search_offers",
        gpu_name="4090",
        max_usd_per_hour=0.6,
        min_disk_gb=20,
        limit=3,
    )
    show(found["offers"], *OFFER)
    stage.wish = {
        "offer_id": found["offers"][0]["offer_id"],
        "image": "pytorch/pytorch",
        "disk": 20,
        "label": "demo",
        "runtype": "ssh_direct",
    }


async def rent(stage: Stage) -> None:
    """One machine."""
    rented = await stage.rent("Rent the first", stage.wish)
    for warning in rented["warnings"]:
        say(f"{INDENT}warning: {warning}")


async def rent_again(stage: Stage) -> None:
    """The same call makes no second machine."""
    title = "Ask once more, as an agent that lost the answer does"
    again = await stage.call(title, "create_instance", **stage.wish)
    show([again], "instance_id", "replayed")


async def enter(stage: Stage) -> None:
    """A machine that can be entered, with its ssh line."""
    ready = await stage.call(
        "Wait until it can be entered", "wait_for_instance", instance_id=stage.rented[0]
    )
    if ready["state"] != "ready":
        raise Surprise(f"the machine is {ready['state']}")
    say(f"{INDENT}{ready['state']}: {ready['access']['ssh']}")


async def read_log(stage: Stage) -> None:
    """A machine's log."""
    log = await stage.call("Read its log", "show_logs", instance_id=stage.rented[0], tail=3)
    for line in log["untrusted_log"].splitlines():
        say(f"{INDENT}| {line}")


async def search_vm(stage: Stage) -> None:
    """An offer that runs virtual machines."""
    title = "Find one that can run a virtual machine"
    found = await stage.call(title, "search_offers", vm=True, limit=1, min_disk_gb=30)
    stage.vm = {
        "offer_id": found["offers"][0]["offer_id"],
        "vm": True,
        "image": "docker.io/vastai/kvm:ubuntu_terminal",
        "disk": 30,
    }


async def be_refused(stage: Stage) -> None:
    """An error that says what to do."""
    title = "Rent it as a VM, with no SSH key registered"
    refused = await stage.fail(title, "no_ssh_key", "create_instance", **stage.vm)
    stage.key_step = refused["next_steps"][0]
    say(f"{INDENT}next step: {stage.key_step['tool']} {stage.key_step['arguments']}")


async def follow(stage: Stage) -> None:
    """The next step of the error, as it stands there."""
    key = await stage.follow("Do what the error says", stage.key_step)
    stage.key_id = key["key_id"]
    show([key], "key_id", "fingerprint")


async def rent_vm(stage: Stage) -> None:
    """The rental that was refused, now as it was meant."""
    await stage.rent("The same rental again", stage.vm)


async def let_in(stage: Stage) -> None:
    """The new key, for the machine that was made without one."""
    attached = await stage.call(
        "Let the new key into the first machine",
        "attach_ssh_key",
        instance_id=stage.rented[0],
        key_id=stage.key_id,
    )
    show([attached], "instance_id", "key_id")


async def look_at_gpu(stage: Stage) -> None:
    """A command in the machine."""
    looked = await stage.call(
        "Look at its GPU", "run_command", instance_id=stage.rented[0], command="nvidia-smi -L"
    )
    if looked["exit_status"] != 0:
        raise Surprise(f"nvidia-smi ended with {looked['exit_status']}")
    for line in looked["untrusted_stdout"].splitlines():
        say(f"{INDENT}| {line}")


async def stop(stage: Stage) -> None:
    """A machine that costs its disk only."""
    stopped = await stage.call(
        "Stop it for the night", "manage_instance", instance_id=stage.rented[0], action="stop"
    )
    show([stopped], "status", "stopped_usd_per_hour")


async def look(stage: Stage) -> None:
    """What is on the account: the two that were rented and nothing else."""
    listed = await stage.call("What runs?", "show_instances")
    show(listed["instances"], *MACHINE)
    ids = sorted(row["instance_id"] for row in listed["instances"])
    if ids != sorted(stage.rented):
        raise Surprise(f"rented {stage.rented}, listed {ids}")


async def come_late(stage: Stage) -> None:
    """An offer that somebody else has taken."""
    await stage.fail(
        "Rent an offer that is gone",
        "offer_gone",
        "create_instance",
        offer_id=GONE_OFFER,
        disk=20,
    )


async def destroy(stage: Stage) -> None:
    """The end of both."""
    ended = await stage.call("Destroy them all", "destroy_instance", instance_ids=stage.rented)
    show(ended["results"], "instance_id", "outcome")


async def account_for(stage: Stage) -> None:
    """Nothing left that costs."""
    account = await stage.call("What does the account say?", "show_account")
    show([account], "credit_usd", "usd_per_hour", "machines", "open_intents")
    if account.get("machines"):
        raise Surprise(f"{account['machines']} machines are left")
    say(f"{INDENT}nothing runs, nothing is in doubt")


ACTS = (
    meet,
    search,
    rent,
    rent_again,
    enter,
    read_log,
    search_vm,
    be_refused,
    follow,
    rent_vm,
    let_in,
    look_at_gpu,
    stop,
    look,
    come_late,
    destroy,
    account_for,
)
