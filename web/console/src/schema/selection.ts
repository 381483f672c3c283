/** Selections of what a plugin's types have beside what all such types have. */
import { type Api, type Field, use } from "./api";

const LEAVES = new Set(["SCALAR", "ENUM"]);

export function isLeaf(field: Field): boolean {
  return LEAVES.has(use(field.type).kind);
}

/** Return the fields of a type that the interface has not, or has more loosely. */
export function ownFields(api: Api, type: string, shared: string): Field[] {
  const common = api.type(shared).fields;
  return [...api.type(type).fields.values()].filter(({ name }) => !common.has(name));
}

/** Return the selection of fields: leaves as they are, and of nodes what tells which one it is. */
export function selection(api: Api, fields: Field[]): string {
  return fields.map((field) => selected(api, field)).filter(Boolean).join(" ");
}

function selected(api: Api, field: Field): string {
  if (isLeaf(field)) {
    return field.name;
  }
  const type = api.type(use(field.type).name);
  if (!type.interfaces.includes("Node") && !type.fields.has("id")) {
    return "";
  }
  const told = ["__typename", "id", ...["name", "number"].filter((name) => type.fields.has(name))];
  if (type.name === "RepositoryVersion") {
    told.push("repository { id name }");
  } else if (type.name === "Publication") {
    told.push("repositoryVersion { id number repository { id name } }");
  } else if (type.interfaces.includes("PublishSettings")) {
    told.push(...[...type.fields.values()].filter(isLeaf).map(({ name }) => name));
  }
  return `${field.name} { ${[...new Set(told)].join(" ")} }`;
}
