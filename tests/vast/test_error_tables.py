"""Every refusal that is known of Vast, row by row, as an agent reads it. Letters are the
sections of the API notes.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client
from pydantic import SecretStr

from house import KEY_LINE
from refusals import (
    DOCUMENTED,
    READS,
    REFUSED,
    RIDDLES,
    STILLBORN,
    TOO_MANY,
    Documented,
    Reply,
    Row,
    golden,
    hurried,
    page,
    plain,
    said,
)
from vast_mcp import errors
from vast_mcp.host.server import build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings, Times
from vast_mcp.vast import replies, verdicts
from vast_mcp_tools import CATALOGUE

# ── calls ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, times=hurried(settings.times))


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


@pytest.mark.parametrize("named", [{"id": 7}, [7], 7.5, True, "seven", 10**30], ids=str)
async def test_a_refusal_that_names_an_instance_nobody_can_read_is_no_refusal(
    client: Client, world: World, named: Any
) -> None:
    """Any new_contract is a live resource (docs/vast-api.md A.6): what cannot be read is not
    none.
    """
    body = {"success": False, "error": "no_such_ask", "new_contract": named}
    world.faults.add("create", "status", when="after", status=410, body=body)
    error = await told(client, "create_instance", **wish(world))
    assert (error["code"], error["billing_possible"]) == ("outcome_unknown", True)
    assert (len(world.rentals), len(world.asked("create"))) == (1, 1)


@pytest.mark.parametrize("named", [None, False, 0, ""], ids=str)
async def test_a_refusal_that_names_none_is_one(client: Client, world: World, named: Any) -> None:
    body = {"success": False, "error": "no_such_ask", "new_contract": named}
    world.faults.add("create", "status", status=410, body=body)
    error = await told(client, "create_instance", **wish(world))
    assert (error["code"], error["billing_possible"]) == ("offer_gone", False)


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
    waits = {"H form 4, live": 10, "H form 5, quota": 46400}
    assert error.get("retry_after_s") == waits.get(row.name)
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
        (said(200, new_contract=77.0), 77),
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
    named = verdicts.contract_id(reply)
    verdict: int | errors.VastMcpError
    try:
        verdict = verdicts.rented(reply)
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

# Tools that a failed read stops, with its name in the sandbox and arguments. Ending needs no list
# (tests/tools/test_ends_without_a_list.py).
LOOKS: dict[str, tuple[str, dict[str, Any]]] = {
    "search_offers": ("search", {}),
    "show_instances": ("list", {}),
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


# ── every row of the notes ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("row", DOCUMENTED, ids=str)
def test_every_error_row_that_is_documented_has_one_leaf(row: Documented) -> None:
    """What it means, whether it refuses for certain, and that nothing but a start in a queue may
    bill (docs/vast-api.md A.11, C, D, E, F, G, H, I).
    """
    reply = replies.Reply.of(row.status, row.text, {})
    error = verdicts.refusal(reply, row.method, row.means)
    assert error is not None
    assert (error.code, error.http_status) == (row.code, row.status)
    assert error.billing_possible == (row.code == "start_queued")
    assert error.no_refusal == (not row.certain)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_an_act_is_done_without_a_word(method: str) -> None:
    """204 without a body (docs/vast-api.md C.7); of a read or a search it says nothing."""
    assert verdicts.refusal(replies.Reply.of(204, "", {}), method) is None
    assert verdicts.refusal(replies.Reply.of(204, "", {}), "POST") is not None
    assert verdicts.refusal(replies.Reply.of(200, "", {}), method) is not None


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
