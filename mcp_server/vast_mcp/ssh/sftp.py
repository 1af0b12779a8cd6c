"""Files over an open connection, by SFTP.

Of asyncssh only the channel is used. Its own SFTP client takes a task, several packets and a wait
for each request; here requests leave together and are answered in any order, which is what makes
thousands of small files quick (docs/performance.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

import asyncssh

from vast_mcp.ssh import sftp_wire as wire
from vast_mcp.ssh.entering import Line
from vast_mcp.ssh.lost import LineLost
from vast_mcp.ssh.sftp_talk import Answer, Talk
from vast_mcp.ssh.sftp_wire import Ask, Attrs, Cursor, Garbled, Reply

WINDOW = 16 << 20  # bytes that may be under way to us
LEAST, MOST = 32_768, 261_120  # bytes of one request: every server takes the first


class NoSftp(Exception):
    """The machine is entered, and serves no SFTP."""


class Denied(Exception):
    """The machine does not do what was asked. `code`: SFTP's number for why."""

    def __init__(self, code: int) -> None:
        super().__init__(f"SFTP status {code}")
        self.code = code

    @property
    def is_absence(self) -> bool:
        """Whether there is nothing at that path."""
        return self.code == wire.NONE_THERE


@contextlib.asynccontextmanager
async def sftp(line: Line, *, within_s: float) -> AsyncGenerator[Sftp]:
    """Files of the machine, until the block ends. Raises NoSftp, and LineLost, also within the
    block, where the connection breaks or what the machine says is no SFTP.
    """
    talk = Talk()
    try:
        async with asyncio.timeout(within_s):
            client = await _begun(line, talk)
    except TimeoutError:
        raise LineLost(begun=False) from None
    try:
        yield client
    finally:
        talk.channel.abort()


async def _begun(line: Line, talk: Talk) -> Sftp:
    link = cast("Any", line.link)
    try:
        await link.create_session(lambda: talk, subsystem="sftp", encoding=None, window=WINDOW)
    except asyncssh.ChannelOpenError:
        if line.link.is_closed():
            raise LineLost(begun=False) from None
        raise NoSftp from None
    except Exception as exc:  # a stranger's bytes: whatever they break, the line is of no use
        raise LineLost(begun=False) from exc
    version = await talk.greeted()
    client = Sftp(talk, version)
    await client.learn_limits()
    return client


class Sftp:
    """Files of one machine. Every method raises Denied where the machine does not do it, and
    LineLost where the connection breaks. Paths are bytes; relative ones begin in root's home.
    """

    def __init__(self, talk: Talk, version: bytes) -> None:
        self._talk = talk
        self._block = LEAST
        self._can = set[bytes]()
        cursor = Cursor(version)
        try:
            cursor.number()
            while cursor.at < len(version):
                self._can.add(cursor.text())
                cursor.text()
        except Garbled:
            raise LineLost(begun=False) from None

    async def learn_limits(self) -> None:
        """Ask how much one request may hold, where the server can say."""
        if b"limits@openssh.com" not in self._can:
            return
        with contextlib.suppress(Denied):
            cursor = await self._extended(b"limits@openssh.com", b"")
            cursor.long()
            told = [cursor.long(), cursor.long()]
            self._block = max(LEAST, min(MOST, *(one or MOST for one in told)))

    async def absolute(self, path: bytes) -> bytes:
        """The path from the root, links followed; its last part may not be there."""
        cursor = await self._answer(Ask.REALPATH, wire.text(path), Reply.NAME)
        return self._first_name(cursor)

    async def look(self, path: bytes, *, follow: bool = False) -> Attrs | None:
        """What is at a path, or where a link there leads to; None where nothing is."""
        try:
            kind = Ask.STAT if follow else Ask.LSTAT
            return (await self._answer(kind, wire.text(path), Reply.ATTRS)).attrs()
        except Denied as exc:
            if exc.is_absence:
                return None
            raise
        except Garbled:
            raise self._nonsense() from None

    async def names(self, path: bytes) -> AsyncIterator[tuple[bytes, Attrs]]:
        """What a folder holds, as the server tells it: any names, in any order, without an end."""
        handle = await self._handle(Ask.OPENDIR, wire.text(path))
        try:
            while True:
                try:
                    cursor = await self._answer(Ask.READDIR, wire.text(handle), Reply.NAME)
                except Denied as exc:
                    if exc.code == wire.END:
                        return
                    raise
                for one in self._names_in(cursor):
                    yield one
        finally:
            self._let_go(handle)

    async def make_folder(self, path: bytes, mode: int) -> None:
        """A new folder."""
        await self._done(Ask.MKDIR, wire.text(path) + wire.attrs(mode=mode))

    async def remove(self, path: bytes) -> None:
        """No more file there."""
        await self._done(Ask.REMOVE, wire.text(path))

    async def rename(self, old: bytes, new: bytes, *, replace: bool) -> None:
        """Another name, in the place of what has it if `replace`."""
        body = wire.text(old) + wire.text(new)
        if replace and b"posix-rename@openssh.com" in self._can:
            await self._extended(b"posix-rename@openssh.com", body)
            return
        if replace:
            with contextlib.suppress(Denied):
                await self.remove(new)
        await self._done(Ask.RENAME, body)

    async def free(self, path: bytes) -> int | None:
        """Bytes that may yet be written where a path lies; None where the server cannot say."""
        if b"statvfs@openssh.com" not in self._can:
            return None
        try:
            cursor = await self._extended(b"statvfs@openssh.com", wire.text(path))
            cursor.long()
            size = cursor.long()
            cursor.long()
            cursor.long()
            return size * cursor.long()
        except (Denied, Garbled):
            return None

    async def open_to_read(self, path: bytes) -> bytes:
        """A handle."""
        return await self._handle(Ask.OPEN, wire.text(path) + wire.number(wire.READ) + wire.attrs())

    async def open_to_write(self, path: bytes, *, empty: bool) -> bytes:
        """A handle of a file that is there, or made with rights for root alone."""
        flags = wire.WRITE | wire.CREATE | (wire.EMPTY if empty else 0)
        body = wire.text(path) + wire.number(flags) + wire.attrs(mode=0o600)
        return await self._handle(Ask.OPEN, body)

    async def read(self, handle: bytes, offset: int, length: int) -> bytes:
        """As many bytes, or fewer where the file ends before."""
        step = self._block
        asked = [
            (at, min(step, offset + length - at)) for at in range(offset, offset + length, step)
        ]
        answers = [self._ask_to_read(handle, *one) for one in asked]
        found = list[memoryview]()
        for (at, wanted), answer in zip(asked, answers, strict=True):
            got = await self._data(answer, wanted)
            found.append(got)
            have = len(got)
            while have < wanted:  # a short answer is not yet the end
                more = self._ask_to_read(handle, at + have, wanted - have)
                got = await self._data(more, wanted - have)
                if not got:
                    return b"".join(found)
                found.append(got)
                have += len(got)
        return b"".join(found)

    async def write(self, handle: bytes, offset: int, data: bytes) -> None:
        """Write, and hear that it was written."""
        answers = self._writing(handle, offset, data)
        await self._talk.room.wait()
        for answer in answers:
            self._check(*await answer)

    async def set(self, handle: bytes, *, mode: int, mtime: int) -> None:
        """Set rights and time of the last change, of an open file."""
        await self._done(Ask.FSETSTAT, wire.text(handle) + wire.attrs(mode=mode, mtime=mtime))

    async def size_of(self, handle: bytes) -> int | None:
        """Bytes of an open file."""
        try:
            return (await self._answer(Ask.FSTAT, wire.text(handle), Reply.ATTRS)).attrs().size
        except Garbled:
            raise self._nonsense() from None

    async def close(self, handle: bytes) -> None:
        """Let go of a handle, and hear that what was written is there."""
        self._check(*await self._closing(handle))

    async def put(self, path: bytes, data: bytes, *, mode: int, mtime: int) -> None:
        """Write a small file whole: two waits, whatever the distance."""
        handle = await self.open_to_write(path, empty=True)
        writes = self._writing(handle, 0, data)
        kept = self._talk.ask(Ask.FSETSTAT, wire.text(handle) + wire.attrs(mode=mode, mtime=mtime))
        for answer in (*writes, kept, self._closing(handle)):
            self._check(*await answer)

    async def get(self, path: bytes, most: int) -> bytes:
        """Read a small file whole, or as many bytes of it."""
        handle = await self.open_to_read(path)
        try:
            return await self.read(handle, 0, most)
        finally:
            self._let_go(handle)

    # ── one request ──────────────────────────────────────────────────────────────────────────

    def _ask_to_read(self, handle: bytes, at: int, length: int) -> asyncio.Future[Answer]:
        body = wire.text(handle) + wire.long(at) + wire.number(length)
        return self._talk.ask(Ask.READ, body)

    def _writing(self, handle: bytes, offset: int, data: bytes) -> list[asyncio.Future[Answer]]:
        view, name = memoryview(data), wire.text(handle)
        answers = list[asyncio.Future[Answer]]()
        for at in range(0, len(data), self._block):
            part = view[at : at + self._block]
            body = name + wire.long(offset + at) + wire.number(len(part))
            answers.append(self._talk.ask(Ask.WRITE, body, part))
        return answers

    async def _data(self, answer: asyncio.Future[Answer], most: int) -> memoryview:
        kind, body = await answer
        if kind == Reply.STATUS:
            try:
                self._check(kind, body)
            except Denied as exc:
                if exc.code == wire.END:
                    return memoryview(b"")
                raise
        if kind != Reply.DATA:
            raise self._nonsense()
        data = memoryview(body)[8:]
        if len(data) > most:
            raise self._nonsense()
        return data

    def _closing(self, handle: bytes) -> asyncio.Future[Answer]:
        return self._talk.ask(Ask.CLOSE, wire.text(handle))

    def _let_go(self, handle: bytes) -> None:
        """Close without waiting for an answer."""
        with contextlib.suppress(LineLost):
            self._closing(handle)

    async def _handle(self, kind: Ask, body: bytes) -> bytes:
        try:
            return (await self._answer(kind, body, Reply.HANDLE)).text()
        except Garbled:
            raise self._nonsense() from None

    async def _done(self, kind: Ask, body: bytes) -> None:
        self._check(*await self._talk.ask(kind, body))

    async def _extended(self, name: bytes, body: bytes) -> Cursor:
        kind, said = await self._talk.ask(Ask.EXTENDED, wire.text(name) + body)
        if kind == Reply.STATUS:
            self._check(kind, said)
        return Cursor(said, 4)

    async def _answer(self, kind: Ask, body: bytes, wanted: Reply) -> Cursor:
        got, said = await self._talk.ask(kind, body)
        if got == Reply.STATUS:
            self._check(got, said)
        if got != wanted:
            raise self._nonsense()
        return Cursor(said, 4)

    def _check(self, kind: int, body: bytes) -> None:
        """Raises Denied unless the server says that it is done."""
        if kind != Reply.STATUS or len(body) < 8:
            raise self._nonsense()
        (code,) = struct.unpack_from(">I", body, 4)
        if code != wire.OK:
            raise Denied(code)

    def _first_name(self, cursor: Cursor) -> bytes:
        names = list(self._names_in(cursor))
        if not names:
            raise self._nonsense()
        return names[0][0]

    def _names_in(self, cursor: Cursor) -> list[tuple[bytes, Attrs]]:
        found = list[tuple[bytes, Attrs]]()
        try:
            for _ in range(cursor.number()):
                name = cursor.text()
                cursor.text()
                found.append((name, cursor.attrs()))
        except Garbled:
            raise self._nonsense() from None
        return found

    def _nonsense(self) -> LineLost:
        """What the server says cannot be believed: the channel ends."""
        self._talk.connection_lost(None)
        self._talk.channel.abort()
        return LineLost()
