"""A page with its data inside: one file to mail or to print, which asks nobody for anything."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from vast_mcp.views import made

_ABOVE = """\
<p class="written">{written}</p>
<noscript><pre>{words}</pre></noscript>
"""
_BELOW = '<script id="kept" type="application/json">{kept}</script>\n'


@dataclass(frozen=True)
class Kept:
    """What a page is given: answers by the names of their tools, texts of resources by their
    addresses, and when they were read, in epoch seconds. `first`: the tool whose answer it shows.
    """

    first: str
    answers: Mapping[str, dict[str, Any]]
    resources: Mapping[str, str]
    at: float


def on_paper(name: str, kept: Kept, *, by: str, words: str) -> str:
    """The HTML of a view with what is kept. `by`: who wrote it; `words`: the same as plain text,
    for a reader that runs no script.

    All of it is data: a text of a stranger's stands in JSON without any `<`, or is escaped.
    """
    at = datetime.fromtimestamp(kept.at, UTC)
    written = f"Written by {by} on {at:%d %b %Y, %H:%M} UTC, and true of then."
    above = _ABOVE.format(written=html.escape(written), words=html.escape(words))
    return made(name, also="paper", above=above, below=_BELOW.format(kept=_data(kept)))


def _data(kept: Kept) -> str:
    """What is kept, as JSON that ends no element."""
    told = {
        "first": kept.first,
        "answers": kept.answers,
        "resources": kept.resources,
        "at": round(kept.at * 1_000),
    }
    return json.dumps(told).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
