"""A stand-in for a host's model: a loopback server that plays one rental and keeps every request it
was handed.

It decides from the transcript alone, as a model does: what it is asked again it answers again, and
every id that it uses it has read in a result that the host handed over.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Protocol

Json = dict[str, Any]
Events = list[tuple[str, Json]]

PARTING = "The machine is destroyed."
UNKNOWN_ID = 1
MOST_FOLLOWED = 12  # calls of one plan
USED = ("search_offers", "create_instance", "wait_for_instance", "destroy_instance")


class Heard(NamedTuple):
    """A tool's answer as the host handed it to its model."""

    tool: str
    text: str
    marked: bool | None  # as an error; None where the host's wire has no mark

    @property
    def payload(self) -> Json:
        """The JSON in it, whatever the host wrote around it; nothing where the host wrote none."""
        found = re.search(r"\{.*\}", self.text, re.DOTALL)
        return json.loads(found.group()) if found else {}


class Ask(NamedTuple):
    tool: str
    arguments: Json


def play(heard: list[Heard]) -> Ask | None:
    """What the model wants next: search, create, wait, two errors, destroy; None at the end."""
    try:
        return _next([one for one in heard if one.payload.get("state") != "still_starting"])
    except KeyError:  # an answer without the id that the next step needs: a model would give up too
        return None


def _next(done: list[Heard]) -> Ask | None:
    if not done:
        return Ask("search_offers", {"gpu_name": ["4090"], "min_disk_gb": 20, "limit": 3})
    wish = {"offer_id": done[0].payload["offers"][0]["offer_id"], "image": "pytorch/pytorch"}
    if len(done) == 1:
        return Ask("create_instance", wish | {"disk": 20, "runtype": "ssh_direct"})
    mine = done[1].payload["instance_id"]
    steps = [
        Ask("wait_for_instance", {"instance_id": mine}),
        Ask("create_instance", wish | {"dsik": 20}),
        Ask("destroy_instance", {"instance_ids": [UNKNOWN_ID]}),
        Ask("destroy_instance", {"instance_ids": [mine]}),
    ]
    return steps[len(done) - 2] if len(done) - 2 < len(steps) else None


def play_a_plan(heard: list[Heard]) -> Ask | None:
    """The same with provision: one call, its plan by name until the machine is handed over, and its
    end.
    """
    told = [one.payload for one in heard if one.tool == "provision"]
    if not told:
        bounds = {"max_usd_per_hour": 1.0, "budget_usd": 2.0, "lease_hours": 1}
        return Ask("provision", {"gpu_name": ["4090"], "image": "pytorch/pytorch", **bounds})
    machines: list[Json] = told[-1].get("machines") or []
    if heard[-1].tool == "destroy_instance" or len(told) > MOST_FOLLOWED or "plan" not in told[-1]:
        return None
    if [one["state"] for one in machines] != ["yours"]:
        return Ask("provision", {"request_key": told[-1]["plan"]})
    return Ask("destroy_instance", {"instance_ids": [machines[0]["instance_id"]]})


Play = Callable[[list[Heard]], Ask | None]


class Wire(Protocol):
    """How one host speaks to its model (wires.py)."""

    path: str  # a regular expression

    def heard(self, request: Json) -> list[Heard]: ...

    def reply(self, request: Json, turn: int) -> Events: ...

    def written(self, name: str, data: Json, /) -> str: ...


# ── The server ────────────────────────────────────────────────────────────────────────────────────


@dataclass
class StandIn:
    """A model on loopback, and what it was handed."""

    wire: Wire
    url: str = ""
    requests: list[Json] = field(default_factory=list)

    @property
    def heard(self) -> list[Heard]:
        """The tools' answers of the whole conversation: the longest transcript has them all."""
        return max((self.wire.heard(request) for request in self.requests), key=len)


@contextmanager
def standing_in(wire: Wire) -> Iterator[StandIn]:
    """A stand-in that listens until the block ends."""
    model = StandIn(wire)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if not re.fullmatch(wire.path + r"(\?.*)?", self.path):
                self.send_error(404)
                return
            model.requests.append(request)
            events = wire.reply(request, len(model.requests))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for name, data in events:
                self.wfile.write(wire.written(name, data).encode())

        def log_message(self, *_: Any) -> None:
            """Nothing: what was asked is in `requests`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        model.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield model
        server.shutdown()
        thread.join()
