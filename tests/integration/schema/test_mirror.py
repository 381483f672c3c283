"""The main job over the API: one mutation makes a served mirror, and everything of it can be read."""

from __future__ import annotations

from typing import Any

from headbox.models import Task
from headbox.resolvers.ids import GlobalId
from tests.integration.schema.api import BASE_URL, Api
from tests.integration.schema.conftest import FILES
from tests.support.upstream import Upstream, pulp_manifest

CREATE = """
mutation ($url: String!, $automation: Automation = DISTRIBUTE, $paths: [NewDistributionInput!]) {
  createFileRepository(input: {
    name: "mirror", description: "Of files", labels: {team: "infra"}
    remote: {create: {name: "upstream", url: $url, username: "me", password: "secret", headers: {Accept: "*/*"}}}
    publishSettings: {create: {manifest: "MANIFEST"}}
    distributions: $paths, automation: $automation, syncMode: MIRROR, sync: true
  }) {
    repository { id name description labels revision automation syncMode retainVersions
      remote { id name url policy hasCredentials revision downloadConcurrency totalTimeoutSeconds headers tlsVerify }
      publishSettings { id ... on FilePublishSettings { manifest } }
      latestVersion { number summary { present } createdBy { id } base { number } } }
    distributions { id name basePath url source { __typename ... on LatestOfRepository { repository { name } } }
      serving { id } contentGuard { id } }
    task { id kind state mode automation onError force remoteRevision
      repository { name } remote { name } settings { manifest } claims { resource exclusive repository { name } } }
    errors { code message path }
  }
}
"""


async def mirror(api: Api, upstream: Upstream) -> dict[str, Any]:
    """Create the mirror, wait for its first sync and return the payload."""
    data = await api.run(CREATE, url=upstream.url_of("PULP_MANIFEST"), paths=[{"basePath": "mirror"}])
    payload: dict[str, Any] = data["createFileRepository"]
    assert payload["errors"] == []
    task = GlobalId.parse(payload["task"]["id"])
    assert task is not None
    await api.engine.completed(await Task.get(id=task.id))
    return payload


async def test_one_mutation_creates_everything(api: Api, files: Upstream) -> None:
    payload = await mirror(api, files)

    repository, [distribution], task = payload["repository"], payload["distributions"], payload["task"]
    assert GlobalId.parse(repository["id"]).type_name == "FileRepository"  # type: ignore[union-attr]
    assert {key: repository[key] for key in ("name", "description", "labels", "revision")} == {
        "name": "mirror",
        "description": "Of files",
        "labels": {"team": "infra"},
        "revision": 1,
    }
    assert repository["remote"] == {
        "id": repository["remote"]["id"],
        "name": "upstream",
        "url": files.url_of("PULP_MANIFEST"),
        "policy": "IMMEDIATE",
        "hasCredentials": True,
        "revision": 1,
        "downloadConcurrency": 10,
        "totalTimeoutSeconds": None,
        "headers": {"Accept": "*/*"},
        "tlsVerify": True,
    }
    assert repository["publishSettings"]["manifest"] == "MANIFEST"
    assert repository["latestVersion"] == {
        "number": 0, "summary": {"present": 0}, "createdBy": None, "base": None
    }  # fmt: skip
    assert distribution["url"] == f"{BASE_URL}/content/mirror/"
    assert distribution["source"] == {"__typename": "LatestOfRepository", "repository": {"name": "mirror"}}
    assert (distribution["serving"], distribution["contentGuard"]) == (None, None)
    assert (task["kind"], task["state"], task["mode"], task["automation"]) == (
        "file.sync", "WAITING", "MIRROR", "DISTRIBUTE"
    )  # fmt: skip
    assert (task["repository"]["name"], task["remote"]["name"], task["remoteRevision"]) == ("mirror", "upstream", 1)
    [claim] = task["claims"]
    assert claim["resource"].startswith("repository:")
    assert (claim["exclusive"], claim["repository"]) == (True, {"name": "mirror"})


async def test_finished_sync_shows_all_that_it_made(api: Api, files: Upstream) -> None:
    payload = await mirror(api, files)

    data = await api.run(
        """
        query ($task: ID!) {
          task(id: $task) {
            state error { code } claims { resource } blockedBy { id } worker { name online currentTask { id } }
            actions { name state reports { code unit done total totalKind } }
            createdResources { __typename id }
            ... on FileSync {
              repositoryVersion {
                id number summary { present added removed size byKind { kind present added removed size } }
              }
              publication { id reused distributable settings { id } repositoryVersion { number } }
              issues { totalCount edges { node { code } } }
            }
          }
          distribution(basePath: "mirror") { serving { id } servingVersion { number } }
        }
        """,
        task=payload["task"]["id"],
    )

    task = data["task"]
    assert (task["state"], task["error"], task["claims"], task["blockedBy"]) == ("COMPLETED", None, [], [])
    assert task["worker"] == {"name": "test", "online": True, "currentTask": None}
    assert [action["name"] for action in task["actions"]][:2] == ["sync", "publish"]
    assert {action["state"] for action in task["actions"]} == {"COMPLETED"}
    assert task["repositoryVersion"]["summary"] == {
        "present": 3,
        "added": 3,
        "removed": 0,
        "size": 16,
        "byKind": [{"kind": "file.content", "present": 3, "added": 3, "removed": 0, "size": 16}],
    }
    assert task["publication"]["reused"] is False
    assert task["publication"]["repositoryVersion"] == {"number": 1}
    assert task["publication"]["settings"]["id"] == payload["repository"]["publishSettings"]["id"]
    assert task["issues"] == {"totalCount": 0, "edges": []}
    created = {node["__typename"]: node["id"] for node in task["createdResources"]}
    assert created == {
        "RepositoryVersion": task["repositoryVersion"]["id"],
        "Publication": task["publication"]["id"],
    }
    assert data["distribution"] == {
        "serving": {"id": task["publication"]["id"]}, "servingVersion": {"number": 1}
    }  # fmt: skip


async def test_content_of_a_version_with_origin_and_artifacts(api: Api, files: Upstream) -> None:
    payload = await mirror(api, files)

    data = await api.run(
        """
        {
          repository(name: "mirror") {
            latestVersion {
              content(first: 10) {
                totalCount
                edges {
                  origin addedAt addedBy { id }
                  node {
                    id kind labels
                    ... on FileContent { relativePath sha256 size }
                    artifacts { relativePath sha256 size availability }
                    repositories { totalCount edges { node { name } } }
                  }
                }
              }
            }
          }
        }
        """
    )

    content = data["repository"]["latestVersion"]["content"]
    assert content["totalCount"] == 3
    assert {edge["node"]["relativePath"]: edge["node"]["size"] for edge in content["edges"]} == {
        path: len(body) for path, body in FILES.items()
    }
    for edge in content["edges"]:
        node = edge["node"]
        assert (edge["origin"], edge["addedBy"]["id"]) == ("SYNC", payload["task"]["id"])
        assert edge["addedAt"].endswith("+00:00")
        [artifact] = node["artifacts"]
        assert artifact == {
            "relativePath": node["relativePath"],
            "sha256": node["sha256"],
            "size": node["size"],
            "availability": "LOCAL",
        }
        assert node["repositories"] == {"totalCount": 1, "edges": [{"node": {"name": "mirror"}}]}


async def test_second_sync_and_the_difference(api: Api, files: Upstream) -> None:
    first = await mirror(api, files)
    del files.files["a.txt"]
    files.files["d.txt"] = b"fourth"
    files.files["PULP_MANIFEST"] = pulp_manifest({path: files.files[path] for path in ("b.txt", "sub/c.txt", "d.txt")})

    data = await api.run(
        "mutation ($id: ID!) { createFileSync(input: {repository: $id}) { task { id } errors { code } } }",
        id=first["repository"]["id"],
    )
    task = GlobalId.parse(data["createFileSync"]["task"]["id"])
    assert task is not None
    await api.engine.completed(await Task.get(id=task.id))
    versions = await api.run('{ repository(name: "mirror") { versions { totalCount edges { node { id number } } } } }')
    edges = versions["repository"]["versions"]["edges"]
    ids = {edge["node"]["number"]: edge["node"]["id"] for edge in edges}

    assert [edge["node"]["number"] for edge in edges] == [2, 1, 0]
    forward = await api.run(DIFF, old=ids[1], new=ids[2])
    backward = await api.run(DIFF, old=ids[2], new=ids[1])
    assert _changes(forward) == {"d.txt": "ADDED", "a.txt": "REMOVED"}
    assert _changes(backward) == {"d.txt": "REMOVED", "a.txt": "ADDED"}
    assert forward["versionDiff"]["totalCount"] == 2
    assert backward["versionDiff"]["totalCount"] is None


DIFF = """
query ($old: ID!, $new: ID!) {
  versionDiff(from: $old, to: $new) { totalCount edges { change node { ... on FileContent { relativePath } } } }
}
"""


def _changes(data: dict[str, Any]) -> dict[str, str]:
    return {edge["node"]["relativePath"]: edge["change"] for edge in data["versionDiff"]["edges"]}
