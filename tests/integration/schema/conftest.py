"""The API on an engine in the test's own event loop."""

from __future__ import annotations

import pytest

from tests.integration.schema.api import Api
from tests.support.engine import LocalEngine
from tests.support.upstream import Upstream, pulp_manifest

FILES = {"a.txt": b"first", "b.txt": b"second", "sub/c.txt": b"third"}


@pytest.fixture
def api(engine: LocalEngine) -> Api:
    return Api(engine)


@pytest.fixture
def files(upstream: Upstream) -> Upstream:
    """An upstream of three files."""
    upstream.files.update(FILES)
    upstream.files["PULP_MANIFEST"] = pulp_manifest(FILES)
    return upstream
