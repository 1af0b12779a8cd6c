"""How an error leaves: its first sentence says whether anything was sent, by what really was.

A tool that only reads changes nothing, and its error does not speak of billing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.host.leading import steps_for
from vast_mcp.settings import KEYS_PAGE, Settings
from vast_mcp.toolspec import Arguments, ToolSpec
from vast_mcp.vast.deeds import Deeds, Fate

KEY_END, SHORTEST_KEY = 4, 16  # characters that are shown; fewer of a key would be much of it
UNSENT = "Nothing was sent."
UNCHANGED = "Nothing was changed."
_UNSENT_NOW = "Nothing was sent by this call; what an earlier one sent may bill."
_ONLY_AN_END = "This call sent no such request: only the end of a machine over its limit."
_RENTS = "create"
_BILLS_NOT = frozenset[Fate]({"held", "refused", "made_nothing"})


@dataclass(frozen=True)
class _Words:
    """What a kind of request would have done, what is in doubt without a verdict, and what was
    done by one that Vast accepted.
    """

    done: str
    doubt: str
    accepted: str = "accepted it"


_HAPPENS = "it may have happened, or happen yet"
_OF_KINDS = {
    "create": _Words("rented", "a machine may exist and bill", "made a machine"),
    "manage": _Words("changed", _HAPPENS),
    "update": _Words("changed", "the container may be made anew, its disk's content lost"),
    "bid": _Words("changed", _HAPPENS),
    "destroy": _Words("destroyed", "what was to be destroyed may bill on"),
    "create_volume": _Words("made", "a volume may exist and bill", "made a volume"),
    "lease": _Words("changed", "the lease may be another"),  # in the journal alone: never sent
    "destroy_volume": _Words("deleted", "the volume may bill on"),
    "keys": _Words("registered", "the key may be registered"),
    "copy": _Words(
        "copied", "files may be there, in part under names of vast-mcp's own", "took some of it"
    ),
    "delete_key": _Words("deleted", "the key may be deleted"),
    "data": _Words("copied", "a copy may be under way"),
    "attach": _Words("attached", "the key may be attached"),
    "detach": _Words("detached", "the key may be detached"),
    "save_template": _Words("saved", "the template may be saved"),
    "delete_template": _Words("deleted", "the template may be deleted"),
    "command": _Words("run", "a command may run in the machine"),
}
_COUNTED: dict[Fate, str] = {
    "held": "not sent",
    "accepted": "accepted",
    "queued": "queued",
    "refused": "refused",
    "unknown": "without a verdict, which may have been done",
    "made_nothing": "proven to have made nothing",
}


def told(
    error: errors.VastMcpError,
    spec: ToolSpec | None,
    args: Arguments | None,
    deeds: Deeds,
    settings: Settings,
) -> Json:
    """The error's JSON as the tool answers it. `spec`: None where there is no such tool; `args`:
    None where they are none.
    """
    error.next_steps = steps_for(error, spec, args, deeds)
    shown = error.as_json()
    said = [first_sentence(error, spec, deeds), _begun(error.message)]
    if isinstance(error, errors.AuthFailed):
        said += _of_the_key(settings)
    shown["message"] = " ".join(said)
    if spec is not None and spec.read_only:
        shown["billing_possible"] = False
    elif spec is not None and isinstance(error, errors.InternalFault):
        shown["billing_possible"] = _may_bill(spec, deeds)
    return shown


def _of_the_key(settings: Settings) -> list[str]:
    """Which key it was, how a person mends it, and what goes on meanwhile."""
    key = "" if settings.api_key is None else settings.api_key.get_secret_value()
    end = f" that ends in {key[-KEY_END:]}" if len(key) >= SHORTEST_KEY else ""
    return [
        f"It is the key{end} from {settings.key_source or 'its settings'}.",
        f"A person makes another at {KEYS_PAGE}, puts it there, and restarts this server, which "
        "reads it only when it starts.",
        "Machines that are rented go on billing meanwhile.",
    ]


def _begun(message: str) -> str:
    """The message as a sentence begins; names of arguments and programs stay as they are."""
    word = message.partition(" ")[0].rstrip(".,:;")
    return message[:1].upper() + message[1:] if word.isalpha() else message


def first_sentence(error: errors.VastMcpError, spec: ToolSpec | None, deeds: Deeds) -> str:
    """Whether anything was sent that acts, and what is known to have come of it."""
    if spec is None:
        return UNSENT
    if spec.read_only:
        return UNCHANGED
    fates = deeds.fates(spec.sends)
    if fates:
        return _of(fates, _OF_KINDS[spec.sends[0]])
    if deeds.any_left:
        return _ONLY_AN_END
    bills = error.billing_possible or error.may_bill
    return _UNSENT_NOW if bills and _RENTS in spec.sends else UNSENT


def _of(fates: list[Fate], words: _Words) -> str:
    if len(set(fates)) > 1:
        counted = ", ".join(f"{n} {_COUNTED[fate]}" for fate, n in Counter(fates).items())
        return f"Of {len(fates)} requests: {counted}."
    match fates[0]:
        case "refused":
            return f"Vast refused it: nothing was {words.done}."
        case "made_nothing":
            return f"It was sent, and is proven to have made nothing: nothing was {words.done}."
        case "queued":
            return "It was sent, and Vast queued it: it may happen, and bill, later or never."
        case "accepted":
            return f"It was sent, and Vast {words.accepted}."
        case _:
            return f"It was sent, and what came of it is not known: {words.doubt}."


def _may_bill(spec: ToolSpec, deeds: Deeds) -> bool:
    """After a defect of our own: what was sent before may, and an earlier request to rent."""
    if not spec.sends or _RENTS in spec.sends:
        return True
    return not _BILLS_NOT.issuperset(deeds.fates(spec.sends))
