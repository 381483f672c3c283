"""The metrics that alerts and dashboards ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.checks import ROOT

EXAMPLES = ROOT / "docs" / "operate" / "examples"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((EXAMPLES / "prometheus" / "rules.yaml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS: list[dict[str, Any]] = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())["panels"]
#: What Prometheus adds to every sample.
_ADDED = frozenset({"job", "instance"})

_SELECTOR = re.compile(r"\b(up|(?:headbox|process)_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"[^"]*"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")

Series = dict[str, set[str]]


@dataclass(frozen=True)
class Asked:
    """What one expression asks for.

    Attributes:
        expression: The expression, in PromQL.
        series: The series that it reads, each with the labels that it matches.
        grouped: The labels that it groups by.
    """

    expression: str
    series: tuple[tuple[str, frozenset[str]], ...]
    grouped: frozenset[str]

    def missing(self, shown: Series) -> list[str]:
        """Return what it asks for and is not shown: series by name -> labels, as processes show them."""
        found = []
        for name, labels in self.series:
            if name not in shown and name != "up":
                found.append(name)
            elif name != "up" and (unknown := labels - shown[name] - _ADDED):
                found.append(f"{name}{sorted(unknown)}")
        known = _ADDED.union(*(shown.get(name, set()) for name, _ in self.series))
        return found + sorted(self.grouped - known)


def asked() -> Iterator[Asked]:
    """Yield what every alert and every panel asks for."""
    yield from (_read(rule["expr"]) for rule in RULES)
    yield from (_read(target["expr"]) for panel in PANELS for target in panel["targets"])


def _read(expression: str) -> Asked:
    series = tuple((match[1], frozenset(_MATCHER.findall(match[2] or ""))) for match in _SELECTOR.finditer(expression))
    grouped = frozenset(
        label.strip() for labels in _GROUPING.findall(expression) for label in labels.split(",") if label.strip()
    )
    return Asked(expression, series, grouped)


def series_of(text: str) -> Series:
    """Return the labels of each series that a process shows, by its name."""
    found: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found
