"""The pages that hosts show beside an answer (MCP Apps): one file each, joined when it is first
read, that asks nothing of any network.

A page is its own markup, style and script after the shared ones. Nothing is built and nothing is
kept, so that no page can be older than its parts.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib import resources

TITLES = {"offers": "Offers", "machines": "Machines", "money": "Money"}
NAMES = tuple(TITLES)
_SHELL = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
<script>{script}</script>
</body>
</html>
"""


@functools.cache
def page(name: str) -> str:
    """The HTML of a view, under a policy that lets nothing run or load but its own two parts.

    Hosts put policies of their own around it: the hashes hold under each of them, since a page
    must pass all (docs/views.md).
    """
    return made(name)


def made(name: str, *, also: str | None = None, above: str = "", below: str = "") -> str:
    """A view's HTML. `also`: parts that go along, whose script is the first; `above` and `below`:
    markup around its own.
    """
    style = _part("shared.css") + _part(f"{name}.css")
    script = _part("shared.js") + _part(f"{name}.js")
    if also is not None:
        style, script = style + _part(f"{also}.css"), _part(f"{also}.js") + script
    body = above + _part(f"{name}.html") + below
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return _SHELL.format(policy=policy, title=TITLES[name], style=style, body=body, script=script)


def _part(file: str) -> str:
    return resources.files(__name__).joinpath(file).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """A part as a policy names it."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
