"""The account keeps secrets, API keys and webhooks (docs/vast-api.md G)."""

from typing import Any, cast
from urllib.parse import urlsplit

from . import replies
from .account import ACCOUNT_SECRET, ApiKey
from .readers import as_list, read_text
from .shapes import Json
from .state import State

MOST_SECRETS = 16
MASK = "********"
SCOPES = frozenset(
    {
        "misc",
        "instance_read",
        "instance_write",
        "user_read",
        "user_write",
        "billing_read",
        "billing_write",
        "machine_read",
        "machine_write",
        "team_read",
        "team_write",
    }
)

# Secrets


def secrets(state: State) -> Json | None:
    """Name them, each behind a mask; none at all are null."""
    return dict.fromkeys(state.office.secrets, MASK) or None


def add_secrets(state: State, body: Json) -> None:
    """Add one, or several under `env_vars`; names become upper case."""
    given = as_list(body.get("env_vars")) or [body]
    found = dict(_read_secret(one) for one in given)
    if len({*state.office.secrets, *found}) > MOST_SECRETS:
        msg = f"User has reached the limit of {MOST_SECRETS} environment variables."
        raise replies.invalid_args(msg)
    state.office.secrets |= found
    state.write("secret", names=sorted(found))


def edit_secret(state: State, body: Json) -> None:
    """Change one that is there."""
    name, value = _read_secret(body)
    _check_secret(state, name)
    state.office.secrets[name] = value
    state.write("secret", names=[name])


def delete_secret(state: State, body: Json) -> None:
    """Forget one that is there."""
    name = read_text(body, "key").upper()
    _check_secret(state, name)
    del state.office.secrets[name]
    state.write("secret_delete", names=[name])


def _check_secret(state: State, name: str) -> None:
    if name not in state.office.secrets:
        raise replies.invalid_args("Environment variable not found")


def _read_secret(given: Any) -> tuple[str, str]:
    if not isinstance(given, dict):
        raise replies.invalid_args("env_vars: Input should be a list of objects")
    body = cast("Json", given)
    value: Any = body.get("value")
    if not isinstance(value, str):
        raise replies.invalid_args("value: Input should be a valid string")
    return read_text(body, "key").upper(), value


# API keys


def add_api_key(state: State, body: Json) -> ApiKey:
    """Make a key; its secret is said once. Without permissions it may do everything (ours)."""
    name = read_text(body, "name", 256)
    permissions = _read_permissions(body.get("permissions"))
    number = state.office.number()
    secret = f"{ACCOUNT_SECRET}-{state.dice.getrandbits(128):032x}"
    key = ApiKey(number, secret, name, permissions)
    state.issued[number] = key
    state.write("api_key", key_id=number, name=name)
    return key


def _read_permissions(permissions: Any) -> dict[str, dict[str, Json]] | None:
    """Check their form: groups that are known, and routes with constraints inside (I)."""
    match permissions:
        case None:
            return None
        case {"api": groups} if _are_groups(groups):
            return permissions
        case _:
            raise replies.invalid_args("permissions: Input should be groups under api")


def _are_groups(groups: Any) -> bool:
    if not isinstance(groups, dict):
        return False
    named = cast("Json", groups)
    return all(name in SCOPES and _is_group(group) for name, group in named.items())


def _is_group(group: Any) -> bool:
    if not isinstance(group, dict):
        return False
    return all(_is_rule(rule) for rule in cast("Json", group).values())


def _is_rule(rule: Any) -> bool:
    """Whether these are constraints on the id of one route; no others are recorded."""
    match rule:
        case {"constraints": {"id": {"eq": int()}}} | {"constraints": {"id": {"in": list()}}}:
            return True
        case _:
            return False


def find_api_key(state: State, number: int) -> ApiKey:
    """Find a key by its number; that a missing one is a 404 is ours."""
    if number not in state.issued:
        raise replies.refusal(404, "not_found", f"No API key {number}")
    return state.issued[number]


def delete_api_key(state: State, number: int) -> None:
    """Forget a key: it opens nothing from here on."""
    find_api_key(state, number)
    del state.issued[number]
    state.write("api_key_delete", key_id=number)


# Webhooks

MOST_WEBHOOKS = 4
URL_CHARS = 2_048
EVENTS = frozenset(
    f"client:{word}"
    for word in (
        "low_credit",
        "outbid",
        "instance_created",
        "instance_started",
        "instance_stopped",
        "upcoming_downtime",
    )
)


def add_webhook(state: State, body: Json) -> Json:
    """Add an address for events; nothing is ever sent there."""
    if len(state.office.webhooks) >= MOST_WEBHOOKS:
        raise replies.invalid_args(f"Maximum of {MOST_WEBHOOKS} webhooks per user")
    found = _read_webhook(state, body, None)
    now, number = state.now, state.office.number()
    hook = {"id": number, "user_id": state.user_id, **found, "created_at": now, "updated_at": now}
    state.office.webhooks[number] = hook
    state.write("webhook", webhook_id=number)
    return hook


def edit_webhook(state: State, number: int, body: Json) -> Json:
    """Change one."""
    hook = find_webhook(state, number)
    hook |= _read_webhook(state, hook | body, number)
    hook["updated_at"] = state.now
    return hook


def delete_webhook(state: State, number: int) -> None:
    """Forget one."""
    find_webhook(state, number)
    del state.office.webhooks[number]
    state.write("webhook_delete", webhook_id=number)


def find_webhook(state: State, number: int) -> Json:
    """Find one by its number; that a missing one is a 404 is ours."""
    if number not in state.office.webhooks:
        raise replies.refusal(404, "not_found", f"No webhook {number}")
    return state.office.webhooks[number]


def webhook_secret(state: State) -> str:
    """Make a secret, which is said once."""
    return f"{ACCOUNT_SECRET}-hook-{state.dice.getrandbits(64):016x}"


def _read_webhook(state: State, body: Json, number: int | None) -> Json:
    url = read_text(body, "webhook_url", URL_CHARS)
    if urlsplit(url).scheme != "https":
        raise replies.invalid_args("webhook_url: must be https")
    others = (one for one in state.office.webhooks.values() if one["id"] != number)
    if any(one["webhook_url"] == url for one in others):
        raise replies.invalid_args("This webhook URL is already registered")
    kinds = as_list(body.get("event_types"))
    if not kinds:
        raise replies.invalid_args("event_types: Input should be a list of event types")
    unknown = [str(kind) for kind in kinds if kind not in EVENTS]
    if unknown:
        raise replies.invalid_args(f"Unknown event type: {unknown[0][:80]}")
    return {"name": body.get("name"), "webhook_url": url, "event_types": kinds}


# The account's own settings

SETTINGS = frozenset(
    {
        "autobill_threshold",
        "autobill_amount",
        "balance_threshold",
        "balance_threshold_enabled",
        "billaddress_city",
        "billaddress_country",
        "billaddress_line1",
        "billaddress_line2",
        "billaddress_zip",
        "billaddress_taxinfo",
        "fullname",
        "phone_number",
        "ssh_key",
    }
)


def set_user(state: State, body: Json) -> None:
    """Change what the account's row shows; what the row does not have is refused."""
    for name in body:
        if name not in SETTINGS:
            raise replies.invalid_args(f"{name}: not a setting of the account")
    state.office.user |= body
    state.write("user", names=sorted(body))
