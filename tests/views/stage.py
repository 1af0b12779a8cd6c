"""A page of ours on a stage: a small host in real Chromium, with the server behind it."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from jsonschema import Draft202012Validator
from mcp import Client
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Frame, Page

HERE = Path(__file__).parent
# What the specification says where a page asks for nothing ("Host Behavior"; docs/hosts.md).
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; media-src 'self' data:; connect-src 'none'; frame-src 'none'; "
    "object-src 'none'; base-uri 'self'"
)
_HEARD = """
window.broken = [];
addEventListener("securitypolicyviolation", (event) =>
  broken.push(event.effectiveDirective + " " + event.blockedURI));
"""
_BREACH = "violates the following Content Security Policy"
ALL = {"openLinks": {}, "serverTools": {}, "updateModelContext": {"text": {}}}

Reading = Callable[[str], Awaitable[dict[str, Any]]]
# An answer `{"refused": error}` is one of JSON-RPC: the host does not make the call.
Answering = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


@dataclass
class Profile:
    """How a host shows a page, after what is known of one (docs/views.md)."""

    name: str
    mode: str = "srcdoc"  # how the page gets into its frame (proxy.html); opaque: without an origin
    capabilities: dict[str, Any] = field(default_factory=lambda: dict(ALL))
    text_alone: bool = False  # the first result comes without its structure
    ids_as_text: bool = False  # in replies
    around: Callable[[str], str] = str  # what the host makes of the page


SPEC = Profile("specification")


class _Pages(http.server.ThreadingHTTPServer):
    """One origin: a file, under a policy, and the reports of what breaks it."""

    def __init__(self, file: str, policy: str | None = None) -> None:
        self.body = (HERE / file).read_bytes()
        self.policy = policy
        self.reports: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Answers)


class _Answers(http.server.BaseHTTPRequestHandler):
    server: _Pages

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        if self.server.policy:
            self.send_header("content-security-policy", f"{self.server.policy}; report-uri /broken")
        self.end_headers()
        self.wfile.write(self.server.body)

    def do_POST(self) -> None:
        self.server.reports.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def origins(host: str = "host.html") -> Iterator[tuple[_Pages, _Pages]]:
    """The host's origin and the sandbox's: two names of this computer."""
    both = _Pages(host), _Pages("proxy.html", POLICY)
    for one in both:
        threading.Thread(target=one.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield both
    finally:
        for one in both:
            one.shutdown()
            one.server_close()


class Stage:
    """One page in one host. `calls` are the view's, in order; `breaches` and `strayed` say what it
    should not have tried.
    """

    def __init__(
        self, browser: Browser, at: tuple[_Pages, _Pages], answer: Answering, read: Reading
    ) -> None:
        self._browser, self._at, self.answer, self.read = browser, at, answer, read
        self.with_clock = False  # a clock that the test puts forward
        self.script: Path | None = None  # that the host's page needs
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.strayed: list[str] = []
        self.console: list[str] = []
        self._context: BrowserContext | None = None
        self.page: Page
        self.view: Frame

    async def open(
        self,
        html: str,
        result: dict[str, Any] | None,
        *,
        args: dict[str, Any] | None = None,
        profile: Profile = SPEC,
        theme: str | None = "light",
        width: int = 720,
        scheme: Any = "light",
    ) -> None:
        """Show a page with a result, as a host does after a tool's call."""
        host, sandbox = self._at
        sandbox.reports.clear()
        context = self._context = await self._browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, device_scale_factor=2
        )
        await context.add_init_script(_HEARD)
        await context.route("**/*", self._only_here)
        page = self.page = await context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        page.on("dialog", self._no_dialog)
        if self.with_clock:
            await page.clock.install()
        await page.expose_function("callServer", self._call)
        await page.expose_function("readServer", self._read)
        await page.goto(f"http://127.0.0.1:{host.server_port}/")
        if self.script is not None:
            await page.add_script_tag(path=self.script)
        if result is not None and profile.text_alone:
            result = {key: result[key] for key in ("content", "isError") if key in result}
        await page.evaluate(
            "given => begin(given)",
            {
                "html": profile.around(html),
                "proxy": f"http://localhost:{sandbox.server_port}/?mode={profile.mode}",
                "capabilities": profile.capabilities,
                "context": {"theme": theme} if theme else {},
                "args": args or {},
                "idsAsText": profile.ids_as_text,
                "result": result,
            },
        )
        await page.wait_for_function(
            "seen.some(m => m.method === 'ui/notifications/size-changed')", timeout=60_000
        )
        [self.view] = [one for one in page.frames if one.parent_frame == page.frames[1]]

    async def _call(self, params: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((params["name"], params.get("arguments", {})))
        return await self.answer(params["name"], params.get("arguments", {}))

    async def _read(self, params: dict[str, Any]) -> dict[str, Any]:
        return await self.read(params["uri"])

    async def _only_here(self, route: Any) -> None:
        url = route.request.url
        if url.startswith(("http://127.0.0.1:", "http://localhost:")):
            await route.continue_()
            return
        self.strayed.append(url)
        await route.abort()

    def _hear(self, message: ConsoleMessage) -> None:
        """What a page says aloud; AppBridge tells each message for debugging."""
        if message.type != "debug":
            self.console.append(message.text)

    async def _no_dialog(self, dialog: Any) -> None:
        self.console.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    async def breaches(self) -> list[str]:
        """What was tried against a policy, by the three ways in which one hears of it: each misses
        some (a page's own policy cannot report; a frame that is written into loses listeners).
        """
        told = [report["csp-report"]["effective-directive"] for report in self._at[1].reports]
        told += await self.view.evaluate("window.broken || []")
        return told + [line for line in self.console if _BREACH in line]

    async def until(self, truth: str) -> None:
        """Wait until an expression holds in the view, whose policy lets no text run there."""
        for _ in range(6_000):
            if await self.view.evaluate(truth):
                return
            await anyio.sleep(0.02)
        raise AssertionError(f"never: {truth}")

    async def picture(self, path: Path, most: int = 1_000) -> None:
        """A picture of the view as high as it is, or of so much of it."""
        height = await self.view.evaluate("document.querySelector('main').scrollHeight + 26")
        width = self.page.viewport_size["width"] if self.page.viewport_size else 720
        await self.page.evaluate("scrollTo(0, 0)")
        await self.page.set_viewport_size({"width": width, "height": min(height, most)})
        await self.page.screenshot(path=path)

    async def sent(self, method: str | None = None) -> list[dict[str, Any]]:
        """The view's own messages: those that have this method."""
        seen = await self.page.evaluate("seen")
        return [one for one in seen if "method" in one and method in {None, one["method"]}]

    async def close(self) -> None:
        if self._context is not None:
            await self._context.close()


def of_server(client: Client) -> Answering:
    """Calls go to a server, as those of a model do."""

    async def answer(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result = await client.call_tool(name, arguments)
        return result.model_dump(mode="json", by_alias=True, exclude_none=True)

    return answer


def resources_of(client: Client) -> Reading:
    """What is behind an address is read as a host reads it."""

    async def read(uri: str) -> dict[str, Any]:
        result = await client.read_resource(uri)
        return result.model_dump(mode="json", by_alias=True, exclude_none=True)

    return read


def as_result(payload: dict[str, Any]) -> dict[str, Any]:
    """An answer as the server puts it on the wire: the same on both channels."""
    return {
        "content": [{"type": "text", "text": json.dumps(payload)}],
        "structuredContent": payload,
        "isError": "error" in payload,
    }


def unlike_the_schema(messages: list[dict[str, Any]], schema: dict[str, Any]) -> list[str]:
    """What of these messages the schema of ext-apps does not allow; plain MCP is not in it."""
    by_method = {
        part["properties"]["method"]["const"]: part
        for part in schema["$defs"].values()
        if "const" in part.get("properties", {}).get("method", {})
    }
    found: list[str] = []
    for message in messages:
        part = by_method.get(message["method"])
        if part is None:
            if message["method"] not in {"tools/call", "resources/read"}:
                found.append(f"{message['method']} is no method of a view")
            continue
        body = {key: value for key, value in message.items() if key not in {"jsonrpc", "id"}}
        found += [
            f"{message['method']}: {error.message}"
            for error in Draft202012Validator({**part, "$defs": schema["$defs"]}).iter_errors(body)
        ]
    return found
