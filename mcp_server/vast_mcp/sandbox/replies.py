"""The refusals that areas of the pretend service share, worded as docs/vast-api.md records them."""

from dataclasses import dataclass, field
from typing import Any

from .shapes import Json, known


@dataclass(eq=False)
class Refusal(Exception):
    """The service says no: a status, a body (an object is sent as JSON, a string as plain text) and
    headers.
    """

    status: int
    body: Json | str
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return f"{self.status}: {self.body}"


def refusal(status: int, error: str, msg: str, **more: Any) -> Refusal:
    """Make a refusal in the shape that most have; what is None stays out of it."""
    return Refusal(status, {"success": False, "error": error, "msg": msg, **known(more)})


# Who asks is refused as recorded (docs/vast-api.md I).


def invalid_key(status: int) -> Refusal:
    """A key that nobody has is a 404 live and a 401 by the specification (I)."""
    return refusal(status, "auth_error", "Invalid user key")


def login_required() -> Refusal:
    """A request without an Authorization header is refused (I)."""
    return refusal(403, "auth_error", "This action requires login.")


def permission_missing(group: str, status: int = 403) -> Refusal:
    """A scoped key is refused with 401 or 403 (I); the wording is ours, only the naming of the
    group is known.
    """
    return refusal(status, "auth_error", f"This API key lacks the permission group {group}.")


# A create request is refused as recorded (A.11).


def invalid_args(msg: str, ask_id: int | None = None) -> Refusal:
    """Refuse a body with a 400, which names the ask id when there is one."""
    return refusal(400, "invalid_args", msg, ask_id=ask_id)


def invalid_price(msg: str, ask_id: int, new_contract: int | None = None) -> Refusal:
    """A bid below the floor names the stopped instance that it left behind (A.6)."""
    return refusal(400, "invalid_price", msg, ask_id=ask_id, new_contract=new_contract)


def offer_id_needed() -> Refusal:
    """An address without an offer is refused as in the specification's example (A.11)."""
    return invalid_args(
        "error 400/3467: Invalid args: 'id' is required and must be a valid offer ID"
    )


def unknown_ask(ask_id: int) -> Refusal:
    """No offer ever had this id."""
    msg = f"error 404/3603: no_such_ask Instance type by id {ask_id} is not available."
    return refusal(404, "invalid_args", msg, ask_id=ask_id)


def ask_gone(ask_id: int) -> Refusal:
    """Somebody has it, or it cannot start and cancel_unavail is true."""
    msg = f"error 410/3907: no_such_ask Instance type {ask_id} is no longer available."
    return refusal(410, "no_such_ask", msg, ask_id=ask_id)


def not_your_own(ask_id: int) -> Refusal:
    """A host's private offer is for that host alone."""
    msg = f"error 403/3586: Offer {ask_id} is not your own. Hosts can only rent their own machines."
    return refusal(403, "invalid_args", msg, ask_id=ask_id)


def insufficient_credit() -> Refusal:
    """An account without credit cannot rent; most captures have no success field (A.11)."""
    return Refusal(
        400,
        {"error": "insufficient_credit", "msg": "Your account lacks credit; see the billing page."},
    )


def no_ssh_key_for_vm(ask_id: int) -> Refusal:
    """A VM needs a key; the code is the specification's, the wording ours (A.5)."""
    return refusal(400, "no_ssh_key_for_vm", "A VM needs an SSH key on the account.", ask_id=ask_id)


# Searches and lists are refused as recorded (B.2, C.2).


def invalid_request(msg: str) -> Refusal:
    """A query that cannot be read is a 400."""
    return refusal(400, "invalid_request", msg)


def unknown_search_key(name: str) -> Refusal:
    """The recorded reply to a filter that Vast does not know (docs/vast-api.md B.2)."""
    return invalid_request(f"{name} is not a valid search key")


def unknown_search_op(name: object) -> Refusal:
    """The recorded reply to a comparison that Vast does not know (docs/vast-api.md B.2)."""
    return invalid_request(f"{name} is not a valid search op")


def limit_not_integer() -> Refusal:
    """The recorded reply to a limit that is no plain integer (docs/vast-api.md B.1)."""
    return invalid_request("limit: Input should be a valid integer")


def extra_inputs(name: str) -> Refusal:
    """Search over `search/asks` refuses unknown top-level keys (B.3)."""
    return invalid_request(f"{name}: Extra inputs are not permitted")


def invalid_token() -> Refusal:
    """A page token that this list never gave is refused (C.2)."""
    return refusal(400, "invalid_token", "after_token is not valid")


# Acts on what is rented are refused as recorded (C.7).


def deprecated_list() -> Refusal:
    """The old list refers to the new one (C.2)."""
    msg = "/api/v0/instances/ is deprecated. Use /api/v1/instances/ instead."
    return refusal(410, "deprecated_endpoint", msg)


def no_such_instance(instance_id: int) -> Refusal:
    """An instance that is not there has a code and words of its own (C.7)."""
    return refusal(404, "no_such_instance", f"Instance {instance_id} not found.")


def label_too_long() -> Refusal:
    """The reply to a label of more than 1024 characters (docs/vast-api.md C.7)."""
    return invalid_args("label_too_long")


QUEUED: dict[str, Json] = {
    "plain": {"success": False},  # live
    "error": {"success": False, "error": "resources_unavailable"},
    "success": {"success": True},
}


def start_queued(form: str, status: int) -> Refusal:
    """A start without a GPU is a 200 that refuses, or does not (C.5)."""
    msg = "Required resources are currently unavailable, state change queued."
    return Refusal(status, {**QUEUED[form], "msg": msg})


def missing_billing() -> Refusal:
    """A start without credit is a 400 (C.5)."""
    return refusal(400, "missing_billing", "You lack credit, see the billing page.")


def invalid_id(text: str) -> Refusal:
    """Reboot and recycle refuse what is no id (C.7); the wording is ours."""
    return refusal(400, "invalid_id", f"Invalid instance id: {text[:40]}")


def not_running(status: int) -> Refusal:
    """A machine that does not run is not rebooted: a 200 that refuses, in words for an id that is
    none (C.7).
    """
    return refusal(status, "invalid_id", "Invalid instance id. Is the container started?")


def not_a_bid() -> Refusal:
    """The reply to a bid for an on-demand contract, which has none to change (docs/vast-api.md
    C.7).
    """
    return invalid_args("Can't change price of on-demand contract.")


def bid_too_small() -> Refusal:
    """The reply to a bid of nothing (docs/vast-api.md C.7)."""
    return invalid_args("Please set a bid price >= 0.001.")


def bid_out_of_range(ceiling: float) -> Refusal:
    """A machine's bid is at most 32 $/h for each GPU (A.6)."""
    return refusal(400, "invalid_price", f"price must be between 0.001 and {ceiling:g}")


def log_not_there() -> Refusal:
    """Storage says this until the host has uploaded, and for what never was."""
    return Refusal(404, "<Error><Code>NoSuchKey</Code></Error>")


# Volumes have refusals whose wording is ours, except where said (F).


def no_such_volume_offer(offer_id: object) -> Refusal:
    """Nobody offers this room."""
    return refusal(
        404, "no_such_ask", f"no_such_ask Volume offer {str(offer_id)[:40]} is not available."
    )


def no_such_volume(volume_id: object) -> Refusal:
    """This volume never was, or is deleted."""
    return refusal(404, "invalid id", f"No such volume: {str(volume_id)[:40]}")


def volume_in_use() -> Refusal:
    """A volume is not deleted while it is attached: the recorded reply (F)."""
    return refusal(409, "volume in use", "existing instances use that volume!")


def volume_elsewhere(has: int, wants: int, ask_id: int) -> Refusal:
    """A volume and its instance stand on one machine (A.8)."""
    return invalid_args(
        f"volume_info: the volume is on machine {has}, the offer on machine {wants}", ask_id
    )


def invalid_volume_name(name: object) -> Refusal:
    """The recorded reply to a name with more than letters, digits and underscores, or over 64
    (docs/vast-api.md F).
    """
    return refusal(422, "invalid_args", f"invalid volume name: {str(name)[:80]}")


# SSH keys are refused as recorded (D).


def already_attached() -> Refusal:
    """The same key twice is a 200 that refuses, without an error (D)."""
    return Refusal(200, {"success": False, "msg": "SSH key already associated with instance."})


def key_too_late_for_vm() -> Refusal:
    """A VM takes no key after it was made; the wording is ours."""
    return refusal(
        400, "invalid_request", "SSH keys cannot be attached to a VM after it was created."
    )


def no_such_ssh_key() -> Refusal:
    """A key that this instance does not have is a 200 that refuses (D)."""
    return refusal(200, "no_such_ssh_key", "SSH key not found.")


def no_keys() -> Refusal:
    """An account without keys has no list of them (D); the error code is ours."""
    return refusal(404, "not_found", "No SSH keys found for the user.")


def no_ssh_key(msg: str) -> Refusal:
    """No key was given, or none is there to delete (D)."""
    return refusal(400, "no_ssh_key", msg)


def no_ssh_key_to_delete(key_id: int) -> Refusal:
    """A key of the account that is not there is a 400, unlike one of an instance (D)."""
    return no_ssh_key(f"no SSH key {key_id}")


def team_keys() -> Refusal:
    """The recorded reply to a key for a team account (docs/vast-api.md D)."""
    msg = "Team SSH keys are not supported. SSH keys can only be created in personal context."
    return refusal(400, "team_ssh_keys_not_supported", msg)


# What never reaches the service is refused on the way.


def no_such_path(path: str) -> Refusal:
    """The reply to an address that this sandbox does not serve; it is invented."""
    return refusal(404, "not_found", f"No such path: {path}")


def moved(address: str) -> Refusal:
    """The reply to an address without its last slash; all that is known of its body is what it
    lacks (0).
    """
    return Refusal(301, {"msg": "Moved Permanently"}, {"Location": address})


def no_templates() -> Json:
    """The reply to a search that no template answers: a 200 that is no success (E)."""
    return {"success": False, "msg": "No templates found"}


def method_not_allowed(method: str) -> Refusal:
    """No recorded reply exists for a wrong method; this one is invented."""
    return refusal(405, "method_not_allowed", f"Method {method} is not allowed here")


def unreadable_body() -> Refusal:
    """No recorded reply exists for a body that is no object; this one is invented."""
    return invalid_args("The request body must be a JSON object")
