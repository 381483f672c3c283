"""The GraphQL documents that the demo sends. The one that watches a task is the command line's own."""

from __future__ import annotations

MIRROR = """\
mutation Mirror($url: String!) {
  createFileRepository(
    input: {
      name: "demo"
      remote: { create: { name: "upstream", url: $url } }
      publishSettings: { create: {} }
      distributions: [{ basePath: "demo" }]
      automation: DISTRIBUTE
      syncMode: MIRROR
      sync: true
    }
  ) {
    repository { id }
    distributions { url }
    task { id }
    errors { code message path hint }
  }
}
"""

SYNC = """\
mutation SyncAgain($repository: ID!) {
  createFileSync(input: { repository: $repository }) {
    task { id }
    errors { code message path hint }
  }
}
"""

SYNCED = """\
query Synced($task: ID!) {
  task(id: $task) {
    ... on FileSync {
      repositoryVersion { id number summary { present added removed } }
    }
  }
}
"""

DIFFERENCE = """\
query Difference($from: ID!, $to: ID!, $after: String) {
  versionDiff(from: $from, to: $to, first: 500, after: $after) {
    edges { change node { ... on FileContent { relativePath size } } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
