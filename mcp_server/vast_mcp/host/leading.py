"""What leads on from an error that names no call itself, by its kind and by the tool that met it.

The same call where repeating it is safe, else a look: nothing that acts and was not asked for.
Where only a person can go on, there is no call.
"""

from __future__ import annotations

from collections.abc import Iterator

from vast_mcp import errors
from vast_mcp.errors import NextStep
from vast_mcp.toolspec import Arguments, ToolSpec
from vast_mcp.vast.deeds import Deeds

_WITHOUT_A_CALL = (
    errors.NoApiKey,
    errors.AuthFailed,
    errors.TwoFactorRequired,
    errors.Forbidden,
    errors.TeamAccount,
    errors.CannotReconcile,
    errors.ReadOnly,
    errors.Declined,
    errors.NeedsConfirmation,  # which names the call where an answer may repeat it
    errors.EndpointGone,
    errors.Redirected,
    errors.UnknownTool,
)
# What may come to something else when it is asked again.
_PASSING: dict[type[errors.VastMcpError], str] = {
    errors.Unreachable: "the same call, which is safe to repeat",
    errors.NotEntered: "the same call, which tries again",
    errors.RateLimited: "the same call, once that time is over",
    errors.VastUnavailable: "the same call, which is safe to repeat",
    errors.IncompleteList: "the same call, which reads anew",
    errors.UnexpectedReply: "the same call, which is safe to repeat",
    errors.SearchQuotaExceeded: "the same call, after 00:00 UTC",
    errors.NotRented: "the same call, which rents nothing twice",
    errors.OutcomeUnknown: "the same call, which goes on settling",
    errors.RentalMissing: "the same call, which looks again",
    errors.DestroyUnverified: "the same call, which is safe to repeat",
}
_OFFERS = NextStep("search_offers", {}, "another offer")
_CREDIT = NextStep("show_account", {}, "the credit, and what bills")
_MACHINES = NextStep("show_instances", {}, "what there is, and its state")
_VOLUMES = NextStep("show_volumes", {}, "which volumes there are")
_KEYS = NextStep("show_ssh_keys", {}, "which keys there are")
_TEMPLATES = NextStep("search_templates", {}, "templates with their hashes")
_OWN_TEMPLATES = NextStep("search_templates", {"mine": True}, "your own, with their hashes")
_OF_KINDS: dict[type[errors.VastMcpError], NextStep] = {
    errors.OfferGone: _OFFERS,
    errors.OfferPrivate: _OFFERS,
    errors.InvalidPrice: NextStep("search_offers", {"type": "bid"}, "offers and their least bids"),
    errors.BidTooLow: NextStep("search_offers", {"type": "bid"}, "offers and their least bids"),
    errors.VmNotPossible: NextStep("search_offers", {"vm": True}, "offers that can run a VM"),
    errors.PriceUnknown: NextStep("search_offers", {}, "offers with their prices"),
    errors.NoSuchTemplate: _TEMPLATES,
    errors.NoSshKey: _KEYS,
    errors.InsufficientCredit: _CREDIT,
    errors.BillingNotSetUp: _CREDIT,
    errors.SpendRateLimited: _CREDIT,
    errors.OverLimit: _CREDIT,
    errors.VolumeInUse: _VOLUMES,
}
# Where the thing stands that a tool is about.
_OF_TOOLS = {
    "destroy_volume": _VOLUMES,
    "show_volumes": _VOLUMES,
    "search_volumes": NextStep("search_volumes", {}, "what room there is"),
    **dict.fromkeys(("create_ssh_key", "detach_ssh_key", "delete_ssh_key"), _KEYS),
    "show_ssh_keys": _KEYS,
    "search_templates": _TEMPLATES,
    "create_template": _OWN_TEMPLATES,
    "delete_template": _OWN_TEMPLATES,
    "search_offers": _OFFERS,
}
# Where the ids of an argument come from.
_OF_FIELDS = {
    "offer_id": NextStep("search_offers", {}, "offers with their ids"),
    "instance_id": _MACHINES,
    "from_instance_id": _MACHINES,
    "instance_ids": _MACHINES,
    "volume_id": _VOLUMES,
    "key_id": _KEYS,
    "template_hash_id": _TEMPLATES,
}


def steps_for(
    error: errors.VastMcpError, spec: ToolSpec | None, args: Arguments | None, deeds: Deeds
) -> list[NextStep]:
    """The calls that lead on; none where only a person can. `args`: None where they are none."""
    if error.next_steps or spec is None or isinstance(error, _WITHOUT_A_CALL):
        return list(error.next_steps)
    if isinstance(error, errors.BadArguments):
        return list(_sources(error))[:1]
    why = _PASSING.get(type(error))
    if why is not None and _may_be_repeated(spec, deeds):
        given = None if args is None else args.repeatable()
        if given is not None:
            return [NextStep(spec.name, given, why)]
    return [_OF_KINDS.get(type(error)) or _OF_TOOLS.get(spec.name, _MACHINES)]


def _sources(error: errors.BadArguments) -> Iterator[NextStep]:
    for problem in error.problems:
        if (step := _OF_FIELDS.get(problem.field)) is not None:
            yield step


def _may_be_repeated(spec: ToolSpec, deeds: Deeds) -> bool:
    """Whether the same call does nothing a second time: what is in doubt may have been done."""
    safe = spec.read_only or spec.idempotent or "create" in spec.sends  # which rents nothing twice
    return safe or "unknown" not in deeds.fates(spec.sends)
