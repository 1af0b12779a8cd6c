"""A template is rented by its hash; a link that shares one holds it, or leads to a search."""

from __future__ import annotations

from typing import Any

from case import Case, Legal, Seen, Want, answered, refused, rented
from house import an_offer
from vast_mcp.sandbox.world import World


def _asks(text: str) -> Any:
    """Rent with what people have in a hash's place; HASH stands for one that is there."""

    def given(world: World) -> dict[str, Any]:
        made = next(iter(world.templates))
        asked = text.replace("HASH", made).replace("UPPER", made.upper())
        return {"offer_id": an_offer(world)["id"], "disk": 20, "template_hash_id": asked}

    return given


def _named(seen: Seen) -> None:
    """The refusal names the hash that stood in the text."""
    refused("template_hash_id", f"write {next(iter(seen.world.templates))}")(seen)


def _leads_to(**arguments: Any) -> Want:
    def check(seen: Seen) -> None:
        steps = seen.answer["error"]["next_steps"]
        assert {"search_templates": arguments} in [
            {step["tool"]: step["arguments"]} for step in steps
        ]

    return check


ROWS: list[Case] = [
    *(
        Case(f"{text} is refused, and the hash is named", "create_instance", _asks(text), _named)
        for text in (
            "https://cloud.vast.ai?ref_id=62897&template_id=HASH",
            "https://cloud.vast.ai/?template_id=HASH&x=1",
            "https://cloud.vast.ai/create/?ref_id=1&template_id=HASH#top",
            "https://cloud.vast.ai/templates/readme/HASH",
            "template_hash_id=HASH",
            "'HASH'",
            " HASH ",
            "UPPER",
        )
    ),
    Case(
        "a link with a name leads to a search for it",
        "create_instance",
        _asks("https://cloud.vast.ai/?creator_id=1&name=PyTorch"),
        (refused("template_hash_id"), _leads_to(words="PyTorch", recommended=False)),
    ),
    Case(
        "a template's name is no hash",
        "create_instance",
        _asks("PyTorch (Vast)"),
        (refused("template_hash_id", "search_templates"), _leads_to()),
    ),
    Case(
        "a template is found by its hash",
        "search_templates",
        lambda world: {"words": next(iter(world.templates))},
        answered(count=1),
    ),
    Legal("a hash that is there", "create_instance", _asks("HASH"), rented()),
    Legal(
        "a hash that is not there is looked up",
        "create_instance",
        _asks("0" * 32),
        refused("template_hash_id", code="no_such_template"),
    ),
]
