/** What a distribution follows, and what clients get of it. */
import { Link } from "wouter";

import { graphql } from "../../../typed";
import type { ServedFragment } from "../../../typed/graphql";
import { Name } from "../../parts/name";
import { NodeLink } from "../../parts/value";

export const SERVED = graphql(`
  fragment Served on Distribution {
    id
    name
    basePath
    url
    revision
    source {
      __typename
      ... on LatestOfRepository {
        repository {
          id
          name
        }
      }
      ... on PinnedVersion {
        repositoryVersion {
          __typename
          id
          number
          repository {
            id
            name
          }
        }
      }
      ... on PinnedPublication {
        publication {
          __typename
          id
          repositoryVersion {
            id
            number
            repository {
              id
              name
            }
          }
        }
      }
    }
    servingVersion {
      __typename
      id
      number
      repository {
        id
        name
      }
    }
  }
`);

export function Source({ source }: { source: ServedFragment["source"] }) {
  switch (source?.__typename) {
    case "LatestOfRepository":
      return (
        <>
          What{" "}
          <Link href={`/repositories/${source.repository.id}`}>
            <Name text={source.repository.name} />
          </Link>{" "}
          publishes
        </>
      );
    case "PinnedVersion":
      return <NodeLink node={source.repositoryVersion} />;
    case "PinnedPublication":
      return <NodeLink node={source.publication} />;
    default:
      return <span className="quiet">nothing</span>;
  }
}

export function Serving({ version }: { version: ServedFragment["servingVersion"] }) {
  return version ? <NodeLink node={version} /> : <span className="quiet">nothing yet</span>;
}
