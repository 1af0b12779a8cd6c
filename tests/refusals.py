"""Every refusal that is known of Vast, row by row. Letters are sections of docs/vast-api.md."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from house import GOLDEN
from vast_mcp.settings import Times
from vast_mcp.vast.keys import OF_A_KEY
from vast_mcp.vast.verdicts import OF_A_CONTAINER, OF_AN_INCREASE, OF_ANY, OF_LOGS, Means

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
    Row(
        "A.11 451 of no known form",
        said(451, success=False, error="unavailable_for_legal_reasons", msg="Not here."),
        "outcome_unknown",
    ),
    Row("A.11 451 in the words of a refusal", said(451, error="invalid_args"), "outcome_unknown"),
    Row("A.11 418 HTML", page(418), "outcome_unknown"),
    Row("A.11 422 of a framework", said(422, detail=[{"loc": ["body"]}]), "outcome_unknown"),
    Row("A.11 400 of no known error", said(400, error="try_later", msg="x"), "outcome_unknown"),
    Row("A.11 404 of no known error", said(404, error="not_found", msg="x"), "outcome_unknown"),
    Row("A.11 404 server_error", said(404, error="server_error"), "outcome_unknown"),
    Row("I 401 of no known error", said(401, error="denied", msg="x"), "outcome_unknown"),
    Row("I 401 HTML of no known meaning", page(401, "Proxy"), "outcome_unknown"),
    Row("I 401 empty", plain(401, ""), "outcome_unknown"),
    Row("I 403 that names no permission", said(403, error="forbidden"), "outcome_unknown"),
    Row("I 407 of a proxy", page(407, "Proxy"), "outcome_unknown"),
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
        {"status": 302, "text": "", "headers": {"Location": "https://other.invalid/login"}},
        "redirected",
    ),
    Row(
        "A.11 301 in the words of an absence",
        {"status": 301, "body": {"error": "no_such_instance", "msg": "no_such_ask"}},
        "redirected",
    ),
    Row("A.11 304", {"status": 304, "text": ""}, "redirected"),
)


@dataclass(frozen=True)
class AsJson:
    """A text that is the whole JSON body, where a bare one would be plain text."""

    text: str


@dataclass(frozen=True)
class Documented:
    """One error row of docs/vast-api.md: the request's method, the reply, the leaf, and whether it
    refuses for certain.
    """

    name: str
    method: str
    status: int
    body: Any  # a text is a plain body, anything else is JSON
    code: str
    certain: bool = True
    means: Means = field(default_factory=lambda: OF_ANY)

    def __str__(self) -> str:
        return f"{self.name} {self.status}"

    @property
    def text(self) -> str:
        if isinstance(self.body, str):
            return self.body
        whole: Any = self.body.text if isinstance(self.body, AsJson) else self.body
        return json.dumps(whole)


def _no(error: str, msg: str | None = None, **more: Any) -> dict[str, Any]:
    """A refusal in the shape that most have."""
    said = {} if msg is None else {"msg": msg}
    return {"success": False, "error": error, **said, **more}


def _says(msg: str, **more: Any) -> dict[str, Any]:
    return {"success": False, "msg": msg, **more}


_QUEUED = "Required resources are currently unavailable, state change queued."
_CONTAINER = "Invalid instance id. Is the container started?"
_RENT = "error 404/3603: no_such_ask Instance type by id 7 is not available."
_D = Documented

# The error rows of sections A.11, C, D, E, F, G, H and I, those too of routes that nobody here
# calls: a word means one thing.
DOCUMENTED = (
    _D(
        "A.4 env",
        "PUT",
        400,
        _no("invalid_args", "invalid env type: env must be a dict"),
        "invalid_request",
    ),
    _D(
        "A.3 runtype",
        "PUT",
        400,
        _no("invalid_args", "runtype and use_ssh cannot both be set"),
        "invalid_request",
    ),
    _D("A.11 price", "PUT", 400, _no("invalid_price", "error 400/3467", ask_id=7), "invalid_price"),
    _D("A.11 vm", "PUT", 400, _no("no_ssh_key_for_vm", "x", ask_id=7), "no_ssh_key"),
    _D(
        "A.11 credit",
        "PUT",
        400,
        {"error": "insufficient_credit", "msg": "Your account lacks credit; see the billing page."},
        "insufficient_credit",
    ),
    _D(
        "A.11 gone",
        "PUT",
        400,
        _no("no_such_ask", "Instance type no longer available"),
        "offer_gone",
    ),
    _D(
        "A.11 private",
        "PUT",
        403,
        _no(
            "invalid_args",
            "error 403/3586: Offer 7 is not your own. Hosts can only rent their own machines.",
        ),
        "offer_private",
    ),
    _D("A.11 unknown", "PUT", 404, _no("invalid_args", _RENT, ask_id=7), "offer_gone"),
    _D(
        "A.11 unknown",
        "PUT",
        404,
        {"error": "no_such_ask", "msg": "No ask by id 7 is available."},
        "offer_gone",
    ),
    _D("A.11 gone", "PUT", 410, {"msg": "Instance type 7 is no longer available."}, "offer_gone"),
    _D("A.11 limit", "PUT", 400, _no("spend_rate_limit"), "spend_rate_limited"),
    _D(
        "A.11 launch",
        "PUT",
        200,
        _no("offer_not_found", message="none"),
        "invalid_request",
        certain=False,
    ),
    _D("A.11 bulk", "POST", 400, _no("invalid_args", "no ask ids provided"), "invalid_request"),
    _D(
        "B.2 key",
        "POST",
        400,
        _no("invalid_request", "X is not a valid search key"),
        "invalid_request",
    ),
    _D("B.4 key", "POST", 404, _no("auth_error", "Invalid user key"), "auth_failed"),
    _D(
        "C.2 retired",
        "GET",
        410,
        _no(
            "deprecated_endpoint",
            "/api/v0/instances/ is deprecated. Use /api/v1/instances/ instead.",
        ),
        "endpoint_gone",
    ),
    _D(
        "C.2 column",
        "GET",
        400,
        _no("invalid_request", "dph_total is not a valid search key"),
        "invalid_request",
    ),
    _D("C.2 token", "GET", 400, _no("invalid_token"), "invalid_request"),
    _D("C.5 queued", "PUT", 200, _says(_QUEUED), "start_queued"),
    _D("C.5 queued, named", "PUT", 200, _no("resources_unavailable", _QUEUED), "start_queued"),
    _D("C.5 queued, name alone", "PUT", 200, _no("resources_unavailable"), "start_queued"),
    _D("C.5 queued, accepted", "PUT", 200, {"success": True, "msg": _QUEUED}, "start_queued"),
    _D("C.5 queued, refused", "PUT", 409, _says(_QUEUED), "start_queued"),
    _D(
        "C.5 billing",
        "PUT",
        400,
        _no("missing_billing", "You lack credit, see the billing page."),
        "billing_not_set_up",
    ),
    _D(
        "C.5 billing, unnamed",
        "PUT",
        400,
        _says("You lack credit, see the billing page."),
        "billing_not_set_up",
    ),
    _D(
        "C.5 billing, bulk",
        "PUT",
        400,
        _no("insufficient_credit", "You lack credit."),
        "insufficient_credit",
    ),
    _D("C.5 state", "PUT", 400, _says("Invalid target state"), "invalid_request"),
    _D(
        "C.7 destroy",
        "DELETE",
        404,
        _no("no_such_instance", "Instance 7 not found."),
        "no_such_instance",
    ),
    _D("C.7 destroy, yaml", "DELETE", 404, _no("not_found"), "not_found"),
    _D(
        "C.7 destroy, id",
        "DELETE",
        400,
        _no("invalid_args", "invalid instance_id"),
        "invalid_request",
    ),
    _D(
        "C.7 bulk destroy",
        "DELETE",
        400,
        _says("instance_ids array is required"),
        "invalid_request",
        certain=False,
    ),
    _D("C.7 bulk destroy", "DELETE", 404, _no("instances_not_found"), "no_such_instance"),
    _D("C.7 bulk", "PUT", 400, _says("chunk length of 65 > 64"), "invalid_request", certain=False),
    _D(
        "C.7 bulk",
        "PUT",
        404,
        _no("invalid_args", "Invalid instance ID list ids."),
        "invalid_request",
        certain=False,
    ),
    _D("C.7 label", "PUT", 400, _no("invalid_args", "label_too_long"), "invalid_request"),
    _D(
        "C.7 reboot", "PUT", 200, _no("invalid_id", _CONTAINER), "not_running", means=OF_A_CONTAINER
    ),
    _D(
        "C.7 reboot, yaml",
        "PUT",
        400,
        _no("invalid_id", _CONTAINER),
        "not_running",
        means=OF_A_CONTAINER,
    ),
    _D("C.7 reboot, bare", "PUT", 200, _no("invalid_id"), "not_running", means=OF_A_CONTAINER),
    _D("C.7 reboot, unnamed", "PUT", 200, _says(_CONTAINER), "not_running", means=OF_A_CONTAINER),
    _D(
        "C.7 logs",
        "PUT",
        404,
        _no("invalid_id", "Invalid instance id."),
        "no_such_instance",
        means=OF_LOGS,
    ),
    _D("C.7 logs", "PUT", 404, _no("invalid_id", _CONTAINER), "no_such_instance", means=OF_LOGS),
    _D("C.7 logs", "PUT", 403, _no("not_authorized"), "forbidden", means=OF_LOGS),
    _D(
        "C.7 bid",
        "PUT",
        400,
        _no("invalid_args", "Can't change price of on-demand contract."),
        "invalid_request",
    ),
    _D(
        "C.7 bid",
        "PUT",
        400,
        _no("invalid_args", "Please set a bid price >= 0.001."),
        "invalid_price",
    ),
    _D("C.7 bid", "PUT", 400, _says("Could not find contract."), "no_such_instance"),
    _D("C.7 bid", "PUT", 400, _says("Could not find machine."), "not_found"),
    _D("C.7 template", "PUT", 400, _no("missing_id"), "invalid_request"),
    _D("C.7 prepay", "PUT", 400, _no("rental_too_long"), "invalid_request"),
    _D("C.7 prepay, yaml", "PUT", 411, _no("invalid_args", "x"), "invalid_request", certain=False),
    _D(
        "C.7 increases",
        "PUT",
        404,
        _no("no_pending_price_increase"),
        "invalid_request",
        certain=False,
    ),
    _D(
        "C.7 snapshot",
        "POST",
        400,
        _says("params duplicated in URL and body: ['id']"),
        "invalid_request",
        certain=False,
    ),
    _D("C.7 execute", "PUT", 400, _no("invalid_args", "Container not ready"), "invalid_request"),
    _D(
        "C.10 copy",
        "PUT",
        503,
        _says("Could Not Dispatch Cloud Copy"),
        "vast_unavailable",
        certain=False,
    ),
    _D("C.10 copy", "PUT", 200, _no("unauthorized"), "forbidden"),
    _D("C.10 cloud", "POST", 200, _no("unauthorized"), "forbidden"),
    _D(
        "C.7 increases, ours",
        "PUT",
        400,
        _no("no_pending_price_increase"),
        "not_found",
        means=OF_AN_INCREASE,
    ),
    _D(
        "C.10 job",
        "POST",
        422,
        _no("job_exists", scheduled_job_id=7),
        "invalid_request",
        certain=False,
    ),
    _D("C.11 report", "PUT", 403, _says("No active instance there."), "forbidden", certain=False),
    _D("D none", "GET", 404, _says("No SSH keys found for the user."), "not_found"),
    _D("D key", "POST", 400, {"error": "SSH key could not be retrieved."}, "invalid_request"),
    _D("D key", "POST", 400, _no("no_ssh_key", "No ssh key provided"), "invalid_request"),
    _D("D team", "POST", 400, _no("team_ssh_keys_not_supported"), "team_account"),
    _D("D team, unnamed", "POST", 400, _says("Team SSH keys are not supported."), "team_account"),
    _D(
        "D update",
        "PUT",
        400,
        _says("The SSH key already exists on this account"),
        "invalid_request",
        certain=False,
    ),
    _D(
        "D attached",
        "POST",
        200,
        _says("SSH key already associated with instance."),
        "invalid_request",
        certain=False,
    ),
    _D("D attach", "POST", 200, _no("no_such_instance"), "no_such_instance"),
    _D("D replace", "PUT", 200, _no("add_ssh_to_instance"), "invalid_request", certain=False),
    _D(
        "D delete",
        "DELETE",
        400,
        _no("no_ssh_key", "No ssh key provided"),
        "not_found",
        means=OF_A_KEY,
    ),
    _D("D detach", "DELETE", 200, _no("no_such_ssh_key", "SSH key not found."), "not_found"),
    _D("D detach, yaml", "DELETE", 500, _says("SSH key not found."), "not_found"),
    _D("E none", "GET", 200, _says("No templates found"), "not_found"),
    _D(
        "E edit",
        "PUT",
        400,
        _says("Only the Template Creator may Update Existing Template."),
        "invalid_request",
        certain=False,
    ),
    _D("E edit v1", "PUT", 404, _no("invalid_template"), "invalid_request", certain=False),
    _D(
        "E delete",
        "DELETE",
        401,
        _says("Templates can ONLY be Deleted by their Creator"),
        "invalid_request",
    ),
    _D(
        "E edit, no such",
        "PUT",
        400,
        _says("Unable to Update Template. None found for given Hash ID: x"),
        "invalid_request",
        certain=False,
    ),
    _D(
        "E create, exists",
        "POST",
        200,
        _says("Existing Template Found: 7. User relationship added."),
        "invalid_request",
        certain=False,
    ),
    _D(
        "E delete, used",
        "DELETE",
        400,
        _says("Cannot Delete Template. Other Users are still using it."),
        "invalid_request",
        certain=False,
    ),
    _D(
        "E delete, id",
        "DELETE",
        400,
        _says("Invalid Template ID or User ID"),
        "invalid_request",
        certain=False,
    ),
    _D("E tags", "POST", 200, _says("No tags found"), "invalid_request", certain=False),
    _D("E registry", "POST", 400, _no("registry_error"), "invalid_request"),
    _D(
        "F name",
        "PUT",
        422,
        _no("invalid_args", "invalid volume name: a-b"),
        "invalid_request",
        certain=False,
    ),
    _D(
        "F name, unnamed",
        "PUT",
        422,
        _says("invalid volume name: a-b"),
        "invalid_request",
        certain=False,
    ),
    _D("F delete", "DELETE", 400, _no("invalid id"), "not_found"),
    _D("F delete", "DELETE", 404, {"error": "invalid id"}, "not_found"),
    _D("F delete, plain", "DELETE", 404, "invalid id", "not_found"),
    _D("F delete, a JSON text", "DELETE", 404, AsJson("invalid id"), "not_found"),
    _D("F delete, yaml", "DELETE", 404, _no("no_such_volume"), "not_found"),
    _D("F delete, another's", "DELETE", 401, AsJson("Unauthorized"), "forbidden"),
    _D(
        "F in use",
        "DELETE",
        409,
        _no("volume in use", "existing instances use that volume!"),
        "volume_in_use",
    ),
    _D("F in use, a JSON text", "DELETE", 409, AsJson("volume in use"), "volume_in_use"),
    _D("F create", "PUT", 400, _no("invalid_args", "x"), "invalid_request"),
    _D("F create, another's offer", "PUT", 404, _no("no_such_ask", "x"), "offer_gone"),
    _D("F create, credit", "PUT", 400, _no("insufficient_credit", "x"), "insufficient_credit"),
    _D("F list", "GET", 400, _no("invalid_args", "type"), "invalid_request"),
    _D("F clone, smaller", "POST", 400, _no("invalid_args", "size"), "invalid_request"),
    _D("F clone, error", "POST", 500, _no("server_error"), "vast_unavailable"),
    _D(
        "F clone",
        "POST",
        401,
        _no("unauthorized", "Unauthorized to access volume 7, or it does not exist"),
        "forbidden",
    ),
    _D(
        "G charges",
        "GET",
        400,
        _says("Must provide both 'day' gte and lte filters for instance charges"),
        "invalid_request",
        certain=False,
    ),
    _D(
        "G charges",
        "GET",
        200,
        _says("Host users do not have instance charges"),
        "invalid_request",
        certain=False,
    ),
    _D("G charges, page", "GET", 400, _no("invalid_token"), "invalid_request"),
    _D("G scope", "GET", 403, _says("requires access to billing_read"), "forbidden"),
    _D("G invoices", "GET", 200, _no("Invalid date range"), "invalid_request", certain=False),
    _D(
        "G secrets",
        "POST",
        400,
        _says("User has reached the limit of 16 environment variables."),
        "invalid_request",
        certain=False,
    ),
    _D(
        "G secrets",
        "DELETE",
        400,
        _says("Environment variable not found"),
        "invalid_request",
        certain=False,
    ),
    _D("H 1", "POST", 429, "API requests too frequent: endpoint threshold=4.5", "rate_limited"),
    _D(
        "H 2",
        "POST",
        429,
        {"detail": "API requests too frequent endpoint threshold=4.5"},
        "rate_limited",
    ),
    _D("H 3", "POST", 429, _no("rate_limit_exceeded", "x"), "rate_limited"),
    _D(
        "H 4",
        "POST",
        429,
        {"error": "HTTPTooManyRequests", "msg": "x", "retry_after": 10},
        "rate_limited",
    ),
    _D(
        "H 5",
        "POST",
        429,
        {"error": "search_quota_exceeded", "msg": "x", "remaining": 0},
        "search_quota_exceeded",
    ),
    _D("I wrong key", "GET", 401, _no("auth_error", "Invalid user key"), "auth_failed"),
    _D("I no header", "GET", 403, _no("auth_error", "This action requires login."), "auth_failed"),
    _D("I expired", "GET", 404, _says("Session expired. Please log in again."), "auth_failed"),
    _D(
        "I scope",
        "GET",
        401,
        _no("auth_error", "Key lacks permission group instance_read"),
        "forbidden",
    ),
    _D("I scope", "GET", 403, _says("requires access to user_read"), "forbidden"),
    _D(
        "I two factors",
        "POST",
        401,
        _says("Log in using Two Factor Authentication to do this"),
        "two_factor_required",
    ),
    _D("I two factors", "POST", 401, _says("Two-factor login required"), "two_factor_required"),
    _D("I login page", "GET", 401, "Please log in or sign up", "auth_failed"),
    _D("J a list", "PUT", 400, ["x", {"msg": "y"}], "unexpected_reply", certain=False),
    _D(
        "J a list that names it",
        "PUT",
        400,
        [{"msg": "Could not find contract."}],
        "no_such_instance",
    ),
    _D("J a number", "PUT", 400, 7, "unexpected_reply", certain=False),
    _D("J null", "PUT", 404, None, "unexpected_reply", certain=False),
    _D("J HTML", "PUT", 404, "<html>invalid id</html>", "unexpected_reply", certain=False),
    _D("J no body", "GET", 204, "", "unexpected_reply", certain=False),
    _D("J server error", "PUT", 500, _no("server_error"), "vast_unavailable"),
)


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
