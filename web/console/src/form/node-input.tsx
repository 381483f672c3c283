/** A reference to something by its name: names are offered as one types, and its id is what the form holds. */
import { useEffect, useId, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { useClient, useQuery } from "urql";

import { visible } from "../parts/name";
import { type Api, type InputField, use } from "../schema/api";
import type { Control } from "./fields";

/** Return the type that an id is of, where what is of it can be found by name: `repository` is a `Repository`. */
export function nodeType(api: Api, field: InputField): string | undefined {
  const { name, isList } = use(field.type);
  const query = name === "ID" && !isList ? api.queries().find((each) => each.name === field.name) : undefined;
  const type = query && use(query.type).name;
  return type && listOf(api, type) ? type : undefined;
}

/** Return the query that lists what is of a type and has a name that begins like a text: of `FileRemote`, `fileRemotes`. */
export function listOf(api: Api, type: string): string | undefined {
  const query = api.queries().find(({ type: listed, args }) => {
    const filter = args.find(({ name }) => name === "filter");
    return use(listed).name === `${type}Connection` && filter && api.type(use(filter.type).name).inputs.has("namePrefix");
  });
  return query?.name;
}

interface Named {
  id: string;
  name: string;
}

type Found = Record<string, { edges: { node: Named }[] }>;

interface NodeInputProps {
  api: Api;
  /** It is of any of these, which are listed by name. */
  types: readonly string[];
  control: Control;
  /** Its id; empty for none. */
  value: string;
  /** Told the id of what was found, or else what was typed: an id does as well, and the server refuses the rest. */
  onChange: (value: string | undefined, isFound: boolean) => void;
}

/** How long nobody types before the server is asked. */
const PAUSE_MILLISECONDS = 250;
const OFFERED = 20;

export function NodeInput({ api, types, control, value, onChange }: NodeInputProps) {
  const [text, setText] = useState<string>();
  const [isEntered, setEntered] = useState(false);
  const [offered, setOffered] = useState<Named[]>([]);
  const [isUnknown, setUnknown] = useState(false);
  const client = useClient();
  const list = useId();
  const input = useRef<HTMLInputElement>(null);
  const asked = useRef<string>(undefined);
  const isEnded = useRef(false);
  const name = useName(types, text === undefined ? value : "");
  const prefix = (text ?? name ?? "").trim();
  const lists = types.map((type, index) => {
    return `_${index}: ${listOf(api, type)}(first: ${OFFERED}, filter: { namePrefix: $prefix }) { edges { node { id name } } }`;
  });
  const query = `query Find($prefix: String!) {\n  ${lists.join("\n  ")}\n}`;
  useEffect(() => {
    if (!isEntered) {
      return;
    }
    let isLatest = true;
    const timer = setTimeout(async () => {
      const { data } = await client.query<Found>(query, { prefix }, { requestPolicy: "network-only" });
      if (!isLatest || !data) {
        return;
      }
      const found = Object.values(data).flatMap(({ edges }) => edges.map(({ node }) => node));
      // Lists are by name, so that one with just this name is never beyond the end.
      const chosen = found.find((each) => each.name === prefix);
      asked.current = prefix;
      setOffered(found);
      setUnknown(text !== undefined && prefix !== "" && !chosen);
      if (text !== undefined && chosen) {
        flushSync(() => onChange(chosen.id, true));
        if (isEnded.current) {
          input.current?.form?.requestSubmit();
        }
      }
      isEnded.current = false;
    }, PAUSE_MILLISECONDS);
    return () => {
      isLatest = false;
      clearTimeout(timer);
    };
  }, [client, query, prefix, isEntered]);
  return (
    <>
      <input
        {...control}
        ref={input}
        list={list}
        value={text ?? name ?? ""}
        autoComplete="off"
        spellCheck={false}
        onFocus={() => setEntered(true)}
        onKeyDown={(event) => {
          // Whoever types a name and ends it at once sends the form when its id is known.
          if (event.key === "Enter" && text !== undefined && asked.current !== prefix && !offered.some((each) => each.name === prefix)) {
            event.preventDefault();
            isEnded.current = true;
          }
        }}
        onChange={({ target }) => {
          const typed = target.value.trim();
          const chosen = offered.find((each) => each.name === typed);
          isEnded.current = false;
          setText(target.value);
          setUnknown(false);
          onChange(chosen?.id ?? (typed || undefined), chosen !== undefined);
        }}
      />
      <datalist id={list}>
        {offered.map(({ id, name: each }) => (
          <option key={id} value={each} />
        ))}
      </datalist>
      {isUnknown && (
        <p className="hint bad" role="status">
          {offered.length > 0 ? "Choose one of those that begin like this." : `Nothing of this kind begins with ${visible(prefix)}.`}
        </p>
      )}
    </>
  );
}

function useName(types: readonly string[], id: string): string | undefined {
  const [{ data }] = useQuery<{ node: { name?: string } | null }>({
    query: `query NameOf($id: ID!) {\n  node(id: $id) { ${types.map((type) => `... on ${type} { name }`).join(" ")} }\n}`,
    variables: { id },
    pause: id === "",
  });
  return id === "" ? undefined : data?.node?.name;
}
