"""What stands where Vast.ai should: a service that answers with what it likes, and listeners that
note whether they were sent the key.
"""

from __future__ import annotations

import contextlib
import gzip
import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attack.server import KEY

HUGE = 600_000_000
_PART = b" " * (1 << 20)


class Service(http.server.ThreadingHTTPServer):
    """`answer` writes the reply; `keys` counts the requests that held the key."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer: Callable[[Handler], None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.keys = 0

    @property
    def port(self) -> int:
        return self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever hangs up does so on purpose."""


class Handler(http.server.BaseHTTPRequestHandler):
    """Any request, and whatever the service answers."""

    server: Service
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        with contextlib.suppress(OSError):
            super().handle_one_request()
            return
        self.close_connection = True

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.keys += KEY in f"{self.path}{self.headers}{body!r}"
        self.server.answer(self)

    do_GET = do_PUT = do_POST = do_DELETE = _any

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def say(handler: Handler, body: bytes, *headers: tuple[str, str], status: int = 200) -> None:
    handler.send_response(status)
    for name, value in (*headers, ("Content-Length", str(len(body)))):
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def plain(handler: Handler) -> None:
    """600 MB of JSON's own space, and then an answer that would do."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(HUGE + 2))
    handler.end_headers()
    for _ in range(HUGE // len(_PART)):
        handler.wfile.write(_PART)


def endless(handler: Handler) -> None:
    """The same without a length, in chunks, and no end."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for _ in range(HUGE // len(_PART)):
        handler.wfile.write(b"100000\r\n" + _PART + b"\r\n")


_BOMB = gzip.compress(_PART * (HUGE // len(_PART)) + b"{}", 1)


def bomb(handler: Handler) -> None:
    """600 MB of them in a few."""
    say(handler, _BOMB, ("Content-Encoding", "gzip"))


def many_rows(handler: Handler) -> None:
    """A list that is not long in bytes, and long in parts."""
    say(handler, b'{"success":true,"offers":[' + b"{}," * 1_000_000 + b'{}],"instances":[]}')


def odd_numbers(handler: Handler) -> None:
    """Every number that a reader may trip over."""
    row = b'{"id":1e308,"machine_id":9223372036854775808,"dph_total":-1e308,"num_gpus":1.5e300}'
    say(handler, b'{"success":true,"offers":[' + row + b'],"instances":[' + row + b"]}")


def deep(handler: Handler) -> None:
    say(handler, b"[" * 200_000 + b"]" * 200_000)


@contextmanager
def serving(
    answer: Callable[[Handler], None], tls: ssl.SSLContext | None = None
) -> Iterator[Service]:
    with Service(answer) as made:
        if tls is not None:
            made.socket = tls.wrap_socket(
                made.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield made
        finally:
            made.shutdown()
