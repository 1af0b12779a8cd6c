"""Programs that run others: sh, env, nohup, setsid, timeout; and what tells where one is."""

import asyncio
import os

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, options
from vast_mcp.sandbox.machine.processes import SIGNALS, Process
from vast_mcp.sandbox.machine.shell.launching import NOT_FOUND, become, program
from vast_mcp.sandbox.machine.shell.running import Shell
from vast_mcp.sandbox.machine.shell.source import Source, of_text
from vast_mcp.sandbox.machine.streams import Stream


async def run_program(call: Call, words: list[str]) -> int:
    """Run a program in a child, and wait for it: its status."""
    process = call.process
    child = process.fork()
    child.start(lambda: become(child, words, dict(process.environment)))
    status = await child.wait()
    process.children.pop(child.pid, None)
    return status


async def shell(call: Call) -> int:
    """sh: run a text, a file, or what is read."""
    given, letters = _shell_options(call)
    name, words = call.name, call.words
    if "c" in given:
        if not words:
            raise Usage("-c requires an argument", 2)
        text = words[0]
        made = Shell(call.process, words[1] if len(words) > 1 else name, words[2:])
        source = of_text(text)
    elif words and "s" not in given:
        path = words[0]
        try:
            source = of_text(os.fsdecode(await call.contents(path)))
        except OSError as error:
            raise Usage(f"cannot open {path}: {error.strerror}", 2) from None
        made = Shell(call.process, path, words[1:])
    else:
        made = Shell(call.process, name, words)
        source = _of_stream(call.process.stream(0))
    made.options = letters
    return await made.live(lambda: made.read_and_run(source))


def _shell_options(call: Call) -> tuple[set[str], set[str]]:
    given, letters = set[str](), set[str]()
    while call.words and call.words[0][:1] in {"-", "+"} and call.words[0] != "-":
        word = call.words.pop(0)
        if word == "--":
            break
        if word in {"--login", "--posix", "--norc", "--noprofile"}:
            continue
        for letter in word[1:]:
            if letter not in "csileufxCnvmba":
                raise Usage(f"Illegal option -{letter}", 2)
            (given if letter in "csil" else letters).add(letter)
    return given, letters


def _of_stream(stream: Stream) -> Source:
    """Make a source of what comes, of which no more is read than a line at a time."""

    async def line() -> str:
        data = bytearray()
        while not data.endswith(b"\n") and (more := await stream.read(65_536, until=b"\n")):
            data += more
        return os.fsdecode(bytes(data).replace(b"\0", b""))

    return Source(line)


async def with_environment(call: Call) -> int:
    """env: show the environment, or run something with more in it, or less."""
    given = options(call, "i0", "u")
    environment = {} if "i" in given else dict(call.process.environment)
    environment.pop(given.get("u", ""), None)
    while call.words and "=" in call.words[0]:
        name, _, value = call.words.pop(0).partition("=")
        environment[name] = value
    if not call.words:
        end = "\0" if "0" in given else "\n"
        await call.out("".join(f"{name}={value}{end}" for name, value in environment.items()))
        return 0
    return await become(call.process, call.words, environment)


async def show_environment(call: Call) -> int:
    environment = call.process.environment
    if not call.words:
        await call.out("".join(f"{name}={value}\n" for name, value in environment.items()))
        return 0
    known = [environment[name] for name in call.words if name in environment]
    await call.out("".join(f"{value}\n" for value in known))
    return int(len(known) < len(call.words))


async def without_hangup(call: Call) -> int:
    """nohup: nothing here is a terminal, so nothing is redirected."""
    call.process.ignored.add(SIGNALS["HUP"])
    return await _become(call)


async def in_own_session(call: Call) -> int:
    """setsid: lead a session; who leads a group already does it in a child."""
    given = options(call, "fwc")
    process = call.process
    if process.group != process.pid and "f" not in given:
        process.leave()
        return await _become(call)
    child = process.fork()
    child.leave()
    words = call.words
    child.start(lambda: become(child, words, dict(process.environment)))
    return await child.wait() if "w" in given else 0


async def _become(call: Call) -> int:
    if not call.words:
        raise Usage("missing operand", 125)
    return await become(call.process, call.words, dict(call.process.environment))


async def in_time(call: Call) -> int:
    """timeout: end a program that takes too long."""
    given = options(call, "fpv", "ks")
    if len(call.words) < 2:
        raise Usage("missing operand", 125)
    seconds, words = duration(call.words[0]), call.words[1:]
    process = call.process
    child = process.fork()
    child.start(lambda: become(child, words, dict(process.environment)))
    try:
        async with asyncio.timeout(seconds or None):
            return await child.wait()
    except TimeoutError:
        _end(child, given.get("s", "TERM"))
    await _ended(child, duration(given["k"]) if "k" in given else None)
    return 124


def _end(child: Process, name: str) -> None:
    number = SIGNALS.get(name.upper().removeprefix("SIG"), SIGNALS["TERM"])
    child.signal(int(name) if name.isdigit() else number)


async def _ended(child: Process, seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            await child.wait()
    except TimeoutError:
        child.kill()


def duration(text: str) -> float:
    """Read seconds: 5, 0.5, 2m, 1h, 1d."""
    factor = {"s": 1, "m": 60, "h": 3600, "d": 86_400}.get(text[-1:], 0)
    try:
        return float(text[:-1]) * factor if factor else float(text)
    except ValueError:
        raise Usage(f"invalid time interval '{text}'", 125) from None


async def which(call: Call) -> int:
    options(call, "as")
    status = 0
    for word in call.words:
        found = program(call.process, word, call.process.environment.get("PATH", ""))
        if found is None:
            status = 1
        else:
            await call.out(f"{found[1]}\n")
    return status


RUNNING: dict[str, Command] = {
    "env": with_environment,
    "nohup": without_hangup,
    "printenv": show_environment,
    "setsid": in_own_session,
    "sh": shell,
    "timeout": in_time,
    "which": which,
}

__all__ = ["NOT_FOUND", "RUNNING", "duration", "run_program"]
