/** The content of a version: found by the beginning of a path, and scrolled through however much it is. */
import { useCallback } from "react";
import { useQuery } from "urql";
import { Link, useSearchParams } from "wouter";

import { graphql } from "../../typed";
import { client } from "../client";
import { Failure } from "../parts/errors";
import { type Chunk, LongList } from "../parts/list";
import { Name } from "../parts/name";
import { Empty, Loading, Section, useBehind } from "../parts/page";
import { useTyped } from "../parts/search";
import { Ago } from "../parts/time";
import { VersionInput } from "../parts/version-input";
import type { Api } from "../schema/api";
import { count, words } from "../text";
import type { Repository } from "./repository";
import { type Columns, type Unit, useColumns } from "./units";

const VERSION = graphql(`
  query ContentVersion($id: ID!, $number: BigInt!) {
    node(id: $id) {
      ... on Repository {
        id
        version(number: $number) {
          id
          number
          summary {
            present
            byKind {
              kind
            }
          }
        }
      }
    }
  }
`);

/** Rows of one request. */
const PART_ROWS = 100;

/** A unit in the version, and how it came there. */
interface Held {
  origin: string;
  addedAt: string;
  addedBy: { id: string } | null;
  addedByUser: string | null;
  node: Unit;
}

interface Page {
  node: {
    content: {
      pageInfo: { hasNextPage: boolean; endCursor: string | null };
      edges: Held[];
    };
  } | null;
}

export function Content({ api, repository }: { api: Api; repository: Repository }) {
  const [parameters, setParameters] = useSearchParams();
  const latest = repository.latestVersion.number;
  const asked = Number(parameters.get("version") ?? latest);
  const number = Number.isInteger(asked) && asked >= 0 ? asked : latest;
  const { typed, setTyped, settled: prefix } = useTyped("path");
  const setVersion = (next: number) => {
    setParameters({ ...(prefix && { path: prefix }), version: String(next) }, { replace: true });
  };
  const [{ data, error, fetching }, again] = useQuery({ query: VERSION, variables: { id: repository.id, number } });
  const node = data?.node;
  const version = node && "version" in node ? node.version : undefined;
  return (
    <Section title={`Content of version ${count(number)}`}>
      <div className="toolbar">
        <div className="field">
          <label htmlFor="path">Path begins with</label>
          <input id="path" type="search" value={typed} onChange={({ target }) => setTyped(target.value)} />
        </div>
        <VersionInput id="version" label="Version" value={number} latest={latest} onChange={setVersion} />
      </div>
      {version ? (
        <Units api={api} version={version} prefix={prefix} />
      ) : error ? (
        <Failure error={error} retry={again} />
      ) : fetching ? (
        <Loading />
      ) : (
        <Empty>There is no version {count(number)}: it is yet to come, or it was deleted.</Empty>
      )}
    </Section>
  );
}

interface UnitsProps {
  api: Api;
  version: { id: string; summary: { present: number; byKind: { kind: string }[] } };
  prefix: string;
}

function Units(props: UnitsProps) {
  const columns = useColumns(props.api, props.version.summary.byKind.map(({ kind }) => kind));
  return columns ? <UnitList {...props} columns={columns} /> : <Loading />;
}

function UnitList({ version, prefix, columns }: UnitsProps & { columns: Columns }) {
  const query = `query Content($id: ID!, $first: Int!, $after: String, $filter: ContentFilter) {
  node(id: $id) {
    ... on RepositoryVersion {
      content(first: $first, after: $after, filter: $filter) {
        pageInfo { hasNextPage endCursor }
        edges { origin addedAt addedBy { id } addedByUser node { ${columns.selection} } }
      }
    }
  }
}`;
  const filter = prefix ? { relativePathPrefix: prefix } : null;
  useBehind(query, { id: version.id, first: PART_ROWS, filter });
  const fetch = useCallback(
    async (after: string | null): Promise<Chunk<Held>> => {
      // Versions never change, so that their pages can be kept; they are too many for that.
      const { data, error } = await client.query<Page>(
        query,
        { id: version.id, first: PART_ROWS, after, filter },
        { requestPolicy: "network-only" },
      );
      if (!data?.node) {
        throw error ?? new Error("The version is gone.");
      }
      const { edges, pageInfo } = data.node.content;
      return { rows: edges, next: pageInfo.hasNextPage ? pageInfo.endCursor : null };
    },
    [query, version.id, prefix],
  );
  return (
    <LongList
      label="Content units"
      id={`${version.id} ${prefix}`}
      head={
        <>
          {columns.head}
          <span role="columnheader" className="when-wide">
            Came by
          </span>
        </>
      }
      fetch={fetch}
      row={(held) => (
        <>
          {columns.cells(held.node)}
          <CameBy {...held} />
        </>
      )}
      total={prefix ? null : version.summary.present}
      empty={<Empty>{prefix ? "No path begins like this." : "This version is empty."}</Empty>}
    />
  );
}

function CameBy({ origin, addedAt, addedBy, addedByUser }: Held) {
  return (
    <span role="cell" className="when-wide">
      <span className="came-by">
        {addedBy ? <Link href={`/tasks/${addedBy.id}`}>{words(origin)}</Link> : words(origin)}, <Ago at={addedAt} />
        {addedByUser && " by "}
      </span>
      {addedByUser && <Name text={addedByUser} />}
    </span>
  );
}
