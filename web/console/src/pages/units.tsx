/** Content units as rows: what all kinds have, and the columns of the kinds that a repository can hold. */
import { type ReactNode, useMemo } from "react";
import { useQuery } from "urql";

import { graphql } from "../../typed";
import { Name } from "../parts/name";
import { Value } from "../parts/value";
import type { Api } from "../schema/api";
import { isLeaf, ownFields } from "../schema/selection";
import { bytes, words } from "../text";

const CONTENT_TYPES = graphql(`
  query ContentTypes {
    contentTypes {
      kind
      graphqlType
    }
  }
`);

export interface Unit {
  __typename: string;
  id: string;
  kind: string;
  artifacts: { relativePath: string; size: number | null; availability: string }[];
  [field: string]: unknown;
}

export interface Columns {
  /** What to ask of each unit. */
  selection: string;
  head: ReactNode;
  cells: (unit: Unit) => ReactNode;
}

/** Fields of a unit's kind that are shown, at the most: the screen is only so wide. */
const MOST_COLUMNS = 3;
/** The paths and sizes of a unit's files are shown for all kinds. */
const SHOWN = new Set(["relativePath", "size", "sha256"]);

/** Return the columns of kinds of content, once it is known which types of the API those are. */
export function useColumns(api: Api, kinds: readonly string[]): Columns | undefined {
  const [{ data }] = useQuery({ query: CONTENT_TYPES, requestPolicy: "cache-first" });
  const key = kinds.join();
  return useMemo(() => {
    const found = data?.contentTypes.filter(({ kind }) => key.split(",").includes(kind));
    return found && columnsOf(api, found.map(({ graphqlType }) => graphqlType));
  }, [api, data, key]);
}

/** Return the columns of kinds of content, given as types of the API. */
function columnsOf(api: Api, contentTypes: readonly string[]): Columns {
  const types = contentTypes.map((type) => ({
    type,
    fields: ownFields(api, type, "Content").filter((field) => isLeaf(field) && !SHOWN.has(field.name)),
  }));
  const names = [...new Set(types.flatMap(({ fields }) => fields.map(({ name }) => name)))].slice(0, MOST_COLUMNS);
  const fragments = types.flatMap(({ type, fields }) => {
    const shown = fields.filter(({ name }) => names.includes(name));
    return shown.length === 0 ? [] : [`... on ${type} { ${shown.map(({ name }) => `${alias(type, name)}: ${name}`).join(" ")} }`];
  });
  return {
    selection: `__typename id kind artifacts { relativePath size availability } ${fragments.join(" ")}`,
    head: (
      <>
        <span role="columnheader">Files</span>
        {names.map((name) => (
          <span key={name} role="columnheader">
            {words(name)}
          </span>
        ))}
        <span role="columnheader">Size</span>
        <span role="columnheader">Bytes are</span>
      </>
    ),
    cells: (unit) => (
      <>
        <span role="cell">
          <Name text={unit.artifacts.map(({ relativePath }) => relativePath).join(", ") || unit.kind} mono />
        </span>
        {names.map((name) => (
          <span key={name} role="cell">
            <Value value={unit[alias(unit.__typename, name)]} />
          </span>
        ))}
        <span role="cell">{sizeOf(unit)}</span>
        <span role="cell">{[...new Set(unit.artifacts.map(({ availability }) => AVAILABILITY[availability] ?? words(availability)))].join(", ")}</span>
      </>
    ),
  };
}

const AVAILABILITY: Record<string, string> = { LOCAL: "here", REMOTE: "at the remote", MISSING: "missing" };

/** Fields of two kinds may have one name and two types; each has a name of its own in the answer. */
function alias(type: string, name: string): string {
  return `${type}_${name}`;
}

function sizeOf({ artifacts }: Unit): string {
  const sizes = artifacts.map(({ size }) => size);
  return sizes.includes(null) ? "unknown" : bytes(sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0));
}
