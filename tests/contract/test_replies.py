"""Replies that others published, through the tools and `doctor --contract`: none is misread.

They lie beside the checkout (`../shared/replies`, or RECORDED_REPLIES) and are data: nothing of
theirs stands here but the names of their files, and how each has to be read.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from mcp import Client
from replying import Json, Replying, all_recorded

from house import KEY_LINE, call
from vast_mcp.commands.doctor.contract import run_contract
from vast_mcp.host.server import build
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

REPLIES = {one.name: one for one in all_recorded()}
LIVE_ROWS = {
    "live_2026-09-05_instance_stopped.json",
    "live_2026-09-05_lookup_offer.json",
    "live_2026-09-05_ssh_keys.json",
    "live_2026-09-05_templates_recommended.json",
    "live_2026-09-05_user.json",
}

Reading = Callable[["Trial"], Awaitable[None]]


class Trial:
    """A client on a server over the sandbox with one recorded reply."""

    def __init__(self, client: Client, vast: Replying) -> None:
        self.client, self.vast, self.reply = client, vast, vast.reply

    async def call(self, tool: str, **arguments: Any) -> Json:
        """A tool's answer, which is never a defect of ours."""
        said = await call(self.client, tool, **arguments)
        assert said.get("error", {}).get("code") != "internal_error", said
        return said

    async def error(self, tool: str, **arguments: Any) -> Json:
        return (await self.call(tool, **arguments))["error"]

    async def row(self) -> Json:
        """What show_instance says of the recorded machine."""
        return await self.call("show_instance", instance_id=self.reply.number)

    async def wait(self) -> Json:
        return await self.call("wait_for_instance", instance_id=self.reply.number, timeout_s=3)

    async def rent(self, **more: Any) -> Json:
        wish = {"offer_id": self.reply.number, "image": "ubuntu:22.04", "disk": 16, **more}
        return await self.call("create_instance", **wish)

    async def start(self) -> Json:
        return await self.call(
            "manage_instance", instance_id=self.reply.number, action="start", not_ours=True
        )

    def steps(self, said: Json) -> list[str]:
        """What leads on, by name, with the action where there is one."""
        given = said.get("error", said)["next_steps"]
        return [step["arguments"].get("action", step["tool"]) for step in given]


# ── how each has to be read ────────────────────────────────────────────────────────────────────


async def _is_destroyed(trial: Trial) -> None:
    number = trial.reply.number
    said = await trial.call("destroy_instance", instance_ids=[number], not_ours=True)
    assert [one["outcome"] for one in said["results"]] == ["destroyed"]
    assert trial.vast.world.living == []


async def _is_not_read(trial: Trial) -> None:
    """No tool asks that route; the contract of the others is as it was."""
    for name in ("show_instances", "show_account", "show_ssh_keys", "show_volumes"):
        assert "error" not in await trial.call(name)
    assert trial.vast.answered == 0


async def _says_what_opens(trial: Trial) -> None:
    """JSON inside a text is read; its key is none of the account's."""
    for name in ("show_instances", "show_account", "show_volumes"):
        assert "error" not in await trial.call(name)
    assert trial.vast.answered == 0
    opens = (await trial.call("show_ssh_keys"))["opens"]
    assert opens.startswith(f"machine {trial.reply.number}: SHA256:")
    assert opens.endswith("(not registered)")
    assert trial.vast.answered == 1


async def _leaves_the_deleted_key_out(trial: Trial) -> None:
    keys = (await trial.call("show_ssh_keys"))["keys"]
    kept = [row["id"] for row in trial.reply.body if row["deleted_at"] is None]
    assert [key["key_id"] for key in keys] == kept


async def _is_a_start_that_may_come(trial: Trial) -> None:
    """Never a start, never a denial; a machine that we did not make is stopped, not ended."""
    said = await trial.start()
    assert trial.vast.answered == 1
    assert not said.get("seen")
    steps = trial.steps(said)
    assert "stop" in steps
    assert "destroy_instance" not in steps
    assert said.get("error", {}).get("billing_possible", True)


async def _is_too_many(trial: Trial) -> None:
    assert (await trial.error("search_offers", gpu_name="4090"))["code"] == "rate_limited"


async def _is_a_used_up_quota(trial: Trial) -> None:
    error = await trial.error("search_offers", gpu_name="4090")
    assert error["code"] == "search_quota_exceeded"


async def _is_no_machine(trial: Trial) -> None:
    error = await trial.error("show_instance", instance_id=trial.reply.number)
    assert error["code"] == "no_such_instance"


async def _stands_still(trial: Trial) -> None:
    said, row = await trial.row(), trial.reply.row or {}
    assert (said["state"], said["status"]) == ("stopped", "exited")
    assert said["running_usd_per_hour"] == round(row["dph_total"], 5)
    assert said["usd_per_hour"] == round(row["storage_total_cost"], 5)
    assert "gpu_util_percent" not in said
    listed = await trial.call("show_instances")
    assert listed["total_usd_per_hour"] == round(row["storage_total_cost"], 5)
    assert listed["of_which"]["running"] == 0


async def _is_listed_with_its_price(trial: Trial) -> None:
    [row] = trial.reply.body["offers"]
    said = await trial.call("search_offers", min_disk_gb=8)
    [offer] = said["offers"]
    assert (offer["offer_id"], offer["gpu_name"]) == (row["ask_contract_id"], row["gpu_name"])
    assert offer["usd_per_hour"] == pytest.approx(row["dph_total"], abs=1e-3)


async def _has_no_price(trial: Trial) -> None:
    """An offer without a price is none, and no price is made up."""
    said = await trial.call("search_offers", min_disk_gb=8)
    assert [one for one in said["offers"] if one.get("usd_per_hour") is not None] == []


async def _are_keys(trial: Trial) -> None:
    keys = (await trial.call("show_ssh_keys"))["keys"]
    assert {key["key_id"] for key in keys} == {row["id"] for row in trial.reply.body}


async def _are_templates(trial: Trial) -> None:
    said = await trial.call("search_templates")
    rows = trial.reply.body["templates"]
    assert {one["template_hash_id"] for one in said["templates"]} == {
        row["hash_id"] for row in rows
    }


async def _is_the_account(trial: Trial) -> None:
    said = await trial.call("show_account")
    assert said["credit_usd"] == round(trial.reply.body["credit"], 2)
    assert trial.reply.body["api_key"] not in json.dumps(said)


async def _is_no_empty_list(trial: Trial) -> None:
    assert "error" in await trial.call("show_instances")


def _is_refused_as(code: str) -> Reading:
    async def reading(trial: Trial) -> None:
        error = (await trial.rent())["error"]
        assert (error["code"], error["billing_possible"]) == (code, False)
        assert trial.vast.world.living == []

    return reading


async def _exists_and_stands_still(trial: Trial) -> None:
    said = await trial.rent()
    error = said["error"]
    assert (error["code"], error["billing_possible"]) == ("created_stopped", True)
    assert error["instance_id"] == trial.reply.body["new_contract"]
    assert {"start", "destroy_instance"} <= set(trial.steps(said))


def _fails(*reasons: str) -> Reading:
    """It is told as failed; as we did not make it, no step ends what somebody may need."""

    async def reading(trial: Trial) -> None:
        said = await trial.wait()
        assert said["state"] == "failed", said
        assert said["reason"] in reasons
        assert trial.steps(said) == ["stop"]

    return reading


async def _burns_in_full(trial: Trial) -> None:
    listed = await trial.call("show_instances")
    assert listed["of_which"]["running"] == round((trial.reply.row or {})["dph_total"], 5)


async def _has_no_reading(trial: Trial) -> None:
    assert "gpu_util_percent" not in await trial.row()


async def _is_outbid(trial: Trial) -> None:
    said = await trial.wait()
    assert (said["state"], said["reason"]) == ("failed", "outbid")
    assert trial.steps(said)[0] == "change_bid"


async def _is_reached_at_its_address(trial: Trial) -> None:
    said = await trial.row()
    assert said["state"] == "running"
    row = trial.reply.row or {}
    port = row["ports"]["22/tcp"][0]["HostPort"]
    assert f"-p {port} " in said["access"]["ssh"]
    assert said["access"]["ssh"].endswith(f"root@{row['public_ipaddr'].strip()}")


async def _waits_for_its_gpu(trial: Trial) -> None:
    assert (await trial.row())["state"] == "starting"
    listed = await trial.call("show_instances")
    assert [row["instance_id"] for row in listed["instances"]] == [trial.reply.number]


async def _moves_on(trial: Trial) -> None:
    said = await trial.row()
    assert (said["state"], said["status"]) == ("starting", "loading")


async def _is_attached(trial: Trial) -> None:
    [key] = (await trial.call("show_ssh_keys"))["keys"]
    said = await trial.call("attach_ssh_key", instance_id=trial.reply.number, key_id=key["key_id"])
    assert "error" not in said
    assert trial.vast.answered == 1


READINGS: dict[str, Reading] = {
    "client_destroy_204.json": _is_destroyed,
    "client_instance_ssh_keys_string.json": _says_what_opens,
    "client_ssh_keys_deleted.json": _leaves_the_deleted_key_out,
    "live_2026-06-25_start_queued.json": _is_a_start_that_may_come,
    "live_2026-07-25_bundles_429.json": _is_too_many,
    "live_2026-09-05_instance_missing.json": _is_no_machine,
    "live_2026-09-05_instance_stopped.json": _stands_still,
    "live_2026-09-05_instances_v0_empty.json": _is_not_read,
    "live_2026-09-05_lookup_offer.json": _is_listed_with_its_price,
    "live_2026-09-05_ssh_keys.json": _are_keys,
    "live_2026-09-05_templates_recommended.json": _are_templates,
    "live_2026-09-05_user.json": _is_the_account,
    "live_2026_instances_slashless_301.json": _is_no_empty_list,
    "live_2026_search_quota_429.json": _is_a_used_up_quota,
    "live_ask_gone_400.json": _is_refused_as("offer_gone"),
    "live_attach_duplicate.json": _is_attached,
    "live_b300_offer.json": _has_no_price,
    "live_cdi_daemon_line.json": _fails("host_gpu"),
    "live_cdi_failure_row.json": _fails("host_docker"),
    "live_create_success_false_contract.json": _exists_and_stands_still,
    "live_create_success_false_on_demand.json": _exists_and_stands_still,
    "live_frozen_row.json": _burns_in_full,
    "live_gpu_zeros_row.json": _has_no_reading,
    "live_instance_outbid_row.json": _is_outbid,
    "live_insufficient_credit.json": _is_refused_as("insufficient_credit"),
    "live_list_v0_410.json": _is_no_empty_list,
    "live_onstart_dropped_row.json": _is_reached_at_its_address,
    "live_scheduling_row.json": _waits_for_its_gpu,
    "live_start_queued_typed.json": _is_a_start_that_may_come,
    "live_status_msg_layers.json": _moves_on,
}

# Recorded on a route that no code of ours asks, and what it answers where ours asks for the same.
ASKED_AT = {
    "live_2026-09-05_lookup_offer.json": ("POST", "/api/v0/bundles/"),
    "live_2026_instances_slashless_301.json": ("GET", "/api/v1/instances/"),
    "live_list_v0_410.json": ("GET", "/api/v1/instances/"),
}


# ── the trials ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A start that does not move on is given up in a moment."""
    times = replace(settings.times, young_s=0.2, look_s=0.01, pace=0.0, budget_s=4.0)
    return replace(settings, times=times)


def replying(name: str) -> Replying:
    reply = REPLIES[name]
    method, path = ASKED_AT.get(name, (reply.method, reply.path))
    if name == "live_2026-09-05_user.json":
        reply = replace(reply, body={**reply.body, "id": 1})  # its author wrote 0 over it
    return Replying(World(), replace(reply, method=method, path=path))


@pytest.fixture
async def trial(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Trial]:
    vast = replying(request.param)
    async with Client(build(settings, CATALOGUE, vast)) as client:
        yield Trial(client, vast)


def test_every_file_has_a_reading() -> None:
    """One that the table does not know is new; one that is gone was renamed."""
    assert set(REPLIES) == set(READINGS)


@pytest.mark.parametrize("trial", REPLIES, indirect=True)
async def test_a_recorded_reply_is_not_misread(trial: Trial) -> None:
    """By the tool whose request it answers."""
    await READINGS[trial.reply.name](trial)


@pytest.mark.parametrize("trial", REPLIES, indirect=True)
async def test_no_look_at_it_is_a_defect(trial: Trial) -> None:
    """Whatever the tool asks, and a machine that it shows can be ended."""
    number = trial.reply.number
    for name in ("show_instances", "show_account", "show_ssh_keys", "show_volumes"):
        await trial.call(name)
    await trial.call("search_offers")
    await trial.call("search_templates")
    if trial.reply.row is not None:
        await trial.call("show_instance", instance_id=number)
        said = await trial.call("destroy_instance", instance_ids=[number], not_ours=True)
        assert [one["outcome"] for one in said["results"]] == ["destroyed"]


@pytest.mark.parametrize("name", REPLIES)
def test_the_contract_bears_what_was_recorded(
    name: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """A whole row of the real service is as relied on; every reply is compared to the end."""
    vast = replying(name)
    if vast.reply.status == 429:  # its seconds are over
        body = {**vast.reply.body, "retry_after": 0.01}
        vast.reply = replace(vast.reply, headers={}, body=body)
    status = run_contract(settings, vast, "vast-mcp", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] == (status == 0)
    assert "a defect" not in json.dumps(told)
    if name in LIVE_ROWS:
        differing = [one for one in told["checks"] if one["status"] == "differs"]
        assert [one for one in differing if not _is_for_its_one_row(name, one)] == []


def _is_for_its_one_row(name: str, check: Json) -> bool:
    """A search recorded for one offer answers every search here with it."""
    fields = {one["field"] for one in check["differences"]}
    alone = {"limit", "ask_contract_id", "hash_id", "offers[].dph_base"}
    return ("lookup_offer" in name and fields <= alone) or ("templates" in name and fields <= alone)


# ── the sandbox beside them ────────────────────────────────────────────────────────────────────


def recorded_row(name: str) -> Json:
    body = REPLIES[name].body
    if isinstance(body, list):
        return body[0]
    for key in ("instances", "offers", "templates"):
        if key in body:
            return body[key] if isinstance(body[key], dict) else body[key][0]
    return body


def own_row(name: str) -> Json:
    """The sandbox's answer to the same request."""
    world = World()
    world.set_keys([KEY_LINE])
    if "instance" in name:
        made = world.rent(world.offer()["id"], {"image": "ubuntu:22.04", "disk": 10.0})
        for _ in range(8):
            world.show(made.id)
        world.set_state(made.id, "stopped")
        return world.show(made.id) or {}
    if "offer" in name:
        return world.priced_offers(8.0, bid=False)[0]
    if "templates" in name:
        return next(iter(world.templates.values()))
    return next(iter(world.keys.values())).as_json() if "keys" in name else world.user()


@pytest.mark.parametrize("name", sorted(LIVE_ROWS & set(REPLIES)))
def test_the_sandbox_has_every_field_of_a_recorded_row(name: str) -> None:
    """And of the same type: what its author wrote 0 or text in brackets over is left out."""
    theirs, ours = recorded_row(name), own_row(name)
    assert set(theirs) - set(ours) == set()
    others = {
        field: (type(ours[field]), type(value))
        for field, value in theirs.items()
        if not _is_written_over(value) and ours[field] is not None
        if _sort(ours[field]) != _sort(value)
    }
    assert others == {}


def _is_written_over(value: Any) -> bool:
    return value is None or value == 0 or (isinstance(value, str) and "scrubbed" in value)


def _sort(value: Any) -> type:
    """Whole numbers and others are one sort."""
    return float if type(value) is int else type(value)
