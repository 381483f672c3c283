/** A reference to something by its name: names are offered as one types, and its id is what the form holds. */
import { useEffect, useId, useState } from "react";
import { useClient, useQuery } from "urql";

import { visible } from "../parts/name";
import { type Api, type InputField, use } from "../schema/api";
import type { Control } from "./fields";

/** Return the type that an id is of, where one of its kind can be found by name: `repository` is a `Repository`. */
export function nodeType(api: Api, field: InputField): string | undefined {
  const { name, isList } = use(field.type);
  const query = name === "ID" && !isList ? api.queries().find((each) => each.name === field.name) : undefined;
  return query?.args.some((argument) => argument.name === "name") ? use(query.type).name : undefined;
}

interface Found {
  found: { id: string } | null;
  search: { edges: { node: { id?: string; name?: string } }[] };
}

interface NodeInputProps {
  /** Name of the query that finds one by name, such as `repository`. */
  query: string;
  type: string;
  control: Control;
  value: string;
  onChange: (id: string | undefined) => void;
}

/** How long nobody types before the server is asked. */
const PAUSE_MILLISECONDS = 250;

export function NodeInput({ query, type, control, value, onChange }: NodeInputProps) {
  const [text, setText] = useState<string>();
  const [offered, setOffered] = useState<string[]>([]);
  const [isUnknown, setUnknown] = useState(false);
  const client = useClient();
  const list = useId();
  const name = useName(type, text === undefined ? value : "");
  useEffect(() => {
    if (text === undefined) {
      return;
    }
    let isLatest = true;
    const timer = setTimeout(async () => {
      const document = `query Find($name: String!) {
  found: ${query}(name: $name) { id }
  search(text: $name, first: 20) { edges { node { ... on ${type} { id name } } } }
}`;
      const { data } = await client.query<Found>(document, { name: text.trim() }, { requestPolicy: "network-only" });
      if (!isLatest || !data) {
        return;
      }
      setOffered([...new Set(data.search.edges.flatMap(({ node }) => node.name ?? []))]);
      setUnknown(text.trim() !== "" && !data.found);
      if (data.found) {
        onChange(data.found.id);
      }
    }, PAUSE_MILLISECONDS);
    return () => {
      isLatest = false;
      clearTimeout(timer);
    };
  }, [client, query, type, text]);
  return (
    <>
      <input
        {...control}
        list={list}
        value={text ?? name ?? ""}
        autoComplete="off"
        spellCheck={false}
        onChange={({ target }) => {
          setText(target.value);
          // An id does as well, and what is neither is refused rather than taken for nothing.
          onChange(target.value.trim() || undefined);
        }}
      />
      <datalist id={list}>
        {offered.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      {isUnknown && (
        <p className="hint bad" role="status">
          {offered.length > 0 ? "Choose one of those that begin like this." : `Nothing of this kind begins with ${visible(text ?? "")}.`}
        </p>
      )}
    </>
  );
}

function useName(type: string, id: string): string | undefined {
  const [{ data }] = useQuery<{ node: { name?: string } | null }>({
    query: `query NameOf($id: ID!) {\n  node(id: $id) { ... on ${type} { name } }\n}`,
    variables: { id },
    pause: id === "",
  });
  return id === "" ? undefined : data?.node?.name;
}
