/** The versions of a repository on a time line, how it grew, and what is served of it. */
import { useEffect, useRef } from "react";
import { useMutation } from "urql";
import { Link, useLocation } from "wouter";

import { graphql } from "../../typed";
import type { RepositoryServedQuery, VersionsQuery } from "../../typed/graphql";
import { useFresh } from "../live/query";
import { Confirm } from "../parts/confirm";
import { Failure, UserErrors } from "../parts/errors";
import { Name } from "../parts/name";
import { Empty, Loading, Section, useBehind } from "../parts/page";
import { More, Pages, type Part } from "../parts/pages";
import { kindWords, TaskRows } from "../parts/tasks";
import { Ago } from "../parts/time";
import { bytes, count, counted } from "../text";
import { Growth } from "./growth";
import { OpenIssues } from "./open-issues";
import type { Repository } from "./repository";

const SERVED = graphql(`
  query RepositoryServed($id: ID!) {
    node(id: $id) {
      ... on Repository {
        id
        openIssueCount
        distributions(first: 20) {
          edges {
            node {
              id
              name
              basePath
              url
              servingVersion {
                id
                number
              }
            }
          }
        }
        tasks(first: 3) {
          edges {
            node {
              ...TaskRow
              error {
                ...UserError
              }
            }
          }
        }
      }
    }
  }
`);

const VERSIONS = graphql(`
  query Versions($id: ID!, $after: String) {
    node(id: $id) {
      ... on Repository {
        id
        versions(first: 50, after: $after) {
          totalCount
          pageInfo {
            hasNextPage
            endCursor
          }
          edges {
            node {
              id
              number
              createdAt
              createdBy {
                id
                kind
              }
              summary {
                present
                added
                removed
                size
              }
            }
          }
        }
      }
    }
  }
`);

const ROLL_BACK = graphql(`
  mutation RollBack($input: RollbackRepositoryInput!) {
    rollbackRepository(input: $input) {
      task {
        id
      }
      errors {
        ...UserError
      }
    }
  }
`);

type Served = Extract<NonNullable<RepositoryServedQuery["node"]>, { distributions: unknown }>;
type Found = Extract<NonNullable<VersionsQuery["node"]>, { versions: unknown }>;
export type Version = Found["versions"]["edges"][number]["node"];

const EVERY_SECONDS = 10;

export function Versions({ repository }: { repository: Repository }) {
  const { id, revision, openIssueCount } = repository;
  const { number } = repository.latestVersion;
  const { data, error, again } = useFresh(SERVED, { variables: { id }, everySeconds: EVERY_SECONDS });
  useBehind(SERVED, { id });
  useBehind(VERSIONS, { id });
  const latest = useRef(again);
  latest.current = again;
  useEffect(() => latest.current(), [number, revision]);
  const node = data?.node && "distributions" in data.node ? (data.node as Served) : undefined;
  return (
    <>
      {node ? (
        <div className="columns">
          <ServedAt served={node} latest={number} />
          <Section title="Latest tasks">
            <TaskRows edges={node.tasks.edges} none="Nothing was done with it yet." />
          </Section>
        </div>
      ) : error ? (
        <Failure error={error} retry={again} />
      ) : (
        <Loading />
      )}
      {openIssueCount > 0 && <OpenIssues repository={id} total={openIssueCount} />}
      {/* Another version moves all that come behind it: they are asked for anew. */}
      <Pages id={`${id} ${number}`}>{(part) => <VersionList repository={repository} part={part} />}</Pages>
    </>
  );
}

function VersionList({ repository, part }: { repository: Repository; part: Part }) {
  const { id, latestVersion } = repository;
  const { data, error, again } = useFresh(VERSIONS, { variables: { id, after: part.after } });
  const node = data?.node && "versions" in data.node ? (data.node as Found) : undefined;
  if (!node) {
    return error ? <Failure error={error} retry={again} /> : <Loading />;
  }
  const { edges, pageInfo, totalCount } = node.versions;
  const versions = edges.map((edge) => edge.node);
  return (
    <>
      {!part.after && versions.length > 2 && <Growth versions={versions.toReversed()} />}
      <Section
        title={part.after ? "Versions before" : "Versions"}
        aside={!part.after && totalCount != null && `${count(totalCount)} in all`}
      >
        {latestVersion.number === 0 && (
          <Empty>
            Version 0 is empty. A <Link href={`/repositories/${id}/sync`}>sync</Link> or an{" "}
            <Link href={`/upload?repository=${id}`}>upload</Link> makes the next one.
          </Empty>
        )}
        <ol className="timeline versions">
          {versions.map((version) => (
            <VersionItem key={version.id} version={version} repository={repository} isLatest={version.number === latestVersion.number} />
          ))}
        </ol>
        <More part={part} pageInfo={pageInfo} />
      </Section>
    </>
  );
}

function ServedAt({ served: { distributions }, latest }: { served: Served; latest: number }) {
  return (
    <Section title="Served at">
      {distributions.edges.length === 0 ? (
        <Empty>
          Nowhere. <Link href="/distributions">Distributions</Link> say where repositories are served.
        </Empty>
      ) : (
        <ul className="rows">
          {distributions.edges.map(({ node }) => (
            <li key={node.id} className="row row-main">
              <a href={node.url} target="_blank" rel="noreferrer">
                <Name text={node.url} />
              </a>
              <span className="quiet">
                {!node.servingVersion
                  ? "serves nothing yet"
                  : `version ${count(node.servingVersion.number)}${node.servingVersion.number === latest ? ", the latest" : ""}`}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function VersionItem({ version, repository, isLatest }: { version: Version; repository: Repository; isLatest: boolean }) {
  const [state, rollBack] = useMutation(ROLL_BACK);
  const [, navigate] = useLocation();
  const address = `/repositories/${repository.id}`;
  const onYes = async () => {
    const { data } = await rollBack({ input: { repositoryVersion: version.id } });
    if (data?.rollbackRepository.task) {
      navigate(`/tasks/${data.rollbackRepository.task.id}`);
    }
  };
  return (
    <li className={isLatest ? "stage stage-completed" : "stage"}>
      <div className="stage-head">
        <h3>
          <Link href={`${address}/content?version=${version.number}`}>Version {count(version.number)}</Link>
        </h3>
        <span className="quiet">
          <Ago at={version.createdAt} />
          {version.createdBy && (
            <>
              {" "}
              by <Link href={`/tasks/${version.createdBy.id}`}>{kindWords(version.createdBy.kind)}</Link>
            </>
          )}
        </span>
        {!isLatest && (
          <Confirm label="Roll back" title={`Roll back to version ${count(version.number)}?`} isSmall disabled={state.fetching} onYes={onYes}>
            A new version is made that is equal to version {count(version.number)}. The versions between stay, so it can be undone
            the same way.
          </Confirm>
        )}
      </div>
      <p>
        {counted(version.summary.present, "unit")}, {bytes(version.summary.size)}
        {version.number > 0 && (
          <>
            {" · "}
            <Link href={`${address}/differences?from=${version.number - 1}&to=${version.number}`}>
              <span className="plus">+{count(version.summary.added)}</span>{" "}
              <span className="minus">−{count(version.summary.removed)}</span>
            </Link>
          </>
        )}
      </p>
      <UserErrors errors={state.data?.rollbackRepository.errors ?? []} />
      {state.error && <Failure error={state.error} />}
    </li>
  );
}
