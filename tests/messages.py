"""Messages that are none, with what is answered to them, and the nearest ones that are."""

from __future__ import annotations

from typing import Any

from vast_mcp.host.messages import LONGEST

PARSE_ERROR, INVALID_REQUEST = -32700, -32600


def asking(number: str, text: str = '"x"') -> bytes:
    """A call of a tool, with this JSON as an argument."""
    params = f'{{"name":"show_instances","arguments":{{"a":{text}}}}}'
    return f'{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{params}}}'.encode()


def id_last(text: str) -> bytes:
    """The same in the order of the TypeScript SDK."""
    params = f'{{"name":"show_instances","arguments":{{"a":{text}}}}}'
    return f'{{"method":"tools/call","params":{params},"jsonrpc":"2.0","id":7}}'.encode()


DEEP = "[" * 300 + "]" * 300
LONG = f'"{"x" * LONGEST}"'
ROOM = LONGEST - len(asking("7", '""'))
HUGE = f'"{"x" * 20 * LONGEST}"'

_NO_JSON = {
    "a cut emoji": (asking("7", r'"\ud83d"'), 7),
    "the other half": (asking("7", r'"\ude00 and more"'), 7),
    "a cut emoji in a key": (id_last(r'{"\ud83d":1}'), 7),
    "a cut emoji, id last": (id_last(r'"\ud83d"'), 7),
    "300 levels": (asking("7", DEEP), 7),
    "300 levels of objects": (id_last('{"a":' * 300 + "1" + "}" * 300), 7),
    "a number of 5,000 digits": (asking("7", "9" * 5000), 7),
    "an id of 5,000 digits": (asking("9" * 5000), None),
    "a bare word": (asking("7", "nan"), 7),
    "bytes that are no UTF-8": (asking("7").replace(b'"x"', b'"\xe9\xff"'), 7),
    "a surrogate in UTF-8": (asking("7").replace(b'"x"', b'"\xed\xa0\xbd"'), 7),
    "UTF-16": (asking("7").decode().encode("utf-16"), None),
    "a NUL inside": (asking("7").replace(b'"x"', b'"\0"'), 7),
    "a NUL behind": (asking("7") + b"\0", 7),
    "a NUL alone": (b"\0", None),
    "a raw tab in a text": (asking("7", '"\t"'), 7),
    "cut in its middle": (asking("7")[:-9], 7),
    "cut at its start": (asking("7")[9:], None),
    "cut in its id": (id_last('"x"')[:-1], None),
    "a text id, cut after it": (id_last('"x"')[:-2] + b'"seven"', None),
    "text ids": (asking(r'"se\"ven"', "nan"), 'se"ven'),
    "a number with a point as id": (asking("7.5", "nan"), 7.5),
    "two ids": (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping",}', None),
    "two messages": (asking("7") + asking("8"), None),
    "an id within, none outside": (b'{"jsonrpc":"2.0","method":"x","params":{"id":3},}', None),
    "an id in a text": (b'{"jsonrpc":"2.0","method":"x","params":"\\",\\"id\\":3}",}', None),
    "a trailing comma": (b'{"jsonrpc":"2.0","id":7,"method":"ping",}', 7),
    "quotes of Python": (b"{'jsonrpc':'2.0','id':7,'method':'ping'}", None),
    "words": (b"hello", None),
    "an unclosed text": (b'{"jsonrpc":"2.0","id":7,"method":"' + rb"\"" * 50_000, 7),
    "open brackets": (b"[" * 20_000, None),
}  # fmt: skip

_NO_MESSAGE = {
    "an empty object": (b"{}", None),
    "an empty batch": (b"[]", None),
    "a batch": (b"[" + asking("7") + b"]", None),
    "a text": (b'"ping"', None),
    "null": (b"null", None),
    "no method": (b'{"jsonrpc":"2.0","id":7}', 7),
    "a method that is no text": (b'{"jsonrpc":"2.0","id":7,"method":5}', 7),
    "params that are a list": (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}', 7),
    "another version": (b'{"jsonrpc":"1.0","id":7,"method":"ping"}', 7),
    "no version": (b'{"id":7,"method":"ping"}', 7),
    "an id that is true": (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', None),
    "an id that is null": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', None),
    "an id with a point": (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', 1.5),
    "an id that is a list": (b'{"jsonrpc":"2.0","id":[7],"method":"ping"}', None),
    "an id of 1,000 digits": (b'{"jsonrpc":"2.0","id":' + b"9" * 1000 + b',"method":"x"}', None),
    "an id of 1,000 letters": (b'{"jsonrpc":"2.0","id":"' + b"x" * 1000 + b'","method":"x"}', None),
    "a method of 1,000 letters": (b'{"jsonrpc":"2.0","id":7,"method":"' + b"x" * 1000 + b'"}', 7),
    "a progress token of 1,000 letters": (
        asking("7").replace(b'"arg', b'"_meta":{"progressToken":"' + b"x" * 1000 + b'"},"arg'),
        7,
    ),
    "100,000 small objects": (asking("7", "[" + ",".join(["{}"] * 100_000) + "]"), 7),
    "500,000 open brackets": (b"[" * 500_000, None),
    "a message of over 1 MiB": (asking("7", LONG), 7),
    "a message of 20 MiB": (asking("7", HUGE), 7),
    "a message of 20 MiB, id last": (id_last(HUGE), 7),
    "20 MiB of id": (asking(HUGE), None),
    "20 MiB of words": (b"x" * 20 * LONGEST, None),
    "20 MiB that end within": (
        b'{"jsonrpc":"2.0","method":"x","params":{"a":' + HUGE.encode() + b',"id":3}}',
        None,
    ),
}  # fmt: skip


# code, line, the id that can be read
NO_MESSAGES: dict[str, tuple[int, bytes, Any]] = {
    what: (code, line, its_id)
    for code, rows in ((PARSE_ERROR, _NO_JSON), (INVALID_REQUEST, _NO_MESSAGE))
    for what, (line, its_id) in rows.items()
}

LEGAL = {
    "an emoji in two halves": asking("7", r'"\ud83d\ude00"'),
    "an emoji": asking("7", '"😀"'),
    "15,000 small objects": asking("7", "[" + ",".join(["{}"] * 15_000) + "]"),
    "150 levels": asking("7", "[" * 150 + "]" * 150),
    "a number of 4,000 digits": asking("7", "9" * 4000),
    "NaN": asking("7", "NaN"),
    "an infinity": asking("7", "-Infinity"),
    "an escaped NUL": asking("7", r'"\u0000"'),
    "CRLF": asking("7") + b"\r",
    "space around it": b" \t" + asking("7") + b" \t\r",
    "blank lines before it": b"\n  \r\n\t\n" + asking("7"),
    "a byte order mark": b"\xef\xbb\xbf" + asking("7"),
    "an id of 0": asking("0"),
    "an id below 0": asking("-7"),
    "an id of more than 64 bits": asking(str(2**70)),
    "an empty id": asking('""'),
    "an id of 256 letters": asking(f'"{"ü" * 256}"'),
    "id last": id_last('"x"'),
    "just 1 MiB": asking("7", f'"{"x" * ROOM}"'),
}
