/** All repositories: what they hold, where they come from, and what is served of them. */
import { Link } from "wouter";

import { graphql } from "../../typed";
import type { RepositoriesQuery } from "../../typed/graphql";
import { useFresh } from "../live/query";
import { Name } from "../parts/name";
import { Page } from "../parts/page";
import { Pages, type Part } from "../parts/pages";
import { Search, useTyped } from "../parts/search";
import { type Column, Table } from "../parts/table";
import { Ago } from "../parts/time";
import { bytes, count, counted, words } from "../text";

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
              size
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
  const search = useTyped("name");
  const prefix = search.settled || null;
  return (
    <Page
      title="Repositories"
      actions={
        <Link href="/new" className="button button-main">
          New mirror
        </Link>
      }
      behind={[{ query: REPOSITORIES, variables: { prefix } }]}
    >
      <Search label="Name begins with" search={search} />
      <Pages id={search.settled}>{(part) => <RepositoryList prefix={prefix} part={part} />}</Pages>
    </Page>
  );
}

type Repository = RepositoriesQuery["repositories"]["edges"][number]["node"];

const COLUMNS: Column<Repository>[] = [
  { title: "Name", cell: (node) => <RepositoryName repository={node} /> },
  { title: "Kind", cell: ({ __typename: type }) => words(type.replace(/Repository$/, "")) || type },
  { title: "Units", isNumber: true, cell: ({ latestVersion }) => count(latestVersion.summary.present) },
  { title: "Size", isNumber: true, cell: ({ latestVersion }) => bytes(latestVersion.summary.size) },
  { title: "Version", isNumber: true, cell: ({ latestVersion }) => count(latestVersion.number) },
  { title: "Changed", cell: ({ latestVersion }) => <Ago at={latestVersion.createdAt} /> },
  { title: "From", cell: ({ remote }) => (remote ? <Name text={remote.url} /> : <span className="quiet">uploads</span>) },
  { title: "Served at", cell: ({ distributions }) => <ServedAt distributions={distributions} /> },
];

function RepositoryList({ prefix, part }: { prefix: string | null; part: Part }) {
  const { data, ...fresh } = useFresh(REPOSITORIES, { variables: { after: part.after, prefix }, everySeconds: EVERY_SECONDS });
  return (
    <Table
      label="Repositories"
      title="By name"
      part={part}
      columns={COLUMNS}
      page={data?.repositories}
      {...fresh}
      empty={
        prefix ? (
          "No repository has a name that begins like this."
        ) : (
          <>
            There are no repositories yet. <Link href="/new">Mirror an upstream</Link>: it takes an address and a name.
          </>
        )
      }
    />
  );
}

function RepositoryName({ repository: { id, name, openIssueCount } }: { repository: Repository }) {
  return (
    <>
      <Link href={`/repositories/${id}`}>
        <Name text={name} />
      </Link>
      {openIssueCount > 0 && <span className="quiet"> {counted(openIssueCount, "open issue")}</span>}
    </>
  );
}

function ServedAt({ distributions: { edges } }: Pick<Repository, "distributions">) {
  return edges.length === 0 ? (
    <span className="quiet">nowhere</span>
  ) : (
    edges.map(({ node }) => (
      <a key={node.id} href={node.url} target="_blank" rel="noreferrer" className="block">
        <Name text={node.basePath} />
      </a>
    ))
  );
}
