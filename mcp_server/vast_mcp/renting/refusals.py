"""TODO: one line."""

from __future__ import annotations

import re

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep
from vast_mcp.journal.records import Intent, Wish
from vast_mcp.renting.request import Request


def in_doubt(request: Request, intent: Intent) -> errors.VastMcpError:
    """The budget is spent and the doubt remains."""
    wish = request.wish
    if intent.request_key == wish.request_key:
        return with_next_steps(
            errors.OutcomeUnknown(
                "An earlier request of this rental has no verdict yet; a machine may exist and "
                "bill."
            ),
            request,
            intent,
        )
    return errors.UnresolvedIntent(
        f"Nothing was sent: an earlier rental (offer {intent.offer_id}, token {intent.token}) has "
        f"no verdict yet, and "
        "renting another now may pay twice. The same call later goes on settling it; request_key "
        "and allow_unresolved: "
        "true together rent all the same.",
        request_key=intent.request_key,
        offer_id=intent.offer_id,
        token=intent.token,
        next_steps=[
            NextStep("show_instances", {}, "looks for it, and settles it when it is there"),
            request.again,
        ],
    )


def key_reused(wish: Wish, intent: Intent) -> errors.KeyReused:
    return errors.KeyReused(
        "This request_key was used for another wish. Nothing was sent; a new key makes a new "
        "rental.",
        request_key=wish.request_key,
        offer_id=intent.offer_id,
        instance_id=intent.instance_id if intent.lives else None,
    )


def already_rented(wish: Wish, intent: Intent) -> errors.OfferAlreadyRented:
    return errors.OfferAlreadyRented(
        f"Nothing was sent: your machine {intent.instance_id} came from this offer, with other "
        f"arguments. A "
        "request_key of its own rents again if that is meant.",
        offer_id=wish.offer_id,
        instance_id=intent.instance_id,
        request_key=intent.request_key,
        next_steps=[
            NextStep("show_instances", {"label": intent.token}, "the machine that there is")
        ],
    )


TAKEN = "an earlier request of this wish made nothing, and somebody else has the offer"


def not_rented(request: Request, why: str) -> errors.NotRented:
    step = NextStep("search_offers", {}, "find another offer") if why is TAKEN else request.again
    return errors.NotRented(
        f"Nothing was rented: {why}. The same call is safe to repeat.",
        request_key=request.wish.request_key,
        offer_id=request.wish.offer_id,
        next_steps=[step],
    )


def hiding(exc: errors.VastMcpError, body: Json) -> errors.VastMcpError:
    """Vast may repeat what it refused: a packed script is as good as the script."""
    if exc.vast_message:
        sent = body.get("onstart", "")
        exc.vast_message = errors.redacted(
            exc.vast_message, [sent, *re.findall(r"[A-Za-z0-9+/=]{40,}", sent)]
        )
    return exc


def with_next_steps(
    exc: errors.VastMcpError, request: Request, intent: Intent
) -> errors.VastMcpError:
    """The error with what this wish knows."""
    exc.offer_id = intent.offer_id
    exc.request_key = intent.request_key
    if isinstance(exc, errors.CreatedStopped) and exc.instance_id is not None:
        exc.token = intent.token
        exc.next_steps = [
            NextStep(
                "destroy_instance", {"instance_ids": [exc.instance_id]}, "it bills until destroyed"
            )
        ]
    elif isinstance(exc, errors.OutcomeUnknown) and not exc.next_steps:
        exc.token = intent.token
        exc.next_steps = [
            request.again,
            NextStep("show_instances", {"label": intent.token}, "looks for the machine"),
        ]
    elif isinstance(exc, (errors.RateLimited, errors.Unreachable)):
        exc.next_steps = [request.again]
    return exc
