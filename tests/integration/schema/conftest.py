"""The API on an engine in the test's own event loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from headbox.kinds import Registry
from headbox.schema import app
from headbox.schema.build import ApiSchema, build_schema
from headbox.settings import GraphQLSettings
from tests.integration.schema.api import Api
from tests.support.engine import LocalEngine
from tests.support.upstream import Upstream, pulp_manifest

FILES = {"a.txt": b"first", "b.txt": b"second", "sub/c.txt": b"third"}


@pytest.fixture(scope="session", autouse=True)
def schemas_are_built_once() -> Iterator[None]:
    """Give all tests of this folder the same schemas: building one takes half a second, and it does not change."""
    built: dict[Any, ApiSchema] = {}

    def build(registry: Registry, limits: GraphQLSettings) -> ApiSchema:
        key = (registry.plugins, limits)
        if key not in built:
            built[key] = build_schema(registry, limits)
        return built[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "build_schema", build)
        yield


@pytest.fixture
def api(engine: LocalEngine) -> Api:
    return Api(engine)


@pytest.fixture
def files(upstream: Upstream) -> Upstream:
    """An upstream of three files."""
    upstream.files.update(FILES)
    upstream.files["PULP_MANIFEST"] = pulp_manifest(FILES)
    return upstream
