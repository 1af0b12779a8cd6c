"""One row of a table: what comes in, and what must happen.

A row arranges a world, calls one tool over MCP, and says what is wanted of it. `Case` is an input
that was once handled wrongly or weakly; `Legal` is the nearest input that a check must let through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from house import an_offer
from vast_mcp.sandbox.ledger import Received
from vast_mcp.sandbox.world import World

# What only looks, by the sandbox's names, and what only looks by GET.
READS = {
    *("search", "search_volumes", "gpu_names", "user", "list", "show", "logs", "log_text"),
    "maintenances",  # by a POST
}
LISTS = {
    *("keys", "attached_keys", "templates", "volumes", "charges", "invoices", "spend_rate"),
    *("rises", "balance", "clouds"),
}
ABSENT: Any = object()  # a field that must not be there

Json = dict[str, Any]
Given = Mapping[str, Any] | Callable[[World], Mapping[str, Any]]


@dataclass(frozen=True)
class Seen:
    """What a row came to: the answer, the world, and what was sent by this call."""

    answer: Json
    world: World
    sent: list[Received]

    @property
    def acts(self) -> list[str]:
        """The requests that were to change something."""
        return [
            one.endpoint
            for one in self.sent
            if one.endpoint not in READS and (one.endpoint not in LISTS or one.method != "GET")
        ]


Want = Callable[[Seen], None]


@dataclass(frozen=True)
class Case:
    """A row. `given` may pick ids of the world; `settings` are fields of Settings, `limits` of
    Limits.
    """

    name: str
    tool: str
    given: Given
    want: Want | tuple[Want, ...]
    world: Callable[[World], object] = lambda _world: None
    settings: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)

    legal: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"{self.tool}: {self.name}"

    @property
    def wants(self) -> tuple[Want, ...]:
        return self.want if isinstance(self.want, tuple) else (self.want,)

    def given_in(self, world: World) -> Json:
        return dict(self.given(world) if callable(self.given) else self.given)


class Legal(Case):
    """The nearest input that must be let through."""

    legal: ClassVar[bool] = True


# ── what may come in ───────────────────────────────────────────────────────────────────────────


def renting(traits: Mapping[str, Any] | None = None, **arguments: Any) -> Given:
    """create_instance on the cheapest free offer of these traits, with ports to be reached at where
    they do not say otherwise.
    """
    wanted = {"direct_port_count": lambda ports: ports >= 4, **(traits or {})}
    return lambda world: {
        "offer_id": an_offer(world, **wanted)["id"],
        "disk": 20,
        **arguments,
    }


# ── what must happen ───────────────────────────────────────────────────────────────────────────


def refused(field: str | None, *says: str, code: str = "bad_arguments", never: str = "") -> Want:
    """Refused before anything was sent that acts: by this code, with the field among its problems
    (None: no problem is named), and these words. `never`: words that must not be there.
    """

    def check(seen: Seen) -> None:
        assert "error" in seen.answer, seen.answer
        error = seen.answer["error"]
        problems = error.get("problems", [])
        assert (error["code"], error["billing_possible"]) == (code, False), error
        assert seen.acts == []
        if field is not None:
            assert field in {problem["field"] for problem in problems}, error
        told = " ".join(
            [error["message"], *(p["problem"] for p in problems), str(error.get("next_steps"))]
        )
        for words in says:
            assert words in told, told
        if never:
            assert never not in told, told

    return check


def sent(endpoint: str, **body: Any) -> Want:
    """The last request of this name had these fields in its body; ABSENT is for one that it must
    not have.
    """

    def check(seen: Seen) -> None:
        assert "error" not in seen.answer, seen.answer
        asked = [one for one in seen.sent if one.endpoint == endpoint]
        assert asked, [one.endpoint for one in seen.sent]
        for name, value in body.items():
            there = asked[-1].body.get(name, ABSENT)
            assert there == value, (name, asked[-1].body)

    return check


def rented(**body: Any) -> Want:
    """Exactly one machine was rented, by a request with these fields."""

    def check(seen: Seen) -> None:
        sent("create", **body)(seen)
        assert seen.acts == ["create"], seen.acts

    return check


def searched(**body: Any) -> Want:
    """The search was asked with these fields."""
    return sent("search", **body)


def first_searched(**body: Any) -> Want:
    """The first search was asked with these fields: one that finds nothing is followed by a broader
    one.
    """

    def check(seen: Seen) -> None:
        first = [one for one in seen.sent if one.endpoint == "search"][:1]
        sent("search", **body)(replace(seen, sent=first))

    return check


def answered(**parts: Any) -> Want:
    """The answer has these fields; a callable judges the value."""

    def check(seen: Seen) -> None:
        assert "error" not in seen.answer, seen.answer
        for name, value in parts.items():
            there = seen.answer.get(name, ABSENT)
            holds = value(there) if callable(value) else there == value
            assert holds, (name, there)

    return check


def warned(*says: str) -> Want:
    """Some warning holds these words."""

    def check(seen: Seen) -> None:
        assert "error" not in seen.answer, seen.answer
        warnings = seen.answer.get("warnings", [])
        for words in says:
            assert any(words in one for one in warnings), warnings

    return check


def not_warned(*says: str) -> Want:
    """It succeeded, and no warning holds these words."""

    def check(seen: Seen) -> None:
        assert "error" not in seen.answer, seen.answer
        for words in says:
            assert not any(words in one for one in seen.answer.get("warnings", []))

    return check
