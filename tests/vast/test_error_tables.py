"""Every refusal that is known of Vast, row by row, as an agent reads it. Letters are the
sections of the API notes.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client
from pydantic import SecretStr

from house import GOLDEN, KEY_LINE
from vast_mcp import errors
from vast_mcp.host.server import build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings, Times
from vast_mcp.vast import replies
from vast_mcp_tools import CATALOGUE

SECONDS = (
    3.0  # for one tool call here: a wait of ten, which one recorded reply asks for, must not fit
)

Reply = dict[str, Any]


# ── replies ────────────────────────────────────────────────────────────────────────────────────


def golden(name: str) -> Reply:
    """A recorded reply, in the words of a `status` fault."""
    read = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    headers = {key.lower(): value for key, value in read["headers"].items()}
    content = {"body": read["body"]} if "body" in read else {"text": read["text"]}
    return {
        "status": read["status"],
        "content_type": headers.pop("content-type"),
        "headers": headers,
        **content,
    }


def said(status: int, /, **body: Any) -> Reply:
    return {"status": status, "body": body}


def plain(status: int, text: str) -> Reply:
    return {"status": status, "text": text}


def page(status: int, title: str = "A page") -> Reply:
    html = (
        f"<!DOCTYPE html><html><head><title>{title}</title></head><body>no_such_ask? "
        f"{title}</body></html>"
    )
    return {"status": status, "text": html, "content_type": "text/html; charset=utf-8"}


@dataclass(frozen=True)
class Row:
    """One row of a table: what Vast sends, and the one leaf it means."""

    name: str
    reply: Reply
    code: str

    def __str__(self) -> str:
        return self.name


ARGS = "error 400/3467: Invalid args: 'id' is required and must be a valid offer ID"
GONE = "error 410/3907: no_such_ask Instance type 1234567 is no longer available."

# Vast judged the request to rent and said no.
REFUSED = (
    Row("A.11 400 invalid_args", golden("create_offer_id_needed"), "invalid_request"),
    Row("A.11 400 invalid_price", golden("create_invalid_price"), "invalid_price"),
    Row("A.11 400 no_ssh_key_for_vm", golden("create_no_ssh_key_for_vm"), "no_ssh_key"),
    Row(
        "A.11 400 insufficient_credit", golden("create_insufficient_credit"), "insufficient_credit"
    ),
    Row(
        "A.11 400 insufficient_credit with success",
        said(
            400,
            success=False,
            error="insufficient_credit",
            msg="Your account lacks credit; see the billing page.",
        ),
        "insufficient_credit",
    ),
    Row("A.11 400 env over 32 KB", golden("create_env_too_long"), "invalid_request"),
    Row("A.4 400 env is a string", golden("create_env_is_string"), "invalid_request"),
    Row("A.11 400 no_such_ask", golden("create_no_such_ask_400"), "offer_gone"),
    Row(
        "A.11 401", said(401, success=False, error="unauthenticated", msg="Log in."), "auth_failed"
    ),
    Row("A.11 403 not your own", golden("create_not_your_own"), "offer_private"),
    Row("A.11 404 unknown ask", golden("create_unknown_ask"), "offer_gone"),
    Row("A.11 410 no longer available", golden("create_ask_gone"), "offer_gone"),
    Row(
        "A.11 spend_rate_limit",
        said(400, success=False, error="spend_rate_limit", msg="x"),
        "spend_rate_limited",
    ),
    Row(
        "A.11 server_error for an image tag",
        said(400, success=False, error="server_error"),
        "invalid_request",
    ),
    Row("A.11 gone, in 400 plain text", plain(400, GONE), "offer_gone"),
    Row("A.11 gone, in 404 plain text", plain(404, "This machine is already rented"), "offer_gone"),
    Row(
        "A.11 gone, in a detail",
        said(410, detail="Instance type 1 is no longer available."),
        "offer_gone",
    ),
    Row("A.11 gone, in a message", said(404, message="no_such_ask"), "offer_gone"),
    Row(
        "C.7 400 missing_billing",
        said(400, success=False, error="missing_billing"),
        "billing_not_set_up",
    ),
    Row("D 400 team account", golden("ssh_team"), "team_account"),
    Row("I wrong key, 401", golden("auth_bad_key_401"), "auth_failed"),
    Row("I wrong key, 404", golden("auth_bad_key_404"), "auth_failed"),
    Row("I no header, 403", golden("auth_no_header"), "auth_failed"),
    Row("I session expired", said(404, msg="Session expired. Please log in again."), "auth_failed"),
    Row(
        "I session expired, plain",
        plain(404, "Session expired. Please log in again."),
        "auth_failed",
    ),
    Row(
        "I scoped key, 401", said(401, msg="Key lacks permission group instance_write"), "forbidden"
    ),
    Row("I scoped key, 403", said(403, msg="Not authorized: needs instance_write"), "forbidden"),
    Row(
        "I two factors",
        said(401, msg="Please log in using Two Factor Authentication."),
        "two_factor_required",
    ),
    Row("I 401 that is no JSON", plain(401, "Please log in or sign up"), "auth_failed"),
    Row("I 401 that is HTML", page(401, "Please log in or sign up"), "auth_failed"),
)

# Vast answered, and the answer does not say whether a machine was rented.
RIDDLES = (
    Row("A.11 200 success false", golden("create_success_false"), "outcome_unknown"),
    Row(
        "A.11 200 success false, gone",
        said(200, success=False, error="no_such_ask", msg=GONE),
        "outcome_unknown",
    ),
    Row("A.11 200 without an id", said(200, success=True), "outcome_unknown"),
    Row(
        "A.11 200 with an id that is none",
        said(200, success=True, new_contract=True),
        "outcome_unknown",
    ),
    Row("A.11 200 with an id of zero", said(200, success=True, new_contract=0), "outcome_unknown"),
    Row("A.11 200 with an empty id", said(200, success=True, new_contract=None), "outcome_unknown"),
    Row("A.11 200 empty", plain(200, ""), "outcome_unknown"),
    Row("A.11 200 HTML", page(200, "Welcome"), "outcome_unknown"),
    Row("A.11 200 plain text", plain(200, "OK"), "outcome_unknown"),
    Row("A.11 200 cut short", plain(200, '{"success": true, "new_contr'), "outcome_unknown"),
    Row("A.11 200 a list", {"status": 200, "body": [{"new_contract": 7}]}, "outcome_unknown"),
    Row("A.11 200 deeply nested", plain(200, "[" * 100_000), "outcome_unknown"),
    Row(
        "A.11 302 elsewhere",
        {"status": 302, "text": "", "headers": {"Location": "/login"}},
        "outcome_unknown",
    ),
    Row("A.11 400 HTML", page(400), "outcome_unknown"),
    Row("A.11 403 HTML", page(403), "outcome_unknown"),
    Row("A.11 404 HTML", page(404), "outcome_unknown"),
    Row("A.11 400 plain text of no known meaning", plain(400, "Bad Request"), "outcome_unknown"),
    Row("A.11 408", said(408, error="no_such_ask"), "outcome_unknown"),
    Row("A.11 409", said(409, error="conflict", msg="already in progress"), "outcome_unknown"),
    Row("A.11 425", said(425, error="invalid_args"), "outcome_unknown"),
    Row("A.11 500 JSON", said(500, success=False, error="server_error"), "outcome_unknown"),
    Row(
        "A.11 500 in the words of a refusal",
        said(500, error="no_such_ask", msg=GONE),
        "outcome_unknown",
    ),
    Row("A.11 502 HTML", golden("gateway_502"), "outcome_unknown"),
    Row("A.11 503 HTML", golden("gateway_503"), "outcome_unknown"),
    Row("A.11 504 HTML", golden("gateway_504"), "outcome_unknown"),
    Row("C.5 a queued start", golden("start_resources_unavailable"), "outcome_unknown"),
    Row("H 429 in a sixth form", said(429, status="busy"), "outcome_unknown"),
    Row("H 429 HTML", page(429, "Slow down"), "outcome_unknown"),
    Row("H 429 empty", plain(429, ""), "outcome_unknown"),
)

# Sent back before anything happened (H).
TOO_MANY = (
    Row("H form 1, plain text", golden("too_many_plain"), "rate_limited"),
    Row("H form 2, detail", golden("too_many_detail"), "rate_limited"),
    Row("H form 3, code", golden("too_many_code"), "rate_limited"),
    Row("H form 4, live", golden("too_many_json"), "rate_limited"),
    Row("H form 5, quota", golden("too_many_quota"), "search_quota_exceeded"),
)

# An error that names an instance all the same (A.6).
STILLBORN = (
    Row("A.6 a low bid", golden("create_low_bid"), "created_stopped"),
    Row(
        "A.6 with a numeric string",
        said(400, error="invalid_price", new_contract="1234568"),
        "created_stopped",
    ),
    Row(
        "A.6 at 200",
        said(200, success=False, error="invalid_price", new_contract=1234568),
        "created_stopped",
    ),
    Row(
        "A.6 at 410",
        said(410, error="no_such_ask", msg=GONE, new_contract=1234568),
        "created_stopped",
    ),
    Row(
        "A.6 at 429",
        said(429, detail="API requests too frequent", new_contract=1234568),
        "created_stopped",
    ),
    Row("A.6 at 500", said(500, error="server_error", new_contract=1234568), "created_stopped"),
)

# What any request that changes nothing can meet.
READS = (
    *(row for row in REFUSED if row.name.startswith("I ")),
    Row("I 403 of no known meaning", page(403), "forbidden"),
    Row("I 401 of no known meaning", page(401), "auth_failed"),
    *TOO_MANY,
    Row("H 429 in a sixth form", said(429, status="busy"), "rate_limited"),
    Row("H 429 HTML", page(429), "rate_limited"),
    Row("C.2 retired address", golden("list_v0_deprecated"), "endpoint_gone"),
    Row("C.2 400 invalid_request", golden("list_v1_bad_filter"), "invalid_request"),
    Row("C.2 400 invalid_token", golden("list_v1_bad_token"), "invalid_request"),
    Row("B.3 400 flat query", golden("search_asks_flat"), "invalid_request"),
    Row("B.1 400 limit", golden("search_limit_not_integer"), "invalid_request"),
    Row("B.2 400 unknown op", golden("search_unknown_op"), "invalid_request"),
    Row("A.11 502 HTML", golden("gateway_502"), "vast_unavailable"),
    Row("A.11 503 HTML", golden("gateway_503"), "vast_unavailable"),
    Row("A.11 504 HTML", golden("gateway_504"), "vast_unavailable"),
    Row("A.11 500 JSON", said(500, success=False, error="server_error"), "vast_unavailable"),
    Row("A.11 500 empty", plain(500, ""), "vast_unavailable"),
    Row("A.11 200 success false", golden("create_success_false"), "vast_unavailable"),
    Row("A.11 200 success false, no reason", said(200, success=False), "unexpected_reply"),
    Row("A.11 200 HTML", page(200), "unexpected_reply"),
    Row("A.11 200 empty", plain(200, ""), "unexpected_reply"),
    Row("A.11 200 cut short", plain(200, '{"success": true, "insta'), "unexpected_reply"),
    Row("A.11 400 plain text of no known meaning", plain(400, "Bad Request"), "unexpected_reply"),
    Row(
        "A.11 302 elsewhere",
        {"status": 302, "text": "", "headers": {"Location": "/login"}},
        "unexpected_reply",
    ),
)


# ── calls ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, times=hurried(settings.times))


def hurried(times: Times) -> Times:
    """The same code with hardly a wait, and a doubt that is told instead of pursued: its second
    look is due too late.

    This file asks what an answer means; when it is asked again, and how a doubt ends, have files
    of their own.
    """
    return replace(
        times,
        budget_s=SECONDS,
        retry_s=0.0005,
        rate_limit_s=0.0005,
        verify_s=0.0005,
        look_s=2 * SECONDS,
        seen_apart_s=2 * SECONDS,
        pace=0.0,
    )


async def told(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The error of a call that fails, having looked at what every error must be."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    payload = result.structured_content
    assert payload is not None
    assert set(payload) <= {"error", "sandbox"}
    assert [json.dumps(payload, ensure_ascii=False, separators=(",", ":"))] == [
        one.text for one in result.content
    ]
    error = payload["error"]
    assert {"code", "message", "retryable", "billing_possible", "next_steps"} <= set(error)
    assert error["code"] in errors.leaves()
    schemas = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
    for step in error["next_steps"]:
        assert step["tool"] in schemas
        jsonschema.Draft202012Validator(schemas[step["tool"]]).validate(step["arguments"])
        assert step["why"]
    return error


def wish(world: World, **more: Any) -> dict[str, Any]:
    return {"offer_id": world.offer(duration=lambda left: left > 200_000)["id"], "disk": 16, **more}


def ids(row: Row) -> str:
    return row.name


# ── the request to rent ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("row", REFUSED, ids=ids)
async def test_a_refusal_to_rent_is_one_leaf_and_moved_no_money(
    client: Client, world: World, row: Row
) -> None:
    """Judged by error and text before status; a typed 4xx is a verdict
    (docs/vast-api.md A.11, I).
    """
    world.faults.add("create", "status", **row.reply)
    error = await told(client, "create_instance", **wish(world))
    assert (row.code, False) == (error["code"], error["billing_possible"])
    assert row.reply["status"] == error["http_status"]
    assert "instance_id" not in error
    assert len(world.asked("create")) == 1


@pytest.mark.parametrize("row", RIDDLES, ids=ids)
async def test_a_riddle_after_a_rent_is_unknown_and_never_failure(
    client: Client, world: World, row: Row
) -> None:
    """Any other answer is unknown, is named by its token, and is not sent again
    (docs/protocol.md).
    """
    world.faults.add("create", "status", **row.reply)
    error = await told(client, "create_instance", **wish(world))
    assert (error["code"], error["billing_possible"]) == ("outcome_unknown", True)
    sent = world.asked("create")
    assert len(sent) == 1
    assert sent[0].body["label"].endswith(f"#{error['token']}")


@pytest.mark.parametrize(
    ("kind", "when"), [("drop", "before"), ("drop", "after"), ("hang", "after")]
)
async def test_silence_after_a_rent_is_unknown_and_never_failure(
    client: Client, world: World, kind: str, when: str
) -> None:
    """Silence is unknown; the token in the answer is the one on the machine, if there
    is one (docs/protocol.md).
    """
    detail = {"seconds": 2.0} if kind == "hang" else {}
    world.faults.add("create", kind, when=when, **detail)
    error = await told(client, "create_instance", **wish(world))
    assert (error["code"], error["billing_possible"]) == ("outcome_unknown", True)
    assert len(world.asked("create")) == 1
    assert [error["token"]] * len(world.rentals) == [
        one.label.rpartition("#")[2] for one in world.rentals if one.label
    ]


@pytest.mark.parametrize("kind", ["truncated_json", "html502", "html200", "no_id", "success_false"])
async def test_a_machine_behind_an_unreadable_reply_is_found_by_its_token(
    client: Client, world: World, kind: str
) -> None:
    """ "maybe rented"; the machine that exists carries the token that the answer names
    (docs/vast-api.md A.11).
    """
    world.faults.add("create", kind, when="after")
    error = await told(client, "create_instance", **wish(world))
    assert (error["code"], error["billing_possible"]) == ("outcome_unknown", True)
    [rental] = world.rentals
    assert str(rental.label).endswith(f"#{error['token']}")
    assert len(world.asked("create")) == 1


@pytest.mark.parametrize("row", TOO_MANY, ids=ids)
async def test_too_many_requests_is_a_refusal_that_may_be_repeated(
    client: Client, world: World, row: Row
) -> None:
    """Five recorded forms come back before anything happens; sent at most once more
    (docs/vast-api.md H; docs/protocol.md).
    """
    world.faults.add("create", "status", times=None, **row.reply)
    error = await told(client, "create_instance", **wish(world))
    assert (row.code, False, 429) == (
        error["code"],
        error["billing_possible"],
        error["http_status"],
    )
    assert (row.code == "rate_limited") == error["retryable"]
    assert error.get("retry_after_s") == (10 if row.name.startswith("H form 4") else None)
    assert len(world.asked("create")) in {1, 2}
    assert world.rentals == []


@pytest.mark.parametrize("row", STILLBORN, ids=ids)
async def test_an_error_that_names_an_instance_is_a_machine_to_destroy(
    client: Client, world: World, row: Row
) -> None:
    """Any new_contract is a live resource, whatever the status around it
    (docs/vast-api.md A.6; dstack#4036).
    """
    world.faults.add("create", "status", **row.reply)
    error = await told(client, "create_instance", **wish(world))
    assert (error["code"], error["billing_possible"], error["instance_id"]) == (
        "created_stopped",
        True,
        1234568,
    )
    assert row.reply["status"] == error["http_status"]
    assert ("destroy_instance", {"instance_ids": [1234568]}) in [
        (s["tool"], s["arguments"]) for s in error["next_steps"]
    ]
    assert len(world.asked("create")) == 1


@pytest.mark.parametrize(
    ("reply", "instance_id"),
    [
        (golden("create_ok"), 1234568),
        (golden("create_ok_plain"), 1234568),
        (said(200, new_contract="77"), 77),
    ],
)
async def test_a_success_is_its_id(
    client: Client, world: World, reply: Reply, instance_id: int
) -> None:
    """With the instance's own key or without, and as a number or as digits
    (docs/vast-api.md A.11).
    """
    world.faults.add("create", "status", **reply)
    result = await client.call_tool("create_instance", wish(world))
    assert result.structured_content is not None
    assert instance_id == result.structured_content["instance_id"]


async def test_an_offer_that_is_gone_is_not_asked_about_from_memory_again(
    client: Client, world: World
) -> None:
    """After "gone" the next try looks at the market anew instead of trusting what it remembers."""
    asked = wish(world)
    world.faults.add("create", "status", **golden("create_ask_gone"))
    await told(client, "create_instance", **asked)
    looks = len(world.asked("search"))
    again = await client.call_tool("create_instance", asked)
    assert not again.is_error
    assert len(world.asked("search")) == looks + 1


@given(
    status=st.integers(200, 599),
    body=st.dictionaries(
        st.sampled_from(
            [
                "success",
                "error",
                "msg",
                "detail",
                "message",
                "ask_id",
                "new_contract",
                "retry_after",
            ]
        ),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=12),
            st.sampled_from(
                [
                    "no_such_ask",
                    "invalid_args",
                    "server_error",
                    "auth_error",
                    "API requests too frequent",
                ]
            ),
        ),
    ),
    text=st.one_of(st.none(), st.text(max_size=40)),
)
def test_no_reply_to_a_rent_escapes_the_three_verdicts(
    status: int, body: dict[str, Any], text: str | None
) -> None:
    """An id, a verdict of a 4xx, or unknown; and any id at all is an instance
    (docs/protocol.md).
    """
    reply = replies.Reply.of(status, json.dumps(body) if text is None else text, {})
    named = replies.contract_id(reply)
    verdict: int | errors.VastMcpError
    try:
        verdict = replies.rented(reply)
    except errors.VastMcpError as exc:
        verdict = exc
    match verdict:
        case int():
            assert verdict == named
            assert 200 <= status < 300
        case errors.CreatedStopped():
            assert verdict.instance_id == named
            assert named is not None
        case errors.OutcomeUnknown():
            assert named is None
        case _:
            assert named is None
            assert 400 <= status < 500
            assert status not in {408, 409, 425}
            assert not verdict.billing_possible


# ── reads, keys, destroying ────────────────────────────────────────────────────────────────────

# The tools whose first request is a read, with its name in the sandbox and arguments.
LOOKS: dict[str, tuple[str, dict[str, Any]]] = {
    "search_offers": ("search", {}),
    "show_instances": ("list", {}),
    "destroy_instance": ("list", {"instance_ids": [1]}),
    "create_ssh_key": ("keys", {"public_key": KEY_LINE}),
}


@pytest.mark.parametrize("tool", [spec.name for spec in CATALOGUE if spec.name in LOOKS])
async def test_a_read_that_fails_is_one_leaf_and_no_empty_result(
    client: Client, world: World, tool: str
) -> None:
    """The same leaf from every tool, money untouched, and never an empty list
    (docs/vast-api.md H, I, C.2).
    """
    endpoint, arguments = LOOKS[tool]
    found: dict[str, Any] = {}
    for row in READS:
        world.faults.clear()
        world.faults.add(endpoint, "status", times=None, **row.reply)
        before = len(world.asked(endpoint))
        error = await told(client, tool, **arguments)
        found[row.name] = (error["code"], error.get("http_status"), error["billing_possible"])
        assert 1 <= len(world.asked(endpoint)) - before <= 4
    assert found == {row.name: (row.code, row.reply["status"], False) for row in READS}
    assert {one.endpoint for one in world.requests} <= {endpoint, "gpu_names"}


async def test_a_body_nested_beyond_reading_is_an_unexpected_reply(
    client: Client, world: World
) -> None:
    """What a stranger sends is never a defect of ours (docs/architecture.md)."""
    world.faults.add("list", "status", text="[" * 100_000, status=200)
    error = await told(client, "show_instances")
    assert error["code"] == "unexpected_reply"


async def test_a_scoped_key_is_told_from_a_wrong_one(client: Client, world: World) -> None:
    """A scoped key's refusal names the missing permission group; replacing the key's text would not
    help (docs/vast-api.md I).
    """
    world.missing_permissions = {"instance_read"}
    error = await told(client, "show_instances")
    assert (error["code"], error["http_status"]) == ("forbidden", 403)
    assert "instance_read" in error["untrusted_vast_message"]


async def test_no_keys_is_an_empty_list_and_not_an_error(client: Client, world: World) -> None:
    """An account without SSH keys answers 404 (docs/vast-api.md D)."""
    world.faults.add("keys", "status", method="GET", **golden("ssh_none"))
    result = await client.call_tool("create_ssh_key", {"public_key": KEY_LINE})
    assert not result.is_error


@pytest.mark.parametrize(
    "row",
    [
        Row("D team account", golden("ssh_team"), "team_account"),
        Row(
            "D 400 of the key",
            said(400, success=False, error="no_ssh_key", msg="x"),
            "invalid_request",
        ),
        Row(
            "I two factors",
            said(401, msg="Log in using Two Factor Authentication"),
            "two_factor_required",
        ),
        Row("I scoped key", said(403, msg="needs user_write"), "forbidden"),
        Row("D 200 without the key", said(200, success=True), "unexpected_reply"),
        Row(
            "A.11 200 success false",
            said(200, success=False, error="invalid_args"),
            "invalid_request",
        ),
        Row("A.11 502 HTML", golden("gateway_502"), "vast_unavailable"),
    ],
    ids=ids,
)
async def test_a_key_that_is_not_taken_is_one_leaf(client: Client, world: World, row: Row) -> None:
    """The request that registers a key tells its refusals apart (docs/vast-api.md D, I)."""
    world.faults.add("keys", "status", times=None, method="POST", **row.reply)
    error = await told(client, "create_ssh_key", public_key=KEY_LINE)
    assert (row.code, False) == (error["code"], error["billing_possible"])


@pytest.mark.parametrize(
    "row",
    [
        Row("I wrong key, 404", golden("auth_bad_key_404"), "auth_failed"),
        Row("I no header, 403", golden("auth_no_header"), "auth_failed"),
        Row("I scoped key", said(403, msg="needs instance_write"), "forbidden"),
        Row("H form 1", golden("too_many_plain"), "rate_limited"),
        Row("H form 4", golden("too_many_json"), "rate_limited"),
        Row("A.11 503 HTML", golden("gateway_503"), "vast_unavailable"),
        Row(
            "A.11 200 success false",
            said(200, success=False, error="invalid_args"),
            "invalid_request",
        ),
        Row("A.11 200 HTML", page(200), "unexpected_reply"),
        Row("A.11 400 plain text", plain(400, "Bad Request"), "unexpected_reply"),
    ],
    ids=ids,
)
async def test_a_destroy_that_is_refused_still_bills(
    client: Client, world: World, row: Row
) -> None:
    """A destroy that failed is never a success, and says per machine what was answered
    (docs/vast-api.md C.7; LibreYOLO#505).
    """
    made = await client.call_tool("create_instance", wish(world))
    assert made.structured_content is not None
    instance_id = made.structured_content["instance_id"]
    world.faults.add("destroy", "status", times=None, **row.reply)
    error = await told(client, "destroy_instance", instance_ids=[instance_id])
    assert (error["code"], error["billing_possible"]) == ("destroy_unverified", True)
    assert [{"instance_id": instance_id, "outcome": row.code}] == error["results"]
    assert len(world.living) == 1


# ── the network ────────────────────────────────────────────────────────────────────────────────

# Raised before any byte of the request can have left (httpx's own documentation of each).
NOT_SENT = frozenset(
    {
        "ConnectError",
        "ConnectTimeout",
        "PoolTimeout",
        "ProxyError",
        "UnsupportedProtocol",
        "InvalidURL",
    }
)
# Raised by looking a cookie up by name and by nothing else in httpx: no request of ours can meet
# it.
NOT_OF_REQUESTS = frozenset({"CookieConflict"})


def httpx_exceptions() -> list[type[Exception]]:
    return [
        one for one in vars(httpx).values() if inspect.isclass(one) and issubclass(one, Exception)
    ]


def made(cls: type[Exception], request: httpx.Request) -> Exception:
    if issubclass(cls, httpx.HTTPStatusError):
        return cls("as raised", request=request, response=httpx.Response(500, request=request))
    try:
        return cls("as raised")
    except TypeError:
        return cls()


@pytest.fixture
async def wired(world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client over the real HTTP client, whose network is this function: it ends at the
    sandbox, or in a failure.
    """
    behind = httpx.ASGITransport(create_app(world))
    seen: list[str] = []
    failing: dict[str, Callable[[httpx.Request], Exception]] = {}

    async def network(_: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        seen.append(request.method)
        if request.method in failing:
            raise failing[request.method](request)
        return await behind.handle_async_request(request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", network)
    settings = Settings(
        base_url="http://localhost:9",  # nothing listens there, and nothing is asked to
        api_key=SecretStr("k"),
        times=hurried(Times().scaled(0.01)),
    )
    async with Client(build(settings, CATALOGUE)) as client:
        yield client, failing, seen


def test_the_exceptions_of_httpx_are_the_ones_this_table_was_written_for() -> None:
    """A new httpx with a new class must be looked at before it is trusted."""
    names = {cls.__name__ for cls in httpx_exceptions()}
    assert names >= NOT_SENT | NOT_OF_REQUESTS
    assert len(names) == 28


@pytest.mark.parametrize("cls", httpx_exceptions(), ids=lambda cls: cls.__name__)
async def test_a_failure_of_the_network_is_one_leaf_on_a_rent(
    wired: Any, world: World, cls: type[Exception]
) -> None:
    """Not sent only where no connection was made; everything else is unknown, and sent
    once (docs/protocol.md).
    """
    client, failing, seen = wired
    failing["PUT"] = lambda request: made(cls, request)
    error = await told(client, "create_instance", **wish(world))
    if cls.__name__ in NOT_SENT:
        assert (error["code"], error["billing_possible"]) == ("unreachable", False)
    else:
        assert (error["code"], error["billing_possible"]) == ("outcome_unknown", True)
        assert re.fullmatch(r"[0-9a-f]{16}", error["token"])
        assert seen.count("PUT") == 1


async def test_every_failure_of_the_network_is_one_leaf_on_a_read(wired: Any) -> None:
    """Every httpx exception maps to exactly one leaf; a read is asked again, not without end
    (docs/architecture.md).
    """
    client, failing, seen = wired
    found: dict[str, Any] = {}
    for cls in httpx_exceptions():
        failing["GET"] = lambda request, cls=cls: made(cls, request)
        before = seen.count("GET")
        error = await told(client, "show_instances")
        found[cls.__name__] = (error["code"], error["billing_possible"])
        assert 1 <= seen.count("GET") - before <= 4
    unreachable = dict.fromkeys(
        (cls.__name__ for cls in httpx_exceptions()), ("unreachable", False)
    )
    assert found == unreachable | dict.fromkeys(NOT_OF_REQUESTS, ("internal_error", False))


class Broken(httpx.AsyncByteStream):
    """A body that ends in the middle."""

    async def __aiter__(self) -> Any:
        yield b'{"success": true, '
        raise httpx.ReadError("as raised")


@pytest.mark.parametrize("status", [200, 400, 410])
async def test_an_answer_that_breaks_off_is_unknown_whatever_its_status(
    wired: Any, world: World, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A status alone is no verdict; its body names instances (docs/protocol.md)."""
    client, _, _ = wired
    network = httpx.AsyncHTTPTransport.handle_async_request

    async def breaking(
        transport: httpx.AsyncHTTPTransport, request: httpx.Request
    ) -> httpx.Response:
        if request.method == "PUT":
            return httpx.Response(status, stream=Broken(), request=request)
        return await network(transport, request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", breaking)
    error = await told(client, "create_instance", **wish(world))
    assert (error["code"], error["billing_possible"]) == ("outcome_unknown", True)


# ── the tree ───────────────────────────────────────────────────────────────────────────────────


def every_class(cls: type[errors.VastMcpError]) -> Iterator[type[errors.VastMcpError]]:
    yield cls
    for below in cls.__subclasses__():
        yield from every_class(below)


def test_every_leaf_has_a_code_of_its_own() -> None:
    """The code is what an agent and a script decide by (docs/architecture.md)."""
    coded = [cls.code for cls in every_class(errors.VastMcpError) if cls.code]
    assert sorted(set(coded)) == sorted(coded)
    assert set(coded) == set(errors.leaves())
    assert all(cls.code for cls in every_class(errors.VastMcpError) if not cls.__subclasses__())


def test_exactly_these_leaves_say_that_something_may_bill() -> None:
    """The first question of an error; exit status 3 of the command follows it
    (docs/architecture.md).
    """
    assert {code for code, cls in errors.leaves().items() if cls.billing_possible} == {
        "created_stopped",
        "destroy_unverified",
        "duplicate_rentals",
        "earlier_rental_found",
        "outcome_unknown",
        "rental_missing",
        "start_queued",
        "unresolved_intent",
    }


def test_the_tree_at_the_head_of_the_module_is_the_tree() -> None:
    """Errors open with their tree; a reader must be able to rely on it."""
    drawn: dict[str, str] = {}
    parents: dict[str, str] = {}
    branch = ""
    for indent, name, word in re.findall(
        r"^(│?\s*)[├└]─ (\w+)\s+(\w+)", errors.__doc__ or "", re.MULTILINE
    ):
        parents[name] = branch if indent else "VastMcpError"
        branch = branch if indent else name
        drawn[name] = word
    real = {cls.__name__: cls for cls in every_class(errors.VastMcpError)}
    assert set(real) - {"VastMcpError"} == set(drawn)
    assert {name: real[name].__bases__[0].__name__ for name in drawn} == parents
    assert {name: real[name].code for name in drawn if real[name].code} == {
        name: word for name, word in drawn.items() if real[name].code
    }


@pytest.mark.parametrize("cls", list(errors.leaves().values()), ids=lambda cls: cls.code)
def test_a_leaf_says_when_one_meets_it(cls: type[errors.VastMcpError]) -> None:
    """docs/errors.md is written from these sentences, so each class has one of its own."""
    assert re.fullmatch(r"[A-Z][^|]+\.", " ".join((cls.__dict__["__doc__"] or "").split()))


@pytest.mark.parametrize("cls", list(errors.leaves().values()), ids=lambda cls: cls.code)
def test_a_leaf_says_what_every_error_says(cls: type[errors.VastMcpError]) -> None:
    """The verdicts are always there, absent facts never (docs/architecture.md)."""
    assert cls("what happened").as_json() == {
        "code": cls.code,
        "message": "what happened",
        "retryable": cls.retryable,
        "billing_possible": cls.billing_possible,
        "next_steps": [],
    }
