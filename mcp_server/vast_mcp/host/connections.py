"""How long a connection may let us wait, and how many may.

uvicorn times a connection only between two requests, and counts none: whoever half sends what it
has to send holds a file descriptor for ever, and some systems give a process 256 of them. So each
connection that waits for its client waits in one of three rooms, which have so many places for so
long; who has waited longest gives way to who comes. hypercorn, the other server of this kind, would
be a second one here and counts none either.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.h11_impl import (
    H11Protocol,
    h11,  # pyright: ignore[reportPrivateImportUsage]
)
from uvicorn.server import ServerState

if TYPE_CHECKING:
    from collections.abc import Hashable

# In a request's scope: to be called when its token is right.
KNOWN = "vast_mcp.known"
# Taken in one round of the loop. Fewer than the smallest room, so that no connection gives way
# before what it has sent already is read, and no descriptor is taken before one is given back.
ACCEPTED_AT_ONCE = 8
# Kept by the system until they are taken.
BACKLOG = 1024


class Room:
    """Connections that wait for their clients in one way."""

    def __init__(self, places: int, seconds: float) -> None:
        self._places, self._seconds = places, seconds
        self._waiting: dict[Connection, asyncio.TimerHandle] = {}

    def enter(self, connection: Connection) -> None:
        """Take the last place; who has waited longest gives way where there is none."""
        if len(self._waiting) >= self._places:
            next(iter(self._waiting)).give_up()
        loop = asyncio.get_running_loop()
        self._waiting[connection] = loop.call_later(self._seconds, connection.give_up)

    def leave(self, connection: Connection) -> None:
        self._waiting.pop(connection).cancel()


class State(ServerState):
    """What the connections of a server share."""

    def __init__(self) -> None:
        super().__init__()
        # For a first byte, the rest of a request's headers, or another request; and whatever they
        # do, those who have not shown the token.
        self.headers = Room(64, 5.0)
        # For the rest of a body.
        self.bodies = Room(32, 30.0)
        # For somebody to read what was written.
        self.readers = Room(32, 30.0)


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1, whose connections wait in rooms."""

    _room: Room | None = None
    _waits_for: Hashable = None
    _is_known = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app = self.app

        async def served(scope: Any, receive: Any, send: Any) -> None:
            await app(scope | {KNOWN: self._be_known}, receive, send)

        self.app = served

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)  # paused: something is not read yet
        self._find_room()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._find_room()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._find_room()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._find_room()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._find_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._move(None)
        super().connection_lost(exc)

    def _be_known(self) -> None:
        self._is_known = True
        self._find_room()

    def give_up(self) -> None:
        """End, with all that was not sent or read."""
        self._move(None)
        self.transport.abort()

    def _find_room(self) -> None:
        """Go where one waits for what is missing. A new request is waited for anew; bytes alone
        change nothing.
        """
        if self.transport.is_closing():
            return  # what is in a room stays there until all is read, or time is up
        room = self._awaited()
        if (room, self._is_known and self.cycle) != self._waits_for:
            self._move(room)

    def _move(self, room: Room | None) -> None:
        if self._room is not None:
            self._room.leave(self)
        self._room, self._waits_for = room, (room, self._is_known and self.cycle)
        if room is not None:
            room.enter(self)

    def _awaited(self) -> Room | None:
        state = cast("State", self.server_state)
        if not self._is_known:
            return state.headers
        if self.flow.write_paused:
            return state.readers
        if self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE:
            return state.headers
        return state.bodies if self.conn.their_state is h11.SEND_BODY else None
