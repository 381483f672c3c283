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
    Example(
        name="Where is it?",
        query="""\
# Begin with a name, a path or a digest. What is found says where it is: in which versions, and at which addresses.
query Find($text: String!) {
  search(text: $text, first: 20) {
    edges {
      matchedBy
      matched
      node {
        __typename
        id
        ... on FileContent {
          relativePath
          size
          versions { edges { node { repository { name } addedIn removedIn origin addedAt } } }
          distributions { edges { url } }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
""",
        variables='{\n  "text": "tools/"\n}',
    ),
    Example(
        name="What was served",
        query="""\
# What clients got at a base path at a time, whatever was renamed or deleted since.
query AsOf($at: DateTime!) {
  distributionAsOf(basePath: "mirror", at: $at) {
    since
    until
    repositoryName
    versionNumber
    repositoryVersion {
      content(filter: { relativePathPrefix: "tools/", not: { label: [{ key: "yanked" }] } }) {
        edges { node { ... on FileContent { relativePath sha256 } } }
      }
    }
  }
}
""",
        variables='{\n  "at": "2026-01-31T12:00:00+00:00"\n}',
    ),
    Example(
        name="Add and remove files",
        query="""\
# One atomic version. Adds that wait for the same repository are committed together, each with its own task and error.
# `base` begins with an older version; `overwrite: false` refuses to replace a file at the same path.
mutation Change($repository: ID!, $add: [ID!], $remove: [ID!]) {
  createFileAdd(input: { repository: $repository, add: $add, remove: $remove }) {
    task { id state }
    errors { code message path hint }
  }
}
""",
        variables='{\n  "repository": "",\n  "add": [],\n  "remove": []\n}',
    ),
    Example(
        name="Roll back",
        query="""\
# A new version that is equal to an older one; with DISTRIBUTE it is what clients get. Nothing in between is lost.
mutation Rollback($version: ID!) {
  rollbackRepository(input: { repositoryVersion: $version, automation: DISTRIBUTE }) {
    task { id ... on FileAdd { repository { name } base { number } } }
    errors { code message path hint }
  }
}
""",
        variables='{\n  "version": ""\n}',
    ),
)
