"""Clusters with a plugin whose tasks write down what they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.journal import Journal
from tests.support.distribution import install_distribution

PLUGIN = "headbox_chaos"
PYPROJECT = """
    [project]
    name = "headbox-chaos"
    version = "1.0.0"
    [project.entry-points."headbox.plugins"]
    chaos = "headbox_chaos:plugin"
"""


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the plugin is installed in."""
    source = Path(__file__).with_name(f"{PLUGIN}.py").read_text()
    return install_distribution(PLUGIN, source, PYPROJECT, tmp_path_factory.mktemp(PLUGIN))


@pytest.fixture
def record(tmp_path: Path) -> Journal:
    """What the tasks of the plugin write down."""
    return Journal(tmp_path / "record")


@pytest.fixture
def environment(plugins: Path, record: Journal) -> dict[str, str]:
    """Variables of all processes, so that they have the plugin and it has its record."""
    return {"PYTHONPATH": str(plugins), "CHAOS_RECORD": str(record.path)}
