"""The account keeps secrets, API keys, webhooks and settings (docs/vast-api.md G)."""

from typing import Any

from starlette.responses import PlainTextResponse

from vast_mcp.sandbox import belongings
from vast_mcp.sandbox.replies import refusal
from vast_mcp.sandbox.request import Request
from vast_mcp.sandbox.shapes import Json

from .table import Endpoint, done

# Secrets


def secrets(request: Request) -> Json:
    """List by `GET /secrets/`."""
    return done(secrets=belongings.secrets(request.world))


def add_secrets(request: Request) -> Json:
    """Add by `POST /secrets/`."""
    belongings.add_secrets(request.world, request.object())
    return done()


def edit_secret(request: Request) -> Json:
    """Change by `PUT /secrets/`."""
    belongings.edit_secret(request.world, request.object())
    return done()


def delete_secret(request: Request) -> Json:
    """Forget by `DELETE /secrets/`."""
    belongings.delete_secret(request.world, request.object())
    return done()


# API keys


def api_keys(request: Request) -> Json:
    """List by `GET /auth/apikeys/`, without their secrets."""
    world = request.world
    return {"apikeys": [key.row(world.user_id) for key in world.issued.values()]}


def api_key(request: Request) -> Json:
    """Show by `GET /auth/apikeys/{id}/`, as the list does."""
    return belongings.find_api_key(request.world, request.id).row(request.world.user_id)


def add_api_key(request: Request) -> Json:
    """Make by `POST /auth/apikeys/`; the key is said once."""
    key = belongings.add_api_key(request.world, request.object())
    return done(id=key.id, key=key.secret, permissions=key.permissions)


def delete_api_key(request: Request) -> PlainTextResponse:
    """Forget by `DELETE /auth/apikeys/{id}/`, which answers in plain text."""
    belongings.delete_api_key(request.world, request.id)
    return PlainTextResponse("Successfully Deleted API Key")


# Webhooks


def webhooks(request: Request) -> Json:
    """List by `GET /webhooks/`; the name of the list is ours."""
    return done(webhooks=list(request.world.office.webhooks.values()))


def add_webhook(request: Request) -> Json:
    """Add by `POST /webhooks/`; its secret is said once."""
    hook = belongings.add_webhook(request.world, request.object())
    shown = hook | {"webhook_secret": belongings.webhook_secret(request.world)}
    return done(webhook=shown, enabled_notification_preferences=hook["event_types"])


def edit_webhook(request: Request) -> Json:
    """Change by `PUT /webhooks/{id}/`."""
    hook = belongings.edit_webhook(request.world, request.id, request.object())
    return done(webhook=hook, enabled_notification_preferences=hook["event_types"])


def delete_webhook(request: Request) -> Json:
    """Forget by `DELETE /webhooks/{id}/`."""
    belongings.delete_webhook(request.world, request.id)
    return done()


def test_webhook(request: Request) -> Json:
    """Say by `POST /webhooks/{id}/test/` that an event was made; nothing is sent."""
    belongings.find_webhook(request.world, request.id)
    return done(webhook_id=request.id, event_id=f"sandbox-{request.world.office.number()}")


# The account


def set_user(request: Request) -> Json:
    """Change settings by `PUT /users/`."""
    belongings.set_user(request.world, request.object())
    return done()


def subaccounts(_request: Request) -> Json:
    """List no other accounts, under the name that the official client reads."""
    return {"users": []}


def addresses(_request: Request) -> Json:
    """List no addresses, under the name that the official client reads."""
    return {"results": []}


def audit_logs(request: Request) -> list[Json]:
    """List what was asked, newest first, with the fields that the official client reads; what was
    sent is left out.
    """
    return [
        {
            "ip_address": "127.0.0.1",
            "api_key_id": 1,
            "created_at": one.at,
            "api_route": f"{one.method} {one.path}",
            "args": {},
        }
        for one in reversed(request.world.requests[:-1])
    ]


def metrics(_request: Request) -> Any:
    """Refuse who is no host."""
    raise refusal(403, "not_authorized", "Only hosts can see GPU metrics.")


GPU = "/api/v0/metrics/gpu"
KEYS, HOOKS = "/api/v0/auth/apikeys/", "/api/v0/webhooks/"
READ, WRITE = "user_read", "user_write"
TABLE = (
    Endpoint("/api/v0/secrets/", "GET", "secrets", READ, secrets),
    Endpoint("/api/v0/secrets/", "POST", "secrets", WRITE, add_secrets),
    Endpoint("/api/v0/secrets/", "PUT", "secrets", WRITE, edit_secret),
    Endpoint("/api/v0/secrets/", "DELETE", "secrets", WRITE, delete_secret),
    Endpoint(KEYS, "GET", "api_keys", READ, api_keys),
    Endpoint(KEYS, "POST", "api_keys", WRITE, add_api_key),
    Endpoint(f"{KEYS}{{id:int}}/", "GET", "api_keys", READ, api_key),
    Endpoint(f"{KEYS}{{id:int}}/", "DELETE", "api_keys", WRITE, delete_api_key),
    Endpoint(HOOKS, "GET", "webhooks", READ, webhooks),
    Endpoint(HOOKS, "POST", "webhooks", WRITE, add_webhook),
    Endpoint(f"{HOOKS}{{id:int}}/", "PUT", "webhooks", WRITE, edit_webhook),
    Endpoint(f"{HOOKS}{{id:int}}/", "DELETE", "webhooks", WRITE, delete_webhook),
    Endpoint(f"{HOOKS}{{id:int}}/test/", "POST", "webhooks", WRITE, test_webhook),
    Endpoint("/api/v0/users/", "PUT", "set_user", WRITE, set_user),
    Endpoint("/api/v0/subaccounts/", "GET", "subaccounts", READ, subaccounts),
    Endpoint("/api/v0/users/{user}/ipaddrs/", "GET", "addresses", READ, addresses),
    Endpoint("/api/v0/audit_logs/", "GET", "audit_logs", "misc", audit_logs),
    Endpoint(f"{GPU}/current/", "GET", "metrics", "machine_read", metrics),
    Endpoint(f"{GPU}/history/", "GET", "metrics", "machine_read", metrics),
    Endpoint(f"{GPU}/locations/", "GET", "metrics", "machine_read", metrics),
)
