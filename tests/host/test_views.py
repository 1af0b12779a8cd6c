"""Pages beside answers (MCP Apps): what a host is told of them, and what they are made of."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from mcp import Client
from mcp.server import MCPServer
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID, Apps, ResourceCsp
from mcp.shared.exceptions import MCPError

from house import ROOT, served
from people import ERAS, Mode
from vast_mcp import views
from vast_mcp.host import apps
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio

SNAPS = ROOT / "tools" / "vast_mcp_tools" / "published"
PARTS = ROOT / "mcp_server" / "vast_mcp" / "views"
EVERY = pytest.mark.parametrize("name", views.NAMES)


def on_the_wire(shown: Any) -> dict[str, Any]:
    return shown.model_dump(mode="json", by_alias=True, exclude_none=True)


# ── what a host is told ────────────────────────────────────────────────────────────────────────


@ERAS
async def test_only_meta_is_new_and_every_page_that_it_names_is_there(
    world: World, settings: Settings, era: Mode
) -> None:
    """A host that knows no pages is shown what it was shown before, and the same in both eras
    (../shared/mcp.md: the list never varies).
    """
    async with served(world, settings, mode=era) as client:
        tools = [on_the_wire(tool) for tool in (await client.list_tools()).tools]
        for tool in tools:
            meta = tool.pop("_meta", {})
            recorded = json.loads((SNAPS / f"{tool['name']}.json").read_text(encoding="utf-8"))
            assert tool == {key: value for key, value in recorded.items() if value is not None}
            if meta:
                address = meta["ui"]["resourceUri"]
                assert meta == {"ui": {"resourceUri": address}, "ui/resourceUri": address}
                read = await client.read_resource(address)
                assert read.contents[0].text.startswith("<!doctype html>")


async def test_what_hosts_read_is_what_the_sdk_would_write(client: Client) -> None:
    """The SDK's half of MCP Apps plugs into its own server; ours writes the same, and the older
    key beside it.
    """
    theirs = Apps()
    address = apps.address_of("offers")
    theirs.add_html_resource(
        address,
        views.page("offers"),
        name="offers-view",
        csp=ResourceCsp(connect_domains=[], resource_domains=[]),
        prefers_border=True,
    )

    @theirs.tool(resource_uri=address)
    def search_offers() -> str:
        return ""

    async with Client(MCPServer("theirs", extensions=[theirs])) as other:
        [wanted] = (await other.list_tools()).tools
        [shown] = [t for t in (await client.list_tools()).tools if t.name == "search_offers"]
        assert {k: v for k, v in (shown.meta or {}).items() if "/" not in k} == wanted.meta
        listed = [
            [
                on_the_wire(r)
                for r in (await one.list_resources()).resources
                if str(r.uri) == address
            ]
            for one in (client, other)
        ]
        for key in ("uri", "name", "mimeType", "_meta"):
            assert listed[0][0][key] == listed[1][0][key]
        read = [on_the_wire((await c.read_resource(address)).contents[0]) for c in (client, other)]
        assert read[0] == read[1]
        both = [one.server_capabilities.extensions for one in (client, other)]
        assert both[0] == both[1] == {EXTENSION_ID: {}}
    assert (apps.EXTENSION, apps.MIME_TYPE) == (EXTENSION_ID, APP_MIME_TYPE)


async def test_a_page_may_be_kept_for_an_hour_by_anybody(client: Client) -> None:
    """It is the same for every person, and hosts ask for it at each frame."""
    read = await client.read_resource(apps.address_of("offers"))
    assert (read.ttl_ms, read.cache_scope) == (3_600_000, "public")


async def test_an_older_chat_is_given_todays_page(client: Client) -> None:
    """Its answer still names the address of the version that gave it."""
    read = await client.read_resource("ui://vast/0.0.1/offers.html")
    assert read.contents[0].text == views.page("offers")


async def test_an_address_of_no_page_is_refused_with_those_that_there_are(client: Client) -> None:
    with pytest.raises(MCPError, match="no such resource") as refused:
        await client.read_resource("ui://vast/0.1.0/other.html")
    assert apps.address_of("offers") in refused.value.error.message


# ── what they are made of ──────────────────────────────────────────────────────────────────────


@EVERY
def test_a_page_is_one_small_file_that_only_its_own_parts_can_run_in(name: str) -> None:
    """Its policy names its style and its script by what is in them, and nothing else."""
    html = views.page(name)
    assert len(html.encode()) < 60_000
    assert html.count("<script") == html.count("<style") == 1
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    hashes = [
        base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        for part in re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", html, re.DOTALL)
    ]
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{hashes[1]}'; style-src 'sha256-{hashes[0]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert html.index("Content-Security-Policy") < html.index("<style")


FORBIDDEN = {
    "makes markup of text": r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser",
    "runs text": r"\beval\(|new Function|javascript:",
    "asks a network": r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|\bimport\b",
    "names another place": r"https?://(?!www\.w3\.org/)|@import|url\(",
    "styles by attribute, which the policy refuses": r"\bstyle=|\"style\":| style: \"",
    "handles events in markup": r"<[^>]*\son[a-z]+=",
}


@EVERY
@pytest.mark.parametrize("why", FORBIDDEN)
def test_a_page_holds_nothing_that_could_carry_a_strangers_text_out_or_in(
    name: str, why: str
) -> None:
    """What strangers wrote is text nodes, and a page asks its host alone."""
    assert re.search(FORBIDDEN[why], views.page(name)) is None


@EVERY
def test_readme_has_a_small_picture_of_each_page(name: str) -> None:
    """`VIEWS_PICTURES=FOLDER make views` takes them anew."""
    assert f"(docs/pictures/{name}.png)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert (ROOT / "docs" / "pictures" / f"{name}.png").stat().st_size < 120_000


def test_every_part_belongs_to_a_page() -> None:
    """A renamed page leaves nothing behind. What is for paper goes along with any (paper.py)."""
    parts = {path.stem for path in PARTS.iterdir() if path.suffix in {".css", ".html", ".js"}}
    assert parts == {*views.NAMES, "shared", "paper"}
