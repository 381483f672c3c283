"""What a benchmark found."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Reach:
    """What a figure should reach: `limit` at most, or at least."""

    limit: float
    is_floor: bool = False

    def is_met(self, value: float) -> bool:
        """Tell whether a value reaches it."""
        return value >= self.limit if self.is_floor else value <= self.limit


@dataclass(frozen=True)
class Figure:
    """One thing that was measured.

    Attributes:
        what: What it was.
        unit: Of the values: "ms", "s", "MB", "units/s", ...
        samples: Every value, in the order of the measurements.
        peer: What it is compared with, from the same run; None: nothing.
        reach: What its median should reach.
        ratio_reach: What its ratio to the peer should reach.
    """

    what: str
    unit: str
    samples: Sequence[float]
    peer: Figure | None = None
    reach: Reach | None = None
    ratio_reach: Reach | None = None

    @property
    def median(self) -> float:
        """The value in the middle."""
        return statistics.median(self.samples)

    @property
    def ratio(self) -> float | None:
        """How many times the peer's median this one's is."""
        return self.median / self.peer.median if self.peer else None

    @property
    def is_reached(self) -> bool | None:
        """Whether everything is reached that should be; None where nothing should."""
        verdicts = []
        if self.reach:
            verdicts.append(self.reach.is_met(self.median))
        if self.ratio_reach and self.ratio is not None:
            verdicts.append(self.ratio_reach.is_met(self.ratio))
        return all(verdicts) if verdicts else None

    def as_document(self) -> dict[str, Any]:
        """Return the figure for programs."""
        return {
            "what": self.what,
            "unit": self.unit,
            "n": len(self.samples),
            "median": self.median,
            "min": min(self.samples),
            "max": max(self.samples),
            "peer": self.peer.what if self.peer else None,
            "ratio": self.ratio,
            "reach": asdict(self.reach) if self.reach else None,
            "ratio_reach": asdict(self.ratio_reach) if self.ratio_reach else None,
            "is_reached": self.is_reached,
        }


def percentile(samples: Sequence[float], percent: int) -> float:
    """Return the value that so many percent of the samples do not exceed; 1 to 99, of at least two samples."""
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]
