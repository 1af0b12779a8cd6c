"""What holds of every page: it fits, can be read and used, and asks nobody but its host."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp import Client

from drawn import FIRST, OTHERS, SCRIPT, a_leased_machine, first_answer, hostile
from stage import Profile, Stage, as_result, unlike_the_schema
from vast_mcp import views
from vast_mcp.sandbox.world import World

pytestmark = pytest.mark.anyio

EVERY = pytest.mark.parametrize("name", views.NAMES)
WIDTHS = (320, 480, 720, 1100, 1600)
AXE = """() => axe.run(document, {resultTypes: ["violations"]}).then((found) =>
  found.violations.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 200)}`))"""


async def against_axe(stage: Stage, axe: str) -> list[str]:
    await stage.view.evaluate(f"{axe}; 0")
    return await stage.view.evaluate(AXE)


@EVERY
async def test_a_page_fits_every_width_in_both_themes(
    stage: Stage, world: World, client: Client, axe: str, schema: dict[str, Any], name: str
) -> None:
    """320 to 1,600 px, light and dark, without a violation that axe-core finds."""
    answer = await first_answer(name, client, world)
    for width in WIDTHS:
        theme = "dark" if width in {480, 1100} else "light"
        await stage.open(views.page(name), as_result(answer), theme=theme, width=width)
        await stage.view.locator(FIRST[name]).first.wait_for()
        wide = await stage.view.evaluate("document.documentElement.scrollWidth - innerWidth")
        ground = await stage.view.evaluate("getComputedStyle(document.documentElement).background")
        assert wide <= 0, width
        assert ("rgb(23, 25, 28)" in ground) == (theme == "dark")
        assert await against_axe(stage, axe) == []
        assert unlike_the_schema(await stage.sent(), schema) == []
        assert (await stage.breaches(), stage.strayed, stage.console) == ([], [], [])
        await stage.close()


async def test_without_a_theme_of_the_hosts_the_systems_counts(
    stage: Stage, world: World, client: Client
) -> None:
    answer = await first_answer("money", client, world)
    await stage.open(views.page("money"), as_result(answer), theme=None, scheme="dark")
    assert await stage.view.evaluate("document.documentElement.dataset.theme") == "dark"
    await stage.page.evaluate(
        "send({method: 'ui/notifications/host-context-changed', params: {theme: 'light'}})"
    )
    await stage.view.locator("html[data-theme=light]").wait_for()


def as_vs_code(html: str) -> str:
    """VS Code puts a policy and a script of its own before all else in the head, where ours does
    not reach: the page finds its host wrapped (docs/views.md).
    """
    script = """
window.hosts = "ran";
const real = window.parent;
const wrapped = new Proxy(real, {
  get: (own, key) => key === "postMessage" ? (message) => real.postMessage(message, "*") : own[key],
});
const add = window.addEventListener.bind(window);
window.addEventListener = (kind, act, more) => add(kind, kind !== "message" ? act : (event) =>
  act(new Proxy(event, { get: (own, key) => key === "source" ? wrapped : own[key] })), more);
window.parent = wrapped;
"""
    policy = (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
    )
    first = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    return html.replace("<head>", f"<head>{first}<script>{script}</script>", 1)


HOSTS = [
    Profile("Claude Desktop", mode="write", text_alone=True, capabilities={"serverTools": {}}),
    Profile("Goose", capabilities={"openLinks": {}}),
    Profile("Inspector", mode="opaque", ids_as_text=True),
]


async def test_a_page_works_as_each_host_shows_it(
    stage: Stage, world: World, client: Client
) -> None:
    """What is known of the hosts' ways (docs/views.md): text alone, no origin, a page that is
    written into its frame, few capabilities named.
    """
    answer = await first_answer("offers", client, world)
    for host in HOSTS:
        stage.calls.clear()
        await stage.open(views.page("offers"), as_result(answer), profile=host)
        await stage.view.get_by_role("button", name="Choose").first.click()
        await stage.view.get_by_role("button", name="Rent for $").wait_for()
        assert (await stage.breaches(), stage.console) == ([], []), host.name
        told = await stage.sent("ui/update-model-context")
        assert not told
        await stage.close()


async def test_a_page_finds_its_host_where_that_wraps_itself(
    stage: Stage, world: World, client: Client
) -> None:
    """VS Code's way, by which the page is read and written anew as well: its script runs, ours does
    by its hash, and a script that comes after our policy would not.
    """
    answer = await first_answer("offers", client, world)
    code = Profile("VS Code", mode="rewritten", around=as_vs_code)
    await stage.open(views.page("offers"), as_result(answer), profile=code)
    await stage.view.get_by_role("button", name="Choose").first.click()
    await stage.view.get_by_role("button", name="Rent for $").wait_for()
    assert await stage.view.evaluate("window.hosts") == "ran"
    assert (await stage.breaches(), stage.console) == ([], [])
    await stage.close()
    late = Profile(
        "a late script",
        mode="rewritten",
        around=lambda html: as_vs_code(html).replace("</head>", "<script>late = 1</script></head>"),
    )
    await stage.open(views.page("offers"), as_result(answer), profile=late)
    assert await stage.view.evaluate("typeof late") == "undefined"
    assert await stage.breaches()


FAILED = "showFailure(new Refusal({message: 'No.', next_steps: [{tool: 'a', why: 'b'}]}))"


async def opened(stage: Stage, name: str) -> None:
    """Open what a page unfolds: a panel with its price, ways in, second looks, a failure."""
    view = stage.view
    if name == "offers":
        await view.get_by_role("button", name="Choose").first.click()
        await view.get_by_role("button", name="Rent for $").wait_for()
    elif name == "machines":
        for way in await view.get_by_text("Ways in").all():
            if await way.is_visible():
                await way.click()
        for act in ("Destroy", "Extend"):
            await view.get_by_role("button", name=f"{act}: machine").first.click()
            await view.locator(".look button").first.wait_for()
    else:
        await view.get_by_label("Days").select_option("30")
    await stage.until("!document.querySelector('[aria-busy]')")
    await view.evaluate(FAILED)


@EVERY
@pytest.mark.parametrize(("theme", "width"), [("light", 720), ("dark", 320)])
async def test_what_a_page_unfolds_fits_and_can_be_read(
    stage: Stage, world: World, client: Client, axe: str, name: str, theme: str, width: int
) -> None:
    """Panels, second looks and failures too, in both themes."""
    if name == "machines":
        world.raise_price(await a_leased_machine(client, world))
    answer = await first_answer(name, client, world)
    await stage.open(views.page(name), as_result(answer), theme=theme, width=width)
    await opened(stage, name)
    assert await against_axe(stage, axe) == []
    assert await stage.view.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert (await stage.breaches(), stage.strayed, stage.console) == ([], [], [])


async def test_a_host_that_hands_over_no_result_is_asked_for_it(stage: Stage, world: World) -> None:
    """Some lose the first result; a page only reads by itself."""
    await stage.open(views.page("money"), None)
    await stage.view.get_by_text("$25.00").wait_for()
    assert stage.calls[0] == ("show_account", {})


@EVERY
async def test_what_strangers_wrote_stays_text(stage: Stage, axe: str, name: str) -> None:
    """Markup, ten thousand characters and marks that turn lines around, in every field that a
    stranger can fill.
    """
    answers = hostile(name)

    async def answer(tool: str, _: dict[str, Any]) -> dict[str, Any]:
        return as_result(answers.get(tool, {"error": {"code": "x", "message": SCRIPT}}))

    stage.answer = answer
    await stage.open(views.page(name), as_result(answers[OTHERS[name]]), width=360)
    await stage.view.get_by_text("onerror").first.wait_for()
    assert await stage.view.locator("img, iframe, b, script:not(body > script)").count() == 0
    wide = await stage.view.evaluate("document.documentElement.scrollWidth - innerWidth")
    high = await stage.view.evaluate("document.documentElement.getBoundingClientRect().height")
    assert wide <= 0
    assert high < 3_000
    assert await against_axe(stage, axe) == []
    assert (await stage.breaches(), stage.strayed, stage.console) == ([], [], [])


async def test_a_page_that_breaks_the_policy_is_noticed(stage: Stage) -> None:
    """The control: an empty list of breaches means something."""
    bad = views.page("money").replace(
        "<main>", '<main><p style="color:red">x</p><img src="https://example.com/x" alt="">'
    )
    await stage.open(bad, as_result({"credit_usd": 1.0}))
    found = json.dumps(await stage.breaches())
    assert "style-src" in found
    assert "img-src" in found


async def test_a_view_ends_when_its_host_says_so(
    stage: Stage, world: World, client: Client
) -> None:
    """A request that it does not know is refused by the protocol's own code."""
    answer = await first_answer("machines", client, world)
    await stage.open(views.page("machines"), as_result(answer))
    await stage.page.evaluate(
        "send({id: 'end', method: 'ui/resource-teardown', params: {}});"
        "send({id: 'odd', method: 'tools/list', params: {}})"
    )
    await stage.page.wait_for_function("seen.some(m => m.id === 'odd')")
    replies = await stage.page.evaluate("seen.filter(m => !m.method)")
    assert {one["id"]: one.get("error", {}).get("code") for one in replies} == {
        "end": None,
        "odd": -32601,
    }
    assert await stage.view.evaluate("host.ended") is True
