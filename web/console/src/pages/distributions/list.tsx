/** What is served where. */
import { Link } from "wouter";

import { graphql } from "../../../typed";
import type { ServedFragment } from "../../../typed/graphql";
import { useFresh } from "../../live/query";
import { Name } from "../../parts/name";
import { Page } from "../../parts/page";
import { Pages, type Part } from "../../parts/pages";
import { Search, useTyped } from "../../parts/search";
import { type Column, Table } from "../../parts/table";
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
  const search = useTyped("name");
  const prefix = search.settled;
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
      <Search label="Base path or name begins with" search={search} />
      <Pages id={prefix}>{(part) => <DistributionList prefix={prefix} part={part} />}</Pages>
    </Page>
  );
}

const COLUMNS: Column<ServedFragment>[] = [
  { title: "Served below /content/", cell: (node) => <DistributionName distribution={node} /> },
  { title: "Follows", cell: ({ source }) => <Source source={source} /> },
  { title: "Serves now", cell: ({ servingVersion }) => <Serving version={servingVersion} /> },
  {
    title: "Content",
    cell: ({ servingVersion, url, basePath }) =>
      servingVersion && (
        <a href={url} target="_blank" rel="noreferrer" aria-label={`Browse ${basePath}`}>
          Browse
        </a>
      ),
  },
];

function DistributionList({ prefix, part }: { prefix: string; part: Part }) {
  const { data, ...fresh } = useFresh(DISTRIBUTIONS, { variables: { after: part.after, prefix }, everySeconds: EVERY_SECONDS });
  return (
    <Table
      label="Distributions"
      title="By name"
      part={part}
      columns={COLUMNS}
      page={data?.distributions}
      {...fresh}
      empty={
        prefix ? (
          "No distribution has a base path or a name that begins like this."
        ) : (
          <>
            Nothing is served yet. <Link href="/new">Mirror an upstream</Link>, and it is served when it is synced; or serve{" "}
            <Link href="/distributions/new">what is there</Link>.
          </>
        )
      }
    />
  );
}

function DistributionName({ distribution: { id, name, basePath } }: { distribution: ServedFragment }) {
  return (
    <>
      <Link href={`/distributions/${id}`}>
        <Name text={basePath} />
      </Link>
      {name !== basePath && (
        <p className="quiet">
          <Name text={name} />
        </p>
      )}
    </>
  );
}
