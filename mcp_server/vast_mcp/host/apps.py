"""MCP Apps by hand: which tool's answer a host may show as which page, and how it reads one.

The SDK's own half of it plugs into another server than ours; a test compares the two. Hosts go by
the tools' `_meta`, and one that knows nothing of pages passes over it (docs/views.md).
"""

from __future__ import annotations

from typing import Any

from mcp.types import ReadResourceResult, Resource, TextResourceContents, Tool

from vast_mcp import __version__, views

EXTENSION = "io.modelcontextprotocol/ui"
MIME_TYPE = "text/html;profile=mcp-app"
_FOR_AN_HOUR = 3_600_000  # ms
_SCHEME = "ui://vast/"
# Each call of such a tool by a model opens a frame: only answers that are looked at have one.
_OF_TOOL = {"search_offers": "offers", "show_instances": "machines", "show_account": "money"}
_SAYS = {
    "offers": "Offers as a table and a chart, to compare and to rent one.",
    "machines": "Machines as cards: state, cost, ways in, and their end.",
    "money": "What bills now, and how long the credit lasts.",
}
# It loads and asks nothing, and draws its own background.
_PAGE: dict[str, Any] = {
    "ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}
}


def address_of(name: str) -> str:
    """Where a page is read. It holds the version, since hosts keep a page by its address."""
    return f"{_SCHEME}{__version__}/{name}.html"


def with_page(tool: Tool) -> Tool:
    """The tool as it is shown, with the page of its answer where it has one; by the older name of
    that, too, which some hosts read (docs/views.md).
    """
    name = _OF_TOOL.get(tool.name)
    if name is None:
        return tool
    address = address_of(name)
    return tool.model_copy(
        update={"meta": {"ui": {"resourceUri": address}, "ui/resourceUri": address}}
    )


def pages() -> list[Resource]:
    """The pages, as a host lists them."""
    return [
        Resource(
            uri=address_of(name),
            name=f"{name}-view",
            title=views.TITLES[name],
            description=_SAYS[name],
            mime_type=MIME_TYPE,
            _meta=_PAGE,
        )
        for name in views.NAMES
    ]


def read_page(uri: str) -> ReadResourceResult | None:
    """A page at its address of this version or another, which an older chat has; None where the
    address is no page's.
    """
    name = uri.removeprefix(_SCHEME).rpartition("/")[2].removesuffix(".html")
    if not uri.startswith(_SCHEME) or name not in views.NAMES:
        return None
    content = TextResourceContents(uri=uri, mime_type=MIME_TYPE, text=views.page(name), _meta=_PAGE)
    return ReadResourceResult(contents=[content], ttl_ms=_FOR_AN_HOUR, cache_scope="public")
