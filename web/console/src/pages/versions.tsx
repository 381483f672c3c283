/** The versions of a repository on a time line, how it grew, and what is served of it. */
import { useEffect, useRef } from "react";
import { useMutation } from "urql";
import { Link, useLocation } from "wouter";

import { graphql } from "../../typed";
import type { VersionsQuery } from "../../typed/graphql";
import { useFresh } from "../live/query";
import { Confirm } from "../parts/confirm";
import { Failure, UserErrors } from "../parts/errors";
import { Name } from "../parts/name";
import { Empty, Loading, Section, useBehind } from "../parts/page";
import { Ago } from "../parts/time";
import { count, counted } from "../text";
import { kindWords } from "./now";
import type { Repository } from "./repository";

const VERSIONS = graphql(`
  query Versions($id: ID!) {
    node(id: $id) {
      ... on Repository {
        id
        openIssueCount
        openIssues(first: 20) {
          edges {
            node {
              code
              message
              relativePath
              attempts
              nextTryAt
            }
          }
        }
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
        versions(last: 50) {
          totalCount
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

type Found = Extract<NonNullable<VersionsQuery["node"]>, { versions: unknown }>;
type Version = Found["versions"]["edges"][number]["node"];

const EVERY_SECONDS = 10;

export function Versions({ repository }: { repository: Repository }) {
  const { data, error, again } = useFresh(VERSIONS, { variables: { id: repository.id }, everySeconds: EVERY_SECONDS });
  useBehind(VERSIONS, { id: repository.id });
  const latest = useRef(again);
  latest.current = again;
  const { number } = repository.latestVersion;
  useEffect(() => latest.current(), [number, repository.revision]);
  const node = data?.node;
  if (!node || !("versions" in node)) {
    return error ? <Failure error={error} retry={again} /> : <Loading />;
  }
  const versions = (node as Found).versions.edges.map((edge) => edge.node).sort((one, other) => other.number - one.number);
  return (
    <>
      <Served found={node as Found} latest={number} />
      {node.openIssueCount ? <OpenIssues found={node as Found} /> : null}
      {versions.length > 2 && <Growth versions={versions.toReversed()} />}
      <Section title="Versions" aside={versions.length < number + 1 ? `the last ${count(versions.length)}` : undefined}>
        {number === 0 && (
          <Empty>
            Version 0 is empty. A <Link href={`/repositories/${repository.id}/sync`}>sync</Link> or an{" "}
            <Link href="/upload">upload</Link> makes the next one.
          </Empty>
        )}
        <ol className="timeline versions">
          {versions.map((version) => (
            <VersionItem key={version.id} version={version} repository={repository} isLatest={version.number === number} />
          ))}
        </ol>
      </Section>
    </>
  );
}

function Served({ found, latest }: { found: Found; latest: number }) {
  return (
    <Section title="Served at">
      {found.distributions.edges.length === 0 ? (
        <Empty>
          Nowhere. <Link href="/distributions">Distributions</Link> say where repositories are served.
        </Empty>
      ) : (
        <ul className="rows">
          {found.distributions.edges.map(({ node }) => (
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

function OpenIssues({ found }: { found: Found }) {
  return (
    <Section title="Open issues" aside={counted(found.openIssueCount, "unit is missing", "units are missing")}>
      <ul className="rows">
        {found.openIssues.edges.map(({ node }, index) => (
          <li key={index} className="row">
            <div className="row-main">
              <Name text={node.relativePath ?? node.code} mono />
              <span className="quiet">
                {counted(node.attempts, "try", "tries")}
                {node.nextTryAt && (
                  <>
                    , the next <Ago at={node.nextTryAt} />
                  </>
                )}
              </span>
            </div>
            <Name text={node.message} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

const WIDTH = 600;
const HEIGHT = 100;

/** How many units each version has, the oldest first. */
function Growth({ versions }: { versions: Version[] }) {
  const sizes = versions.map(({ summary }) => summary.present);
  const most = Math.max(1, ...sizes);
  const points = sizes.map((size, index) => {
    const x = (index / (sizes.length - 1)) * WIDTH;
    return `${x.toFixed(1)},${(HEIGHT - 4 - (size / most) * (HEIGHT - 8)).toFixed(1)}`;
  });
  const [first, last] = [versions[0]!, versions.at(-1)!];
  return (
    <Section title="Units by version" aside={`at most ${count(most)}`}>
      <svg
        className="chart"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`From ${count(sizes[0]!)} units in version ${first.number} to ${count(sizes.at(-1)!)} in version ${last.number}`}
      >
        <polygon className="chart-area" points={`0,${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}`} />
        <polyline className="chart-line" points={points.join(" ")} />
      </svg>
      <div className="chart-ends quiet">
        <span>Version {count(first.number)}</span>
        <span>Version {count(last.number)}</span>
      </div>
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
        {counted(version.summary.present, "unit")}
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
