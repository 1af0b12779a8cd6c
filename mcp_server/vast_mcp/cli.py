"""The command, and the composition root: the only place that joins the catalogue, the settings and a transport."""

from __future__ import annotations

import argparse
import io
import json
import os
import secrets
import shlex
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import anyio
from pydantic import SecretStr

from vast_mcp import __version__, signals, terminal, tracing
from vast_mcp.settings import Settings, SettingsError, load

EXIT_OK, EXIT_ERROR, EXIT_USAGE, EXIT_MAYBE_BILLING = 0, 1, 2, 3

# A script has no host that cuts it off: long enough to prove that a lost request made nothing.
WAIT_S = 200.0
LONGEST_WAIT_S = 86_400.0

EPILOG = """\
exit status of `call`, `reconcile` and `sweep`:
  0  success
  1  an error; nothing bills because of this call
  2  wrong usage: the command, the tool's name or its arguments
  3  may be billing: repeat this exact command
"""

APPROVE = """\
A code comes with the error needs_confirmation. It is good for ten minutes,
for one act with exactly the arguments it was made for, at the price shown or
less.

exit status: 0 approved; 1 not approved; 2 wrong usage
"""


DOCTOR_EPILOG = """\
exit status:
  0  nothing failed (warnings may be there)
  1  something failed
  2  wrong usage
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="vast-mcp",
        description="An MCP server for renting GPUs on Vast.ai.\nWithout a command it serves MCP on stdin and stdout.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"vast-mcp {__version__}")
    _common(top)
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    http = commands.add_parser(
        "serve",
        help="serve MCP over HTTP, on loopback, to whoever has the token",
        description="Serves MCP over HTTP. Clients show the token: VAST_MCP_HTTP_TOKEN, or one made\nand printed for "
        "this run. VAST_API_KEY must be set: key files are not read here.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    http.add_argument("--http", metavar="[HOST:]PORT", required=True,
                      help="where to listen; HOST is an IP address or localhost (default 127.0.0.1), port 0 any free "
                           "one")  # fmt: skip
    http.add_argument("--behind-proxy", action="store_true",
                      help="allow other addresses; for a proxy that adds TLS. Needs --allowed-host")  # fmt: skip
    http.add_argument("--allowed-host", action="append", default=[], metavar="NAME",
                      help="a name that clients know the proxy by, as in their Host header; repeatable")  # fmt: skip

    box = commands.add_parser("sandbox", help="serve the pretended Vast.ai API on a port (for VAST_URL)")
    box.add_argument("--port", type=_port, default=8733, help="port, 0 for any free one (default 8733)")
    box.add_argument("--seed", type=int, default=7, help="seed of the world (default 7)")

    commands.add_parser("demo", help="watch a client rent, look and destroy on the sandbox")

    look = commands.add_parser(
        "doctor",
        help="look at key, scopes, SSH keys, journal, limits and hosts; each fault with what mends it",
        description="Looks at what a rental needs and says what would mend each fault.\nReads only; shows no key.",
        epilog=DOCTOR_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    look.add_argument("--json", action="store_true", help="print JSON")

    call = commands.add_parser(
        "call",
        help="call one tool and print its JSON",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    call.add_argument("tool", help="name of the tool, e.g. search_offers")
    call.add_argument("arguments", nargs="?", default="{}", help="a JSON object (default {})")
    settle = commands.add_parser(
        "reconcile", help="settle rentals whose reply was lost; status 3 while any is open", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    settle.add_argument("--json", action="store_true", help="print JSON")
    settle.add_argument(
        "--wait", type=_seconds, default=WAIT_S, metavar="S", help="seconds to try at most (default 200)"
    )
    broom = commands.add_parser(
        "sweep", help="destroy machines past their lease; status 3 while any is left", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    broom.add_argument("--json", action="store_true", help="print JSON")
    broom.add_argument("--dry-run", action="store_true", help="only say what is past its lease; 3 where anything is")
    approve = commands.add_parser(
        "approve", help="say yes to what a server wants to do, by its code", epilog=APPROVE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    approve.add_argument("code", help="the code, e.g. K7QF-M2XR")
    approve.add_argument("--yes", action="store_true", help="do not ask again")
    approve.add_argument("--json", action="store_true", help="print JSON")
    for sub in (http, look, call, settle, broom, approve):
        _common(sub, sandbox=sub is not approve, default=argparse.SUPPRESS)
    return top


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError("0 (any free one) to 65535")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= LONGEST_WAIT_S:
        raise argparse.ArgumentTypeError(f"seconds, 0 to {LONGEST_WAIT_S:g}")
    return value


def _common(which: argparse.ArgumentParser, *, sandbox: bool = True, **kept: Any) -> None:
    """What may stand before a command and after it. A code is approved in a journal on disk, which no sandbox has."""
    if sandbox:
        which.add_argument("--sandbox", action="store_true", help="use a local, pretended Vast.ai; no money moves",
                           **kept)  # fmt: skip
    which.add_argument("--env-file", type=Path, metavar="FILE", help="read settings from FILE (no other file is read)",
                       **kept)  # fmt: skip


def run(argv: Sequence[str], loaded: Callable[[], None] = lambda: None) -> int:
    """Run the command; its exit status. `loaded` is called once, when what it takes to serve over stdio is loaded, and
    for every other command before it begins."""
    options = parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what a terminal cannot show must end nothing
    try:
        return _run(options, loaded)
    except KeyboardInterrupt:
        return EXIT_MAYBE_BILLING if options.command == "call" else signals.INTERRUPTED


def _run(options: argparse.Namespace, loaded: Callable[[], None]) -> int:
    if options.command is not None:
        loaded()
    if options.command == "sandbox":
        return serve_sandbox(options.port, options.seed)
    if options.command == "demo":
        from vast_mcp.demo import play

        return anyio.run(play)
    try:
        settings = load(os.environ, home=Path.home(), env_file=options.env_file, sandbox=options.sandbox,
                        key_files=options.command != "serve")  # fmt: skip
    except SettingsError as exc:
        if options.command == "doctor":
            return anyio.run(examine_once, exc, options.json, _command(options))
        print(f"vast-mcp: {exc}", file=sys.stderr)
        return EXIT_USAGE
    if options.command == "doctor":
        return anyio.run(examine_once, settings, options.json, _command(options))
    if options.command == "serve":
        return serve_http(settings, options.http, options.behind_proxy, options.allowed_host)
    if options.command == "reconcile":
        return anyio.run(reconcile_once, settings, options.json, options.wait)
    if options.command == "sweep":
        return anyio.run(sweep_once, settings, options.json, options.dry_run)
    if options.command == "approve":
        return approve_once(settings, options.code, yes=options.yes, as_json=options.json)
    if options.command == "call":
        return anyio.run(call_once, settings, options.tool, options.arguments)
    return serve_stdio(settings, loaded)


def _command(options: argparse.Namespace) -> str:
    """The command with the options that choose settings, for a line that somebody is to run next."""
    words = ["vast-mcp", *(["--sandbox"] if options.sandbox else [])]
    return shlex.join([*words, *(["--env-file", str(options.env_file)] if options.env_file else [])])


def warn(text: str) -> None:
    """A line for the person who reads the server's log."""
    print(f"vast-mcp: {text}", file=sys.stderr, flush=True)


def compose(settings: Settings) -> Any:
    """The server over the whole catalogue, on the in-process sandbox where the settings say so."""
    from vast_mcp.server import build
    from vast_mcp_tools import CATALOGUE

    settings, app = with_sandbox(settings)
    return build(settings, CATALOGUE, app)


def with_sandbox(settings: Settings) -> tuple[Settings, Any]:
    """The settings and the in-process sandbox, where they ask for it."""
    if not settings.sandbox:
        return settings, None
    from vast_mcp.sandbox.routes import create_app
    from vast_mcp.sandbox.world import World

    # As the real one: its limits are enforced, so its pace is kept; doors answer as SSH does.
    kept = replace(settings, times=replace(settings.times, pace=1.0))
    world = World(limits=True, ssh_banners=True, looks_per_step=None, seconds_per_step=0.9)
    return kept, create_app(world)


def serve_stdio(settings: Settings, loaded: Callable[[], None]) -> int:
    """Serve MCP on stdin and stdout until stdin ends."""
    # The SDK's reader thread would keep the process alive after an interrupt until stdin closes.
    signals.end_at_once()
    with tracing.spans(os.environ, settings.secrets(), warn):
        server = compose(settings)
        loaded()
        server.run("stdio")
    return EXIT_OK


def serve_http(settings: Settings, where: str, behind_proxy: bool, allowed_hosts: Sequence[str]) -> int:
    """Serve MCP over HTTP until asked to end. The token is printed where it was made here."""
    from vast_mcp import serving

    made = settings.http_token is None
    token = settings.http_token or SecretStr(secrets.token_urlsafe(32))
    settings = replace(settings, http_token=token)
    try:
        address = serving.Address.of(where, behind_proxy=behind_proxy, allowed_hosts=allowed_hosts)
        listener = serving.listen(address)
    except serving.AddressError as exc:
        print(f"vast-mcp serve: {exc}", file=sys.stderr)
        return EXIT_USAGE
    except OSError as exc:
        print(f"vast-mcp serve: {where} cannot be listened on: {exc.strerror}", file=sys.stderr)
        return EXIT_ERROR
    print(f"vast-mcp listens on {serving.url_of(listener)}", file=sys.stderr)
    if settings.api_key is None:
        warn("no key: every tool answers no_api_key. VAST_API_KEY sets it; key files are not read here.")
    if made:
        print(f"The token, made for this run (VAST_MCP_HTTP_TOKEN keeps one): {token.get_secret_value()}",
              file=sys.stderr, flush=True)  # fmt: skip
    with tracing.spans(os.environ, settings.secrets(), warn):
        serving.serve(compose(settings), address, listener, token.get_secret_value())
    return EXIT_OK


def serve_sandbox(port: int, seed: int) -> int:
    """Serve the sandbox's API on loopback until interrupted."""
    from vast_mcp.sandbox.routes import serve
    from vast_mcp.sandbox.world import World

    def ready(url: str) -> None:
        print(f"A pretended Vast.ai listens on {url} (no money moves). Use it: export VAST_URL={url}", flush=True)

    # An account of its own for every world: a journal must not take this one for an earlier one.
    try:
        serve(World(seed=seed, user_id=secrets.randbelow(10**9)), "127.0.0.1", port, on_ready=ready)
    except OSError as exc:
        print(f"vast-mcp sandbox: port {port} cannot be listened on: {exc.strerror}", file=sys.stderr)
        return EXIT_ERROR
    return EXIT_OK


async def call_once(settings: Settings, tool: str, arguments: str) -> int:
    """One tool call through a real MCP client in this process; the JSON goes to stdout."""
    from mcp import Client

    try:
        parsed = json.loads(arguments)
    except (ValueError, RecursionError) as exc:
        print(f"vast-mcp call: the arguments are no JSON: {exc}", file=sys.stderr)
        return EXIT_USAGE
    if not isinstance(parsed, dict):
        print("vast-mcp call: the arguments must be a JSON object", file=sys.stderr)
        return EXIT_USAGE
    patient = replace(settings, times=replace(settings.times, budget_s=settings.times.budget_s + WAIT_S))
    line = terminal.Line(sys.stderr, os.environ)

    async def asking(context: Any, params: Any) -> Any:
        with line.hidden():
            return await ask_here(context, params)

    asks = asking if sys.stdin.isatty() and sys.stderr.isatty() else None
    async with Client(compose(patient), elicitation_callback=asks) as client, line.busy(tool) as say:
        heard = say if line.live else None
        result = await client.call_tool(tool, cast("dict[str, Any]", parsed), progress_callback=heard)
    payload = cast("dict[str, Any]", result.structured_content)
    status = exit_status(payload)
    try:
        print(_json(payload, indent=2), flush=True)
    except OSError as exc:
        # Nobody was told what happened; the same command again is safe, and says it.
        warn(f"the answer could not be written ({exc.strerror})")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter tries again as it ends
        return EXIT_MAYBE_BILLING
    return status


def _json(value: Any, indent: int | None = None) -> str:
    """JSON as this stdout can write it."""
    unicode = (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    return json.dumps(value, ensure_ascii=not unicode, indent=indent)


async def ask_here(context: Any, params: Any) -> Any:  # noqa: ARG001
    """A question of the server's to the person at this terminal."""
    from mcp.types import ElicitResult

    if await anyio.to_thread.run_sync(_agrees, params.message):
        return ElicitResult(action="accept", content={"yes": True})
    return ElicitResult(action="decline")


def _agrees(question: str) -> bool:
    """Ask on the terminal; anything but a yes is a no. On stderr: stdout is for JSON."""
    print(f"{question}\nYes? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def approve_once(settings: Settings, code: str, *, yes: bool, as_json: bool) -> int:
    """Say yes to the question that a code stands for."""
    from vast_mcp import errors
    from vast_mcp.confirm import code_of
    from vast_mcp.journal import Journal

    journal, plain = Journal(settings.state_dir), code_of(code)
    told: dict[str, Any] = {}
    try:
        question = journal.question(plain) if journal.exists() else None
        if question is None:
            problem = "no such code in this state folder (VAST_MCP_STATE_DIR must be the server's)"
        elif question.used:
            problem = "this was used already: a code is good for one act"
        elif question.over(time.time()):
            problem = "the code's ten minutes are over; the same call makes a new one"
        else:
            told = {"question": question.said, "usd_per_hour": question.usd_per_hour}
            problem = "" if yes or (sys.stdin.isatty() and _agrees(question.said)) else "nobody said yes; --yes does"
            if not problem and question.approved_at is None and not journal.approve(plain):
                problem = "the code's time ended just now; the same call makes a new one"
    except errors.VastMcpError as exc:
        problem = str(exc)
    finally:
        journal.close()
    told = {"approved": not problem, **told} | ({"problem": problem} if problem else {})
    if as_json:
        print(_json(told))
    else:
        print(
            *([told["question"]] if "question" in told else []), f"vast-mcp approve: {problem or 'approved'}", sep="\n"
        )
    return EXIT_ERROR if problem else EXIT_OK


def exit_status(payload: dict[str, Any]) -> int:
    """What a script needs to know of a result."""
    error = payload.get("error")
    if error is None:
        return EXIT_OK
    if error["billing_possible"]:
        return EXIT_MAYBE_BILLING
    return EXIT_USAGE if error["code"] in {"bad_arguments", "unknown_tool"} else EXIT_ERROR


async def examine_once(settings: Settings | SettingsError, as_json: bool, command: str) -> int:
    """Look at everything once; 1 where something failed. `command`: with the options that say which settings hold."""
    from vast_mcp import doctor

    app = None
    if isinstance(settings, Settings):
        settings, app = with_sandbox(settings)
    line = terminal.Line(sys.stderr, os.environ)
    patient = doctor.Patient(settings, Path.home(), Path.cwd(), app, command)
    try:
        rows = await doctor.examine(patient, lambda what: line.show(f"looking at {what} …"))
    finally:
        line.clear()
    found = doctor.as_json(rows)
    if as_json:
        print(_json(found, indent=2))
        return EXIT_OK if found["ok"] else EXIT_ERROR
    colours = {"ok": 32, "warn": 33, "fail": 31}
    for row in rows:
        status = terminal.painted(f"{row.status:<4}", colours[row.status], os.environ, sys.stdout)
        first, *rest = textwrap.wrap(row.said, 60, break_long_words=False, break_on_hyphens=False) or [""]
        print(f"{status}  {row.name:<12}  {first}")
        for more in rest:
            print(" " * 20 + more)
        if row.mend:
            print(" " * 18 + f"{'→' if '→'.encode(sys.stdout.encoding or 'ascii', 'ignore') else '>'} {row.mend}")
    return EXIT_OK if found["ok"] else EXIT_ERROR


async def reconcile_once(settings: Settings, as_json: bool, wait_s: float) -> int:
    """Settle what is open for up to `wait_s` seconds and say what became of it."""
    from vast_mcp import errors
    from vast_mcp.account import account_of
    from vast_mcp.toolspec import Call, Office

    office = Office(*with_sandbox(settings))
    call = Call.quiet(office)
    try:
        account, _ = await account_of(call)
        before = office.journal.open_intents(account)
        await office.reconciler.settle(call.vast, account, anyio.current_time() + wait_s)
        after = [office.journal.by_token(intent.token) or intent for intent in before]
        still_open = office.journal.open_intents(account)
    except errors.VastMcpError as exc:
        print(_json({"error": exc.as_json()}) if as_json else f"vast-mcp reconcile: {exc}")
        return exit_status({"error": exc.as_json()})
    finally:
        await office.close()
    rows = [
        {"token": i.token, "offer_id": i.offer_id, "request_key": i.request_key, "state": i.state}
        | ({"instance_id": i.instance_id} if i.instance_id else {})
        for i in after
    ]
    if as_json:
        print(_json({"settled": [r for r in rows if r["state"] not in {"unknown", "sending"}],
                          "open": [r for r in rows if r["state"] in {"unknown", "sending"}]}))  # fmt: skip
    else:
        for row in rows:
            print("  ".join(f"{name}={value}" for name, value in row.items()))
        print(f"{len(still_open)} open" if still_open else "nothing open")
    return EXIT_MAYBE_BILLING if still_open else EXIT_OK


async def sweep_once(settings: Settings, as_json: bool, dry_run: bool) -> int:
    """Destroy what is past its lease, once, and say what became of it."""
    from vast_mcp import errors
    from vast_mcp.sweep import sweep
    from vast_mcp.toolspec import Call, Office, utc

    office = Office(*with_sandbox(settings))
    try:
        async with terminal.Line(sys.stderr, os.environ).busy("sweep"):
            swept = await sweep(Call.quiet(office), dry_run=dry_run)
    except errors.VastMcpError as exc:
        print(_json({"error": exc.as_json()}) if as_json else f"vast-mcp sweep: {exc}")
        return EXIT_ERROR
    finally:
        await office.close()
    rows = [{"instance_id": one.instance_id, "lease_until": utc(one.until), "outcome": one.outcome} for one in swept]
    left = sum(one.remains for one in swept)
    if as_json:
        print(_json({"swept": rows, "past_lease": left}))
    else:
        for row in rows:
            print("  ".join(f"{name}={value}" for name, value in row.items()))
        print(f"{left} past their lease, and may bill" if left else "nothing past its lease")
    return EXIT_MAYBE_BILLING if left else EXIT_OK
