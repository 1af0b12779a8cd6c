"""The body of a reply, unpacked as it arrives and no further than a bound: a small packet can
unpack to gigabytes, and a reply need not end.
"""

from __future__ import annotations

import zlib
from typing import Protocol

import httpx

# The longest reply that is known of is a list of templates; a page of machines has a tenth of it.
MOST_BYTES = 4_000_000
ACCEPTED = "gzip"
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_EITHER = 47  # zlib's word for "gzip or deflate, see its head"


class _Unpacker(Protocol):
    """What zlib.decompressobj makes."""

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class TooLong(Exception):
    """A reply is longer than any that Vast sends; the rest of it was not read."""


async def body_of(answer: httpx.Response) -> bytes:
    """The whole body of a streamed answer. Raises TooLong, and httpx.DecodingError for what
    cannot be unpacked.
    """
    unpack = _unpacker(answer.headers.get("content-encoding", "identity"))
    arrived, body = 0, bytearray()
    async for chunk in answer.aiter_raw():
        arrived += len(chunk)
        body += chunk if unpack is None else _unpacked(unpack, chunk, MOST_BYTES + 1 - len(body))
        if max(arrived, len(body)) > MOST_BYTES:
            raise TooLong
    if arrived and unpack is not None and not unpack.eof:
        raise httpx.DecodingError("a packed reply broke off")
    return bytes(body)


def _unpacker(packing: str) -> _Unpacker | None:
    packing = packing.strip().lower()
    if packing in _PACKED:
        return zlib.decompressobj(_EITHER)
    if packing in {"", "identity"}:
        return None
    raise httpx.DecodingError("a reply is packed in a way that was not asked for")


def _unpacked(unpack: _Unpacker, chunk: bytes, most: int) -> bytes:
    try:
        return unpack.decompress(chunk, most)
    except zlib.error:
        raise httpx.DecodingError("a packed reply could not be unpacked") from None
