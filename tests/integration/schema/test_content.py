"""Lists of content: what is found, and how."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from headbox.models import (
    Artifact,
    ArtifactSource,
    Content,
    ContentArtifact,
    Membership,
    Repository,
    RepositoryVersion,
)
from headbox.types import Origin, derived_id, uuid7
from tests.factories.repository import make_repository
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid


async def add_content(repository: Repository, version: int, *paths: str, origin: Origin = Origin.SYNC) -> list[Content]:
    """Let a new version of a repository hold these files too."""
    contents = []
    for path in paths:
        sha256 = path.encode().hex().ljust(64, "0")[:64]
        content = await Content.create(
            id=derived_id("file.content", path),
            kind="file.content",
            document={"relative_path": path, "sha256": sha256, "size": len(path)},
            slot=derived_id("file.content", "slot", path),
        )
        await ContentArtifact.create(content_id=content.id, relative_path=path, sha256=sha256, size=len(path))
        await Membership.create(
            repository_id=repository.id,
            content_id=content.id,
            added_in=version,
            slot=content.slot,
            size=1,
            origin=origin,
            added_at=datetime.now(UTC),
            added_by_id=uuid7(),
        )
        contents.append(content)
    present = await Membership.filter(repository_id=repository.id, removed_in__isnull=True).count()
    await RepositoryVersion.create(
        repository_id=repository.id,
        number=version,
        base_number=version - 1,
        previous_number=version - 1,
        present=present,
        added=len(paths),
        by_kind={"file.content": {"present": present, "added": len(paths), "removed": 0, "size": present}},
    )
    repository.latest_number = version
    await repository.save()
    return contents


async def test_content_by_filter(api: Api) -> None:
    repository = await make_repository(api.engine, name="files")
    contents = await add_content(repository, 1, "a/one", "a/two", "b/100%", "b/é")
    document = """
    query ($filter: ContentFilter) {
      fileContents(filter: $filter) { totalCount edges { node { relativePath } } }
      repository(name: "files") { latestVersion { content(filter: $filter) { totalCount edges { node { kind } } } } }
    }
    """

    async def paths(**filter: Any) -> set[str]:
        data = await api.run(document, filter=filter)
        of_version = data["repository"]["latestVersion"]["content"]
        assert len(of_version["edges"]) == len(data["fileContents"]["edges"])
        return {edge["node"]["relativePath"] for edge in data["fileContents"]["edges"]}

    assert await paths() == {"a/one", "a/two", "b/100%", "b/é"}
    assert await paths(relativePath="a/one") == {"a/one"}
    assert await paths(relativePathPrefix="a/") == {"a/one", "a/two"}
    assert await paths(relativePathPrefix="b/1") == {"b/100%"}
    assert await paths(sha256=contents[1].document["sha256"].upper()) == {"a/two"}
    assert await paths(kind=["npm.content"]) == set()
    assert await paths(**{"not": {"relativePathPrefix": "a/"}}) == {"b/100%", "b/é"}
    unknown = await api.fail(document, filter={"field": [{"name": "size", "value": "1"}]})
    assert unknown["extensions"]["code"] == "INVALID"


async def test_count_of_filtered_content_is_not_told(api: Api) -> None:
    repository = await make_repository(api.engine)
    await add_content(repository, 1, "a")

    data = await api.run(
        '{ fileContents { totalCount } filtered: fileContents(filter: {relativePath: "a"}) { totalCount } }'
    )

    assert (data["fileContents"]["totalCount"], data["filtered"]["totalCount"]) == (1, None)


async def test_content_of_old_versions_stays(api: Api) -> None:
    repository = await make_repository(api.engine, name="files")
    [kept, gone] = await add_content(repository, 1, "kept", "gone")
    await add_content(repository, 2, "new", origin=Origin.UPLOAD)
    await Membership.filter(content_id=gone.id).update(removed_in=2)
    await RepositoryVersion.filter(repository_id=repository.id, number=2).update(removed=1, present=2)
    # What a sync has prepared and not made visible yet.
    await Membership.filter(content_id=kept.id).update(removed_in=3)
    document = """
    query ($number: BigInt!, $change: ContentChangeKind) {
      repository(name: "files") { version(number: $number) { content(change: $change) {
        edges { origin node { ... on FileContent { relativePath } } } } } }
    }
    """

    async def content(number: int, change: str | None = "PRESENT") -> set[str]:
        data = await api.run(document, number=number, change=change)
        edges = data["repository"]["version"]["content"]["edges"]
        return {edge["node"]["relativePath"] for edge in edges}

    assert await content(0) == set()
    assert await content(1) == {"kept", "gone"}
    assert await content(2) == {"kept", "new"}
    assert await content(2, "ADDED") == {"new"}
    assert await content(2, "REMOVED") == {"gone"}
    assert await content(2, None) == {"kept", "new"}
    holding = await api.run(
        "query ($id: ID!) { node(id: $id) { ... on Content { repositories { totalCount } } } }",
        id=gid("FileContent", kept),
    )
    assert holding["node"]["repositories"]["totalCount"] == 1


async def test_availability_of_artifacts(api: Api) -> None:
    repository = await make_repository(api.engine)
    local, remote, missing = await add_content(repository, 1, "local", "remote", "missing")
    await Artifact.create(sha256=local.document["sha256"], size=5)
    await ArtifactSource.create(
        content_id=remote.id, relative_path="remote", remote_id=repository.id, url="http://a.test/"
    )

    data = await api.run("{ fileContents { edges { node { relativePath artifacts { availability } } } } }")

    found = {edge["node"]["relativePath"]: edge["node"]["artifacts"] for edge in data["fileContents"]["edges"]}
    assert found == {
        "local": [{"availability": "LOCAL"}],
        "remote": [{"availability": "REMOTE"}],
        "missing": [{"availability": "MISSING"}],
    }
    assert missing.labels == {}
