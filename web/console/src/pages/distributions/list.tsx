/** What is served where. */
import { useState } from "react";
import { Link } from "wouter";

import { graphql } from "../../../typed";
import { useFresh } from "../../live/query";
import { Failure } from "../../parts/errors";
import { Name } from "../../parts/name";
import { Empty, Loading, Page, Section } from "../../parts/page";
import { More, Pages, type Part } from "../../parts/pages";
import { count } from "../../text";
import { Serving, Source } from "./source";

const DISTRIBUTIONS = graphql(`
  query Distributions($after: String, $prefix: String) {
    distributions(first: 50, after: $after, filter: { or: [{ basePathPrefix: $prefix }, { namePrefix: $prefix }] }) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          ...Served
        }
      }
    }
  }
`);

const EVERY_SECONDS = 10;

export default function Distributions() {
  const [prefix, setPrefix] = useState("");
  return (
    <Page
      title="Distributions"
      intro="What clients get, and where."
      actions={
        <Link href="/distributions/new" className="button button-main">
          New distribution
        </Link>
      }
      behind={[{ query: DISTRIBUTIONS, variables: { prefix } }]}
    >
      <div className="field search">
        <label htmlFor="distribution-search" className="hidden">
          Base path or name begins with
        </label>
        <input
          id="distribution-search"
          type="search"
          placeholder="Base path or name begins with …"
          value={prefix}
          onChange={({ target }) => setPrefix(target.value)}
        />
      </div>
      <Pages id={prefix}>{(part) => <DistributionList prefix={prefix} part={part} />}</Pages>
    </Page>
  );
}

function DistributionList({ prefix, part }: { prefix: string; part: Part }) {
  const { data, error, again } = useFresh(DISTRIBUTIONS, { variables: { after: part.after, prefix }, everySeconds: EVERY_SECONDS });
  if (!data) {
    return error ? <Failure error={error} retry={again} /> : <Loading />;
  }
  const { edges, pageInfo, totalCount } = data.distributions;
  if (edges.length === 0) {
    return (
      <Section title="Nothing here">
        <Empty>
          {prefix ? (
            "No distribution has a base path or a name that begins like this."
          ) : (
            <>
              Nothing is served yet. <Link href="/new">Mirror an upstream</Link>, and it is served when it is synced; or serve{" "}
              <Link href="/distributions/new">what is there</Link>.
            </>
          )}
        </Empty>
      </Section>
    );
  }
  return (
    <Section title={part.after ? "And on" : "By name"} aside={!part.after && totalCount != null && `${count(totalCount)} in all`}>
      <div className="scroll" tabIndex={0} role="region" aria-label="Distributions">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Served below /content/</th>
              <th scope="col">Follows</th>
              <th scope="col">Serves now</th>
              <th scope="col">Content</th>
            </tr>
          </thead>
          <tbody>
            {edges.map(({ node }) => (
              <tr key={node.id}>
                <td>
                  <Link href={`/distributions/${node.id}`}>
                    <Name text={node.basePath} />
                  </Link>
                  {node.name !== node.basePath && (
                    <p className="quiet">
                      <Name text={node.name} />
                    </p>
                  )}
                </td>
                <td>
                  <Source source={node.source} />
                </td>
                <td>
                  <Serving version={node.servingVersion} />
                </td>
                <td>
                  {node.servingVersion && (
                    <a href={node.url} target="_blank" rel="noreferrer" aria-label={`Browse ${node.basePath}`}>
                      Browse
                    </a>
                  )}
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
