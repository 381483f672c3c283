"""Worked GraphQL operations on files, shown as tabs of GraphiQL."""

from __future__ import annotations

from headbox.plugin_api import Example

EXAMPLES = (
    Example(
        name="Mirror an upstream",
        query="""\
# One request makes a served mirror: repository, remote, publish settings, distribution and the first sync.
# Watch its task with the subscription in the next tab; the files are at the distribution's url.
mutation Mirror($url: String!) {
  createFileRepository(
    input: {
      name: "mirror"
      remote: { create: { name: "upstream", url: $url } }
      publishSettings: { create: {} }
      distributions: [{ basePath: "mirror" }]
      automation: DISTRIBUTE
      syncMode: MIRROR
      sync: true
    }
  ) {
    repository { id name }
    distributions { basePath url }
    task { id state }
    errors { code message path hint }
  }
}
""",
        variables='{\n  "url": "https://example.org/files/PULP_MANIFEST"\n}',
    ),
    Example(
        name="Watch a sync",
        query="""\
# State, not events: each message is the whole truth of the task at that moment. Put the task's id into the variables.
subscription Watch($id: ID!) {
  task(id: $id) {
    kind
    state
    actions {
      name
      state
      reports { code message state done total totalKind unit rate etaSeconds }
    }
    ... on FileSync { repositoryVersion { number summary { present added removed } } publication { id } }
    error { code message hint }
  }
}
""",
        variables='{\n  "id": ""\n}',
    ),
    Example(
        name="Files of a version",
        query="""\
query Files {
  repository(name: "mirror") {
    latestVersion {
      number
      summary { present added removed }
      content(first: 20) {
        edges { origin addedAt node { ... on FileContent { relativePath size sha256 } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
""",
    ),
)
