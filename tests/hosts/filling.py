"""Calls that say something in every field, as models make them that have to."""

from __future__ import annotations

from typing import Any, NamedTuple

Json = dict[str, Any]


class Filler(NamedTuple):
    """What a model writes into a field that it has nothing to say in."""

    name: str
    null_for: frozenset[str]  # the kinds that it leaves null where null is offered

    def filled(self, schema: Json, said: Json) -> Json:
        """Every property of the schema: what the model says, and nothing meant in the others."""
        return {
            name: said[name] if name in said else self.nothing(one)
            for name, one in (schema.get("properties") or {}).items()
        }

    def nothing(self, schema: Json) -> Any:
        """One field's emptiest value: null, an empty text, list or object; else the first choice,
        false, or the least number that is legal.
        """
        options = [one for one in schema.get("anyOf", [schema]) if kind(one) != "null"]
        first, kinds = options[0], {kind(one) for one in options}
        if offers_null(schema) and kinds & self.null_for:
            return None
        if "enum" in first:
            return first["enum"][0]
        if kind(first) == "object":
            return self.filled(first, {}) if first.get("properties") else {}
        empty: Json = {"string": "", "array": [], "boolean": False}
        return empty.get(kind(first), first.get("minimum", 0))

    def __str__(self) -> str:
        return self.name


def kinds_of(schema: Json) -> list[str]:
    """A schema's types in lower case: Gemini's own form writes them large."""
    told = schema.get("type", [])
    return [one.lower() for one in ([told] if isinstance(told, str) else told)]


def kind(schema: Json) -> str:
    named = [one for one in kinds_of(schema) if one != "null"]
    return named[0] if named else "null"


def offers_null(schema: Json) -> bool:
    """In any of its spellings."""
    return (
        bool(schema.get("nullable"))
        or "null" in kinds_of(schema)
        or any(kind(one) == "null" for one in schema.get("anyOf", []))
    )


EVERY_KIND = frozenset({"string", "array", "object", "boolean", "integer", "number"})
FILLERS = (
    Filler("null wherever it is offered", EVERY_KIND),
    Filler("null for numbers only", frozenset({"integer", "number"})),
)
