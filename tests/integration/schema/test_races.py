"""The same mutation, from several clients at the same moment: one succeeds, and the others are told why they do not."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from headbox.models import Distribution, PublishSettings, Remote, Repository, Task
from headbox.resolvers.ids import GlobalId
from headbox.types import Automation
from tests.factories.distribution import make_distribution
from tests.factories.remote import make_remote
from tests.factories.repository import make_repository
from tests.factories.task import make_gate
from tests.integration.schema.api import Api
from tests.support.mirror import Mirror
from tests.support.upstream import Upstream

CLIENTS = 6
ERRORS = "errors { code message }"
CREATE_REPOSITORY = f"""
mutation ($input: CreateFileRepositoryInput!) {{
  createFileRepository(input: $input) {{ repository {{ id }} {ERRORS} }}
}}
"""
CREATE_REMOTE = f"""
mutation ($input: CreateFileRemoteInput!) {{ createFileRemote(input: $input) {{ remote {{ id }} {ERRORS} }} }}
"""
UPDATE_REMOTE = f"""
mutation ($input: UpdateFileRemoteInput!) {{ updateFileRemote(input: $input) {{ remote {{ id }} {ERRORS} }} }}
"""
UPDATE_DISTRIBUTION = f"""
mutation ($input: UpdateDistributionInput!) {{ updateDistribution(input: $input) {{ distribution {{ id }} {ERRORS} }} }}
"""
DELETE_REPOSITORY = f"mutation ($id: ID!) {{ deleteRepository(id: $id) {{ repository {{ id }} {ERRORS} }} }}"
DELETE_REMOTE = f"mutation ($id: ID!) {{ deleteRemote(id: $id) {{ remote {{ id }} {ERRORS} }} }}"
CREATE_WAIT = (
    f"mutation ($input: CreateWaitTaskInput!) {{ createWaitTask(input: $input) {{ task {{ id }} {ERRORS} }} }}"
)


async def together(api: Api, *operations: tuple[str, dict[str, Any]]) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Run operations at once; return the payloads of those that succeeded, and how many failed with each code."""
    answers = await asyncio.gather(*(api.run(document, **variables) for document, variables in operations))
    payloads = [payload for answer in answers for payload in answer.values()]
    codes = Counter(error["code"] for payload in payloads for error in payload["errors"])
    return [payload for payload in payloads if not payload["errors"]], codes


async def test_one_repository_gets_the_name(api: Api) -> None:
    done, codes = await together(api, *[(CREATE_REPOSITORY, {"input": {"name": "same"}})] * CLIENTS)

    assert (len(done), codes) == (1, {"NAME_TAKEN": CLIENTS - 1})
    assert await Repository.all().count() == 1


async def test_one_remote_gets_the_name(api: Api, files: Upstream) -> None:
    given = {"name": "same", "url": files.url_of("PULP_MANIFEST")}
    done, codes = await together(api, *[(CREATE_REMOTE, {"input": given})] * CLIENTS)

    assert (len(done), codes) == (1, {"NAME_TAKEN": CLIENTS - 1})
    assert await Remote.all().count() == 1


async def test_one_distribution_gets_each_path(api: Api) -> None:
    """In opposite orders, which would lock each other out if each path were a lock of its own."""
    paths = [f"{letter}/{letter}" for letter in "abcd"]
    ordered = [{"basePath": path} for path in paths]
    inputs = [
        {"name": f"r{number}", "distributions": ordered if number % 2 else ordered[::-1]} for number in range(CLIENTS)
    ]
    done, codes = await together(api, *[(CREATE_REPOSITORY, {"input": given}) for given in inputs])

    assert (len(done), codes) == (1, {"BASE_PATH_TAKEN": CLIENTS - 1})
    assert sorted([row.base_path for row in await Distribution.all()]) == paths


async def test_paths_that_overlap_are_not_both_taken(api: Api) -> None:
    inputs = [{"name": f"r{n}", "distributions": [{"basePath": path}]} for n, path in enumerate(["a", "a/b", "a/b/c"])]
    done, codes = await together(api, *[(CREATE_REPOSITORY, {"input": given}) for given in inputs])

    assert (len(done), codes) == (1, {"BASE_PATH_OVERLAPS": 2})


async def test_one_update_of_a_revision_is_made(api: Api, files: Upstream) -> None:
    remote = await make_remote(api.engine, files)
    given = {"id": str(GlobalId("FileRemote", remote.id)), "expectedRevision": 1, "maxRetries": 2}
    done, codes = await together(api, *[(UPDATE_REMOTE, {"input": given})] * CLIENTS)

    assert (len(done), codes) == (1, {"REVISION_CONFLICT": CLIENTS - 1})
    assert (await Remote.get(id=remote.id)).revision == 2


async def test_one_idempotency_key_makes_one_task(api: Api) -> None:
    name, gate = make_gate()
    given = {"gate": name, "idempotencyKey": "once"}
    done, codes = await together(api, *[(CREATE_WAIT, {"input": given})] * CLIENTS)
    gate.open()

    assert not codes
    assert len({payload["task"]["id"] for payload in done}) == 1
    assert await Task.all().count() == 1


async def test_one_row_of_settings_is_made_of_the_same_values(api: Api) -> None:
    inputs = [{"name": f"r{n}", "publishSettings": {"create": {"manifest": "LIST"}}} for n in range(CLIENTS)]
    done, codes = await together(api, *[(CREATE_REPOSITORY, {"input": given}) for given in inputs])

    assert (len(done), codes) == (CLIENTS, {})
    assert await PublishSettings.all().count() == 1


@pytest.mark.parametrize("attempt", range(5))
async def test_remote_is_deleted_or_used(api: Api, files: Upstream, attempt: int) -> None:
    remote = await make_remote(api.engine, files)
    identifier = str(GlobalId("FileRemote", remote.id))
    use = (CREATE_REPOSITORY, {"input": {"name": "new", "remote": {"id": identifier}}})
    delete = (DELETE_REMOTE, {"id": identifier})

    done, codes = await together(api, *((use, delete) if attempt % 2 else (delete, use)))

    is_deleted = (await Remote.get(id=remote.id)).deleted_at is not None
    assert len(done) == 1
    assert set(codes) < {"IN_USE", "NOT_PERMITTED", "INVALID", "NOT_FOUND"}
    assert is_deleted != await Repository.filter(remote_id=remote.id).exists()


@pytest.mark.parametrize("attempt", range(5))
async def test_repository_is_deleted_or_followed(api: Api, attempt: int) -> None:
    repository = await make_repository(api.engine)
    distribution = await make_distribution(api.engine, "path")
    identifier = str(GlobalId("FileRepository", repository.id))
    source = {"id": str(GlobalId("Distribution", distribution.id)), "source": {"repository": identifier}}
    follow = (UPDATE_DISTRIBUTION, {"input": source})
    delete = (DELETE_REPOSITORY, {"id": identifier})

    done, codes = await together(api, *((follow, delete) if attempt % 2 else (delete, follow)))

    assert len(done) == 1, codes
    is_there = await Repository.filter(id=repository.id).exists()
    assert is_there == ((await Distribution.get(id=distribution.id)).repository_id is not None)


@pytest.mark.parametrize("attempt", range(4))
async def test_distribution_that_is_made_while_a_sync_ends_serves_what_it_published(
    api: Api, upstream: Upstream, attempt: int
) -> None:
    engine = api.engine
    mirror = await Mirror.of(engine, upstream, "first", automation=Automation.DISTRIBUTE)

    async def make_later() -> Distribution:
        await asyncio.sleep(0.03 * attempt)
        return await make_distribution(engine, "second", mirror.repository)

    made, _ = await asyncio.gather(make_later(), mirror.sync({"a.txt": b"a"}))

    first = await Distribution.get(base_path="first")
    second = await Distribution.get(id=made.id)
    assert first.serving_id is not None
    assert second.serving_id == first.serving_id
