"""Figures of the whole installation that clients share."""

from __future__ import annotations

from dataclasses import dataclass, field

from headbox.services import queue_stats, storage_stats, throughput
from headbox.services.queue_stats import Look
from headbox.services.shared_look import SharedLook
from headbox.services.storage_stats import StorageStats
from headbox.services.throughput import Minute

#: How old figures of the storage may be, in seconds: they are counted from every artifact.
STORAGE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Looks:
    """What the operations of a process look at together.

    Attributes:
        queues: How the queues are doing.
        throughput: How many tasks ended in each of the last minutes.
        storage: How much is stored.
    """

    queues: SharedLook[Look] = field(default_factory=lambda: SharedLook(queue_stats.look))
    throughput: SharedLook[list[Minute]] = field(default_factory=lambda: SharedLook(throughput.look))
    storage: SharedLook[StorageStats] = field(
        default_factory=lambda: SharedLook(storage_stats.look, kept_seconds=STORAGE_SECONDS)
    )
