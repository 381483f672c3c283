"""Where the bytes of a file come from: memory, the storage, or upstream."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

from headbox.content_app.arrival import Arrival
from headbox.content_app.arrivals import Arrivals
from headbox.content_app.cache import LruCache
from headbox.content_app.conditions import is_unchanged
from headbox.content_app.exchange import Exchange
from headbox.content_app.files import File
from headbox.content_app.hand_off import HandOff, may_hand_off
from headbox.content_app.problem import damaged
from headbox.content_app.sending import send
from headbox.content_app.stored import StoredBytes

#: Up to this size a file is sent from memory, and remembered: metadata, signatures, most of what is asked for often.
SMALL_BYTES = 64 * 1024
#: Bound of the small files that are remembered, in bytes.
CACHE_BYTES = 32 * 1024 * 1024
#: About what a remembered file takes besides its bytes.
_ENTRY_BYTES = 256


class StoredMeanwhile(Exception):
    """A file that was not stored when it was looked up is stored now: look it up again."""


class Bodies:
    """Sends files from the storage, or has them sent, and from upstream those that are not stored yet."""

    def __init__(self, stored: StoredBytes, arrivals: Arrivals, hand_off: HandOff | None) -> None:
        self._stored = stored
        self._arrivals = arrivals
        self._hand_off = hand_off
        self._small: LruCache[str, bytes] = LruCache(CACHE_BYTES)

    async def send(self, exchange: Exchange, file: File) -> None:
        """Answer with a file.

        Raises:
            Problem: It cannot be had; nothing was sent.
            StoredMeanwhile: Nothing was sent.
            StorageUnavailable: Nothing was sent.
            BrokenOff: The answer has begun, and cannot be ended.
        """
        if is_unchanged(
            etag=file.etag,
            modified=file.modified,
            if_none_match=exchange.header(b"if-none-match"),
            if_modified_since=exchange.header(b"if-modified-since"),
        ):
            await exchange.answer(304, file.headers)
        elif exchange.is_head:
            # Of bytes that are not stored, too: to be told what is known of them must not cost a fetch.
            await exchange.answer(200, file.whole)
        elif not file.found.is_stored:
            await self._send_arriving(exchange, file)
        elif not await self._send_stored(exchange, file):
            lost = dataclasses.replace(file.found, is_stored=False, is_damaged=True)
            await self._send_arriving(exchange, File.of(lost))

    async def _send_stored(self, exchange: Exchange, file: File) -> bool:
        """Answer with a file that is stored; False when it is not there after all, and nothing was sent."""
        digest, size = file.found.sha256, file.found.size
        assert digest is not None, "what is stored has a digest"
        assert size is not None, "what is stored has a size"
        body = await self._small_body(digest, size) if size <= SMALL_BYTES else None
        stored = await self._stored.look(digest, size) if size > SMALL_BYTES else None
        if body is None and stored is None:
            if not await self._stored.condemn(digest, size, reads=size <= SMALL_BYTES):
                raise StoredMeanwhile
            return False
        if body is not None and exchange.header(b"range") is None:
            await exchange.answer(200, file.whole, body)
            return True
        # Small files are sent at once: a client gets them no sooner from anyone else.
        if body is None and self._hand_off is not None and may_hand_off(self._hand_off, exchange, file):
            await exchange.hand_off(*await self._hand_off.answer(file, digest))
            return True

        async def read(start: int, stop: int) -> AsyncIterator[bytes]:
            if body is not None:
                yield body[start:stop]
            elif stored is not None:
                async for chunk in self._stored.read(stored, start, stop):
                    yield chunk

        async with exchange.while_connected():
            await send(exchange, file, read)
        return True

    async def _small_body(self, digest: str, size: int) -> bytes | None:
        """Return the bytes of a small artifact, or None when they are wrong."""
        body = self._small.get(digest)
        if body is not None:
            return body
        body = await self._stored.whole(digest, size)
        if body is None:
            return None
        self._small.put(digest, body, size + _ENTRY_BYTES)
        return body

    async def _send_arriving(self, exchange: Exchange, file: File) -> None:
        """Answer with a file while it comes from upstream."""
        if file.found.content_id is None:
            raise damaged()
        async with exchange.while_connected(), self._arrivals.join(file.found.content_id, file.found) as arrival:
            if exchange.header(b"range") is None:
                await arrival.first()
            else:
                await arrival.whole()
            if arrival.is_stored:
                raise StoredMeanwhile
            digest = arrival.sha256 or file.found.sha256
            file = File.of(dataclasses.replace(file.found, size=arrival.size, sha256=digest))
            if arrival.sha256 is not None:
                await send(exchange, file, arrival.read)
            else:
                await _send_growing(exchange, file, arrival)


async def _send_growing(exchange: Exchange, file: File, arrival: Arrival) -> None:
    await exchange.start(200, file.whole)
    async for chunk in arrival.read():
        await exchange.write(chunk)
    await exchange.finish()
