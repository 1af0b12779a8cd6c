"""curl and wget: nothing leads out of a machine. What they fetch is 32 MB of zeros, which come as
fast as the offer says.
"""

from urllib.parse import urlsplit

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, opened
from vast_mcp.sandbox.machine.streams import AT_ONCE, Stream

SIZE = 32_000_000  # bytes of everything that is fetched
MBIT = 125_000  # bytes
NO_SUCH_HOST, NOT_CONNECTED, TOO_LATE = 6, 7, 28  # statuses of curl
HERE = frozenset({"localhost", "127.0.0.1", "::1"})
VALUED = frozenset("AHXTbcdemou")  # letters of curl that a value follows; -m is its patience


async def fetch(call: Call) -> int:
    """Fetch one address to standard output or, with -o, into a file."""
    given, addresses = _options(call)
    if not addresses:
        raise Usage("no URL specified", 2)
    host = urlsplit(addresses[0] if "//" in addresses[0] else f"http://{addresses[0]}").hostname
    if host is None:
        await call.complain("(6) Could not resolve host")
        return NO_SUCH_HOST
    if host in HERE:
        await call.complain(f"(7) Failed to connect to {host}: Connection refused")
        return NOT_CONNECTED
    sink = _sink(call, given, addresses[0])
    try:
        return await _zeros(call, sink, float(given.get("m", "inf")))
    finally:
        sink.drop()


def _options(call: Call) -> tuple[dict[str, str], list[str]]:
    given, addresses, words = dict[str, str](), list[str](), list(call.words)
    while words:
        word = words.pop(0)
        if not word.startswith("-") or word == "-":
            addresses.append(word)
        elif not word.startswith("--"):
            _letters(word[1:], words, given, "O" if call.name == "wget" else "")
    return given, addresses


def _letters(letters: str, words: list[str], given: dict[str, str], more: str) -> None:
    while letters:
        letter, letters = letters[0], letters[1:]
        given[letter] = ""
        if letter in VALUED or letter in more:
            given[letter], letters = letters or (words.pop(0) if words else ""), ""


def _sink(call: Call, given: dict[str, str], address: str) -> Stream:
    """Where it goes: curl writes to its output, wget into a file of the address's name."""
    path = given.get("O" if call.name == "wget" else "o", "")
    if not path and (call.name == "wget" or "O" in given):
        path = urlsplit(address).path.rpartition("/")[2] or "index.html"
    if path in {"", "-"}:
        return call.process.stream(1).shared()
    return opened(call.process, path, may="w", make=0o666 & ~call.process.umask, cut=True)


async def _zeros(call: Call, sink: Stream, patience_s: float) -> int:
    machine = call.machine
    rate = machine.hardware.download_mbit * MBIT
    enough = min(SIZE, int(patience_s * rate) if patience_s < SIZE / rate else SIZE)
    for begin in range(0, enough, AT_ONCE):
        part = min(AT_ONCE, enough - begin)
        machine.time.skip(part / rate)
        await sink.write(bytes(part))
    return 0 if enough == SIZE else TOO_LATE


DOWNLOADING: dict[str, Command] = {"curl": fetch, "wget": fetch}
