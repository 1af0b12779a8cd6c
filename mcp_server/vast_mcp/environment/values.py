"""What the sources say of each setting, read as its kind is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vast_mcp.environment.sources import Source, set_of
from vast_mcp.settings import Limits, Setting, Settings, SettingsError, settings_of
from vast_mcp.settings.kinds import Kind


def read(kind: Kind, text: str, what: str) -> Any:
    """The value of a text. The error says what the text must be, and never what it is."""
    try:
        return kind.read(text)
    except ValueError:
        raise SettingsError(f"{what} must be {kind.rule}.") from None


def values_of(kind: type[Settings | Limits], sources: Sequence[Source]) -> dict[str, Any]:
    """The fields that the sources set. A field that no source sets keeps its default."""
    return set_of({name: value_of(one, sources) for name, one in settings_of(kind).items()})


def value_of(setting: Setting, sources: Sequence[Source]) -> Any:
    """What the sources say of one setting: the value that holds, None where none is set."""
    said = [
        read(setting.kind, source.texts[setting.name], source.named(setting.name))
        for source in sources
        if setting.name in source.texts
    ]
    values = [value for value in said if value is not None]
    if not values:
        return None
    return setting.chosen(values)
