"""Dramatiq over Redis, for messages that may be lost and of which none should wait for a thread that is busy.

Stock Dramatiq asks each queue again and again, fetches more than its threads can do, and keeps what it fetched until it
is done. Here a message is only a nudge, and the database knows the rest. So a worker takes one message for each thread
that is free, waits for it in one blocking command instead of asking, takes from the queue of the highest priority that
has any, and is done with it once it is taken: what is lost with a worker is sent again by the reconciler.

Nobody asks for a message by its id, so there is one key for each queue, and one command takes a message:

| Key | Type | Meaning | Lifetime |
| --- | --- | --- | --- |
| `<namespace>:<queue>` | list | Messages as Dramatiq encodes them, the oldest first. | Until all are taken. |
| `<namespace>:probe` | string | Nothing: written to see whether anything can be. | `PROBE_SECONDS` |
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from queue import Empty, Full, Queue

from dramatiq import Message
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import DecodeError
from dramatiq.middleware import Middleware
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from headbox.settings import RedisSettings
from headbox.tasking.redis_metrics import REDIS_UP

#: How long one command waits for a message, in seconds: as long as a stop may have to wait for it.
BLOCK_SECONDS = 0.5
#: How long a connection and a command may take, in seconds; longer than a command waits.
TIMEOUT_SECONDS = 3.0
#: Wait before Redis is tried again, in seconds.
RETRY_SECONDS = 0.2
#: How long messages wait for a Redis that is away, in seconds; the reconciler sends again later anyway.
GIVE_UP_SECONDS = 5.0
#: Lifetime of what is written to see whether Redis takes anything, in seconds.
PROBE_SECONDS = 60
#: Most messages that wait to be sent, and most that are sent at once.
MAX_WAITING, BATCH = 10_000, 500

#: Whether messages are carried.
_UP = REDIS_UP.labels("messages")

log = logging.getLogger(__name__)


class NudgeBroker(RedisBroker):
    """A Dramatiq broker whose senders never wait for Redis, and whose consumers take only what a free thread can do.

    Args:
        settings: Name a Redis.
        middleware: Dramatiq's, in order.
        queues: What a worker takes from, the first before the second and so on.
        threads: Threads of the worker; with none, messages are sent and not taken.
    """

    def __init__(
        self, settings: RedisSettings, *, middleware: Sequence[Middleware], queues: Sequence[str], threads: int
    ) -> None:
        assert settings.url is not None, "the broker needs the URL of a Redis"
        client = Redis.from_url(
            settings.url,
            # Once more at once: a connection that nobody used for long may be broken.
            retry=Retry(NoBackoff(), 1),
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )
        # Dramatiq's own has no annotations.
        super().__init__(client=client, namespace=settings.namespace, middleware=list(middleware))  # type: ignore[no-untyped-call]
        self._order = tuple(queues)
        self._free = threading.Semaphore(threads)
        self._outbox: Queue[Message[object] | None] = Queue(MAX_WAITING)
        self._sender = threading.Thread(target=self._send, name="nudges", daemon=True)
        self._sender_lock = threading.Lock()
        self._is_away = False
        self._is_ending = threading.Event()

    def declare_queue(self, queue_name: str) -> None:
        """See `Broker.declare_queue`: without a queue for delays, which nobody asks for."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[object], *, delay: int | None = None) -> Message[object]:
        """Send a message soon, from any thread; it is lost when Redis stays away."""
        assert delay is None, "a nudge is for now"
        self.emit_before("enqueue", message, delay)
        self._start_sender()
        try:
            self._outbox.put_nowait(message)
        except Full:
            self._note_away("too many messages wait to be sent")
        self.emit_after("enqueue", message, delay)
        return message

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Return the consumer of a queue; that of the first one takes for all, for only so do they keep their order."""
        return _Intake(self, timeout) if queue_name == self._order[0] else _Rest(self, timeout)

    def stop_taking(self) -> None:
        """Leave all messages to other workers from here on."""
        self._is_ending.set()

    def take(self) -> Message[object] | None:
        """Wait for a free thread and for a message, each for a moment, and return it; `release` frees the thread."""
        if self._is_ending.is_set():
            time.sleep(RETRY_SECONDS)
            return None
        if not self._free.acquire(timeout=BLOCK_SECONDS):
            return None
        message = None
        try:
            message = self._pop()
            self._note_back()
            if message is not None and self._is_ending.is_set():  # Since it waited for the message.
                self._push([message])
                message = None
        except (RedisError, OSError) as error:
            self._note_away(str(error))
            time.sleep(RETRY_SECONDS)
        finally:
            if message is None:
                self.release()
        return message

    def release(self) -> None:
        """Count a thread as free."""
        self._free.release()

    def put_back(self, messages: Iterable[Message[object]]) -> None:
        """Let others have what was taken and will not be done here."""
        with suppress(RedisError, OSError):
            self._push(list(messages))

    def problem(self) -> str | None:
        """Return what keeps messages from being carried now, or None; waits for Redis."""
        try:
            # Not a ping: one that is full, or a replica, answers that.
            self.client.set(self._key("probe"), b"", ex=PROBE_SECONDS)
        except (RedisError, OSError) as error:
            return f"Redis takes no messages: {error}"
        return None

    def drained(self, queues: Iterable[str]) -> set[str]:
        """Return those of the queues in which no message waits; none while Redis is away, which is waited for."""
        names = list(queues)
        try:
            with self.client.pipeline(transaction=False) as pipeline:
                for name in names:
                    pipeline.llen(self._key(name))
                lengths = pipeline.execute()
        except (RedisError, OSError):
            return set()
        return {name for name, length in zip(names, lengths, strict=True) if not length}

    def close(self) -> None:
        """Send what waits, as far as Redis is there, and let go of the connections."""
        with self._sender_lock:
            is_sending = self._sender.is_alive()
        if is_sending:
            self._outbox.put(None)
            self._sender.join(TIMEOUT_SECONDS)
        self.client.close()

    def _start_sender(self) -> None:
        # When the first message is sent, and not before: a process that forks must not have threads.
        with self._sender_lock:
            if self._sender.ident is None:
                self._sender.start()

    def _send(self) -> None:
        is_open = True
        while is_open:
            batch = [self._outbox.get()]
            with suppress(Empty):
                while len(batch) < BATCH:
                    batch.append(self._outbox.get_nowait())
            is_open = None not in batch
            self._deliver([message for message in batch if message is not None])

    def _deliver(self, messages: list[Message[object]]) -> None:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while messages:
            try:
                self._push(messages)
            except (RedisError, OSError) as error:
                self._note_away(str(error))
                if time.monotonic() > deadline:
                    return
                time.sleep(RETRY_SECONDS)
            else:
                self._note_back()
                return

    def _push(self, messages: list[Message[object]]) -> None:
        # What Dramatiq's script does for "enqueue", without its book of living workers: nobody acknowledges here.
        with self.client.pipeline(transaction=False) as pipeline:
            for message in messages:
                pipeline.rpush(self._key(message.queue_name), message.encode())
            pipeline.execute()

    def _pop(self) -> Message[object] | None:
        popped = self.client.blpop([self._key(queue) for queue in self._order], timeout=BLOCK_SECONDS)
        if popped is None:
            return None
        key, data = popped
        assert isinstance(key, bytes), "the client decodes nothing"
        assert isinstance(data, bytes), "the client decodes nothing"
        try:
            return Message.decode(data)
        except (DecodeError, TypeError):
            log.warning("a message that nobody can read was passed over", extra={"queue": key.decode()})
            return None

    def _key(self, queue_name: str) -> str:
        return f"{self.namespace}:{queue_name}"

    def _note_away(self, why: str) -> None:
        _UP.set(0)
        if not self._is_away:
            self._is_away = True
            log.warning("Redis is away: messages wait, or are lost and sent again later", extra={"error": why})

    def _note_back(self) -> None:
        _UP.set(1)
        if self._is_away:
            self._is_away = False
            log.info("Redis answers again")


class _Rest(Consumer):
    """The consumer of a queue that another consumer takes from: it ends what was taken."""

    def __init__(self, broker: NudgeBroker, timeout: int) -> None:
        self._broker = broker
        self._timeout_seconds = timeout / 1000

    def __next__(self) -> MessageProxy | None:
        """Return nothing after a while: Dramatiq looks meanwhile whether it is to stop."""
        time.sleep(self._timeout_seconds)
        return None

    def ack(self, message: MessageProxy) -> None:
        """Let the thread take another message."""
        self._broker.release()

    def nack(self, message: MessageProxy) -> None:
        """Let the thread take another message; there are no dead letters: the reconciler sends again."""
        self._broker.release()

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Let other workers have messages that no thread has begun with."""
        self._broker.put_back(message._message for message in messages)  # noqa: SLF001 - the proxy shows no other way

    def close(self) -> None:
        """Nothing is held."""


class _Intake(_Rest):
    """The consumer that takes from all queues."""

    def __next__(self) -> MessageProxy | None:
        """Return a message for a free thread, or None after a while."""
        message = self._broker.take()
        if message is None:
            return None
        return MessageProxy(message)
