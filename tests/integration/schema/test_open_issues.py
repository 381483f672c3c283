"""What a repository misses, over the API."""

from __future__ import annotations

from headbox.models import OpenIssue
from headbox.types import OnError
from tests.integration.schema.api import Api
from tests.support.engine import LocalEngine
from tests.support.mirror import Mirror
from tests.support.statements import statements
from tests.support.upstream import Status, Upstream

ISSUES = """
query ($after: String) {
  repositories { edges { node {
    name requireComplete openIssueCount
    openIssues(first: 1, after: $after) {
      totalCount pageInfo { hasNextPage endCursor }
      edges { node { code relativePath url retryable attempts firstSeenAt lastSeenAt nextTryAt task { id } } }
    }
  } } }
}
"""
UPDATE = """
mutation ($id: ID!, $complete: Boolean) {
  updateFileRepository(input: {id: $id, requireComplete: $complete}) {
    repository { requireComplete } errors { code path }
  }
}
"""
PUBLISH = """
mutation ($id: ID!) {
  createFilePublish(input: {repository: $id}) {
    task { id } errors { __typename code path hint ... on RepositoryIncomplete { openIssues } }
  }
}
"""


async def incomplete(engine: LocalEngine, upstream: Upstream, *missing: str) -> Mirror:
    """Return a mirror of three files that misses some."""
    for path in missing:
        upstream.fault(path, Status(404))
    mirror = await Mirror.of(engine, upstream)
    await mirror.sync(on_error=OnError.SKIP)
    # What follows the end of a task makes statements too.
    await engine.dispatcher.rest()
    return mirror


async def test_repository_lists_what_it_misses(api: Api, engine: LocalEngine, files: Upstream) -> None:
    await incomplete(engine, files, "a.txt", "b.txt")

    found, after = [], None
    for has_next in (True, False):
        [edge] = (await api.run(ISSUES, after=after))["repositories"]["edges"]
        assert (edge["node"]["openIssueCount"], edge["node"]["requireComplete"]) == (2, False)
        page = edge["node"]["openIssues"]
        assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (2, has_next)
        found += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]

    assert sorted(issue["relativePath"] for issue in found) == ["a.txt", "b.txt"]
    assert {(issue["code"], issue["retryable"], issue["attempts"]) for issue in found} == {
        ("REMOTE_RESPONSE", False, 1)
    }
    assert all(issue["firstSeenAt"] <= issue["lastSeenAt"] < issue["nextTryAt"] for issue in found)
    assert all(issue["task"] for issue in found)


async def test_issues_of_many_repositories_take_as_many_queries_as_those_of_one(
    api: Api, engine: LocalEngine, files: Upstream
) -> None:
    await incomplete(engine, files, "a.txt")
    with statements() as for_one:
        await api.run(ISSUES)
    for _ in range(3):
        await incomplete(engine, files)

    with statements() as for_many:
        await api.run(ISSUES)

    assert len(for_many) == len(for_one)


async def test_issue_without_path_or_address_shows_none(api: Api, engine: LocalEngine, files: Upstream) -> None:
    await incomplete(engine, files, "a.txt")
    await OpenIssue.all().update(url="", relative_path="", next_try_at=None)

    [edge] = (await api.run(ISSUES))["repositories"]["edges"]

    issue = edge["node"]["openIssues"]["edges"][0]["node"]
    assert (issue["url"], issue["relativePath"], issue["nextTryAt"]) == (None, None, None)


async def test_repository_that_must_be_complete_is_not_published(
    api: Api, engine: LocalEngine, files: Upstream
) -> None:
    mirror = await incomplete(engine, files, "a.txt")
    repository = api.context().global_id("FileRepository", mirror.repository.id)
    updated = await api.run(UPDATE, id=repository, complete=True)
    assert updated["updateFileRepository"] == {"repository": {"requireComplete": True}, "errors": []}

    payload = (await api.run(PUBLISH, id=repository))["createFilePublish"]

    assert payload["task"] is None
    [error] = payload["errors"]
    assert (error["__typename"], error["code"], error["openIssues"]) == ("RepositoryIncomplete", "INVALID", 1)
    assert error["path"] == ["input", "repository"]


async def test_whether_it_must_be_complete_cannot_be_nothing(api: Api, engine: LocalEngine, files: Upstream) -> None:
    mirror = await incomplete(engine, files)
    repository = api.context().global_id("FileRepository", mirror.repository.id)

    payload = (await api.run(UPDATE, id=repository, complete=None))["updateFileRepository"]

    assert payload["errors"] == [{"code": "REQUIRED", "path": ["input", "requireComplete"]}]
