"""What a process tells of its connections with Redis."""

from __future__ import annotations

from prometheus_client import Gauge

#: One series for each thing that a process needs Redis for: "events" and "messages".
REDIS_UP = Gauge("headbox_redis_up", "Whether Redis answered when it was last asked: 1 or 0.", ["use"])
