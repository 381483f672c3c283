/** A value of whatever type the API has, and a link where it leads somewhere. */
import { Link } from "wouter";

import { count, moment, words } from "../text";
import { Name, visible } from "./name";

const SHOUTED = /^[A-Z][A-Z_]*$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;
const DIGEST = /^[0-9a-f]{64}$/;

export function Value({ value }: { value: unknown }) {
  if (value === null || value === undefined || value === "") {
    return <span className="quiet">–</span>;
  }
  if (typeof value === "boolean") {
    return <>{value ? "Yes" : "No"}</>;
  }
  if (typeof value === "number") {
    return <>{count(value)}</>;
  }
  if (typeof value === "string") {
    if (INSTANT.test(value)) {
      return <time dateTime={value}>{moment(value)}</time>;
    }
    return SHOUTED.test(value) ? <>{words(value)}</> : <Name text={value} mono={DIGEST.test(value)} />;
  }
  if (Array.isArray(value)) {
    return value.length === 0 ? <span className="quiet">none</span> : <Name text={value.map(plain).join(", ")} />;
  }
  return <ObjectValue value={value as Record<string, unknown>} />;
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function ObjectValue({ value }: { value: Record<string, unknown> }) {
  const { __typename: type, id, ...rest } = value;
  if (typeof type === "string" && typeof id === "string") {
    return <NodeLink node={{ ...rest, __typename: type, id }} />;
  }
  return <code className="name">{visible(JSON.stringify(value))}</code>;
}

interface Version {
  id: string;
  number: number;
  repository: { id: string; name: string };
}

/** Something that has an id, by its name or number. */
export function NodeLink({ node }: { node: { __typename: string; id: string } & Record<string, unknown> }) {
  const { __typename: type, id } = node;
  if (type === "RepositoryVersion") {
    return <VersionLink version={node as unknown as Version} />;
  }
  if (type === "Publication") {
    return (
      <>
        Publication of <VersionLink version={node.repositoryVersion as Version} />
      </>
    );
  }
  const name = typeof node.name === "string" ? node.name : undefined;
  if (type.endsWith("Repository") && name) {
    return (
      <Link href={`/repositories/${id}`}>
        <Name text={name} />
      </Link>
    );
  }
  if (name) {
    return <Name text={name} />;
  }
  const fields = Object.entries(node).filter(([key]) => key !== "__typename" && key !== "id" && key !== "createdAt");
  return <Name text={fields.length > 0 ? fields.map(([key, value]) => `${words(key)}: ${plain(value)}`).join(", ") : words(type)} />;
}

function VersionLink({ version }: { version: Version }) {
  return (
    <Link href={`/repositories/${version.repository.id}/content?version=${version.number}`}>
      <Name text={version.repository.name} /> version {count(version.number)}
    </Link>
  );
}
