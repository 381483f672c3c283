/** All repositories: what they hold, where they come from, and what is served of them. */
import { useState } from "react";
import { Link } from "wouter";

import { graphql } from "../../typed";
import { useFresh } from "../live/query";
import { Failure } from "../parts/errors";
import { Name } from "../parts/name";
import { Empty, Loading, Page, Section } from "../parts/page";
import { More, Pages, type Part } from "../parts/pages";
import { Ago } from "../parts/time";
import { count, words } from "../text";

const REPOSITORIES = graphql(`
  query Repositories($after: String, $prefix: String) {
    repositories(first: 50, after: $after, filter: { namePrefix: $prefix }) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          __typename
          id
          name
          openIssueCount
          remote {
            id
            name
            url
          }
          latestVersion {
            id
            number
            createdAt
            summary {
              present
            }
          }
          distributions(first: 3) {
            edges {
              node {
                id
                basePath
                url
              }
            }
          }
        }
      }
    }
  }
`);

const EVERY_SECONDS = 10;

export default function Repositories() {
  const [prefix, setPrefix] = useState("");
  const variables = { prefix: prefix || null };
  return (
    <Page
      title="Repositories"
      actions={
        <Link href="/new" className="button button-main">
          New mirror
        </Link>
      }
      behind={[{ query: REPOSITORIES, variables }]}
    >
      <div className="field search">
        <label htmlFor="repository-search" className="hidden">
          Name begins with
        </label>
        <input
          id="repository-search"
          type="search"
          placeholder="Name begins with …"
          value={prefix}
          onChange={({ target }) => setPrefix(target.value)}
        />
      </div>
      <Pages id={prefix}>{(part) => <RepositoryList prefix={prefix} part={part} />}</Pages>
    </Page>
  );
}

function RepositoryList({ prefix, part }: { prefix: string; part: Part }) {
  const { data, error, again } = useFresh(REPOSITORIES, {
    variables: { after: part.after, prefix: prefix || null },
    everySeconds: EVERY_SECONDS,
  });
  if (!data) {
    return error ? <Failure error={error} retry={again} /> : <Loading />;
  }
  const { edges, pageInfo, totalCount } = data.repositories;
  if (edges.length === 0) {
    return (
      <Section title="Nothing here">
        <Empty>
          {prefix ? (
            "No repository has a name that begins like this."
          ) : (
            <>
              There are no repositories yet. <Link href="/new">Mirror an upstream</Link>: it takes an address and a name.
            </>
          )}
        </Empty>
      </Section>
    );
  }
  return (
    <Section title={part.after ? "And on" : "By name"} aside={!part.after && totalCount != null && `${count(totalCount)} in all`}>
      <div className="scroll" tabIndex={0} role="region" aria-label="Repositories">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Kind</th>
              <th scope="col" className="number">
                Units
              </th>
              <th scope="col" className="number">
                Version
              </th>
              <th scope="col">Changed</th>
              <th scope="col">From</th>
              <th scope="col">Served at</th>
            </tr>
          </thead>
          <tbody>
            {edges.map(({ node }) => (
              <tr key={node.id}>
                <td>
                  <Link href={`/repositories/${node.id}`}>
                    <Name text={node.name} />
                  </Link>
                  {node.openIssueCount > 0 && <span className="quiet"> {count(node.openIssueCount)} open issues</span>}
                </td>
                <td>{words(node.__typename.replace(/Repository$/, "")) || node.__typename}</td>
                <td className="number">{count(node.latestVersion.summary.present)}</td>
                <td className="number">{count(node.latestVersion.number)}</td>
                <td>
                  <Ago at={node.latestVersion.createdAt} />
                </td>
                <td>{node.remote ? <Name text={node.remote.url} /> : <span className="quiet">uploads</span>}</td>
                <td>
                  {node.distributions.edges.length === 0 && <span className="quiet">nowhere</span>}
                  {node.distributions.edges.map(({ node: distribution }) => (
                    <a key={distribution.id} href={distribution.url} target="_blank" rel="noreferrer" className="block">
                      <Name text={distribution.basePath} />
                    </a>
                  ))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <More part={part} pageInfo={pageInfo} />
    </Section>
  );
}
