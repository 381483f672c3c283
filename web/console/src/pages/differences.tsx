/** What lies between two versions of a repository. */
import { useCallback } from "react";
import { useQuery } from "urql";
import { useSearchParams } from "wouter";

import { graphql } from "../../typed";
import { client } from "../client";
import { Failure } from "../parts/errors";
import { type Chunk, LongList } from "../parts/list";
import { Empty, Loading, Section, useBehind } from "../parts/page";
import { VersionInput } from "../parts/version-input";
import type { Api } from "../schema/api";
import { count } from "../text";
import type { Repository } from "./repository";
import { type Columns, type Unit, useColumns } from "./units";

const TWO_VERSIONS = graphql(`
  query TwoVersions($id: ID!, $from: BigInt!, $to: BigInt!) {
    node(id: $id) {
      ... on Repository {
        id
        from: version(number: $from) {
          id
          summary {
            byKind {
              kind
            }
          }
        }
        to: version(number: $to) {
          id
          summary {
            byKind {
              kind
            }
          }
        }
      }
    }
  }
`);

const PART_ROWS = 100;

interface Change {
  change: "ADDED" | "REMOVED";
  node: Unit;
}

interface Page {
  versionDiff: { pageInfo: { hasNextPage: boolean; endCursor: string | null }; edges: Change[] };
}

export function Differences({ api, repository }: { api: Api; repository: Repository }) {
  const [parameters, setParameters] = useSearchParams();
  const latest = repository.latestVersion.number;
  const number = (name: string, otherwise: number) => {
    const asked = Number(parameters.get(name) ?? otherwise);
    return Number.isInteger(asked) && asked >= 0 ? asked : otherwise;
  };
  const from = number("from", Math.max(0, latest - 1));
  const to = number("to", latest);
  const [{ data, error, fetching }, again] = useQuery({ query: TWO_VERSIONS, variables: { id: repository.id, from, to } });
  const node = data?.node && "from" in data.node ? data.node : undefined;
  const set = (name: string, value: number) => {
    setParameters({ from: String(from), to: String(to), [name]: String(value) }, { replace: true });
  };
  return (
    <Section title={`From version ${count(from)} to version ${count(to)}`}>
      <div className="toolbar">
        <VersionInput id="from" label="From version" value={from} latest={latest} onChange={(next) => set("from", next)} />
        <VersionInput id="to" label="To version" value={to} latest={latest} onChange={(next) => set("to", next)} />
      </div>
      {node?.from && node.to ? (
        <Changes
          api={api}
          from={node.from.id}
          to={node.to.id}
          kinds={[...node.from.summary.byKind, ...node.to.summary.byKind].map(({ kind }) => kind)}
        />
      ) : error ? (
        <Failure error={error} retry={again} />
      ) : fetching ? (
        <Loading />
      ) : (
        <Empty>One of the two versions is not there: it is yet to come, or it was deleted.</Empty>
      )}
    </Section>
  );
}

interface ChangesProps {
  api: Api;
  from: string;
  to: string;
  kinds: string[];
}

function Changes(props: ChangesProps) {
  const columns = useColumns(props.api, props.kinds);
  return columns ? <ChangeList {...props} columns={columns} /> : <Loading />;
}

function ChangeList({ from, to, columns }: ChangesProps & { columns: Columns }) {
  const query = `query Differences($from: ID!, $to: ID!, $first: Int!, $after: String) {
  versionDiff(from: $from, to: $to, first: $first, after: $after) {
    pageInfo { hasNextPage endCursor }
    edges { change node { ${columns.selection} } }
  }
}`;
  useBehind(query, { from, to, first: PART_ROWS });
  const fetch = useCallback(
    async (after: string | null): Promise<Chunk<Change>> => {
      const variables = { from, to, first: PART_ROWS, after };
      const { data, error } = await client.query<Page>(query, variables, { requestPolicy: "network-only" });
      if (!data) {
        throw error ?? new Error("A version is gone.");
      }
      const { edges, pageInfo } = data.versionDiff;
      return { rows: edges, next: pageInfo.hasNextPage ? pageInfo.endCursor : null };
    },
    [query, from, to],
  );
  return (
    <LongList
      label="Differences"
      id={`${from} ${to}`}
      head={
        <>
          {columns.head}
          <span role="columnheader">Change</span>
        </>
      }
      fetch={fetch}
      row={({ change, node }) => (
        <>
          {columns.cells(node)}
          <span role="cell" className={change === "ADDED" ? "plus" : "minus"}>
            {change === "ADDED" ? "+ added" : "− removed"}
          </span>
        </>
      )}
      empty={<Empty>The two versions are equal.</Empty>}
    />
  );
}
