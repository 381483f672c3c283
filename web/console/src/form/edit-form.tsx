/** The form of something that is there: what is changed is sent, and nothing else. */
import { type FormEvent, useMemo, useState } from "react";
import { useMutation, useQuery } from "urql";

import type { UserErrorFragment } from "../../typed/graphql";
import { Failure, UserErrors } from "../parts/errors";
import { Loading } from "../parts/page";
import { type Api, inputOf, use } from "../schema/api";
import { isLeaf } from "../schema/selection";
import { FormProvider, InputFields } from "./fields";
import { useValues } from "./use-values";
import { at, refused, type Values, WAY } from "./values";

interface EditFormProps {
  api: Api;
  /** Name of its type, such as `FileRemote`; `updateFileRemote` changes it. */
  type: string;
  id: string;
  first?: readonly string[];
  choices?: (path: string) => { id: string; name: string }[];
}

type Current = Record<string, unknown> & { revision: number };

/** What is no value of the thing itself. */
const NO_VALUES = ["id", "expectedRevision"];

export function EditForm({ api, type, id, first, choices }: EditFormProps) {
  const input = inputOf(api.mutation(`update${type}`))!;
  const query = useMemo(() => currentQuery(api, type, input), [api, type, input]);
  const [{ data, error }, again] = useQuery<{ node: Current | null }>({ query, variables: { id }, requestPolicy: "network-only" });
  const [saved, setSaved] = useState(0);
  if (!data?.node) {
    return error ? <Failure error={error} /> : <Loading />;
  }
  return (
    <Fields
      key={`${data.node.revision} ${saved}`}
      {...{ api, type, id, first, choices, input }}
      current={data.node}
      isSaved={saved > 0}
      onSaved={() => {
        setSaved(saved + 1);
        again({ requestPolicy: "network-only" });
      }}
    />
  );
}

interface FieldsProps extends EditFormProps {
  input: string;
  current: Current;
  isSaved: boolean;
  onSaved: () => void;
}

function Fields({ api, type, id, first, choices, input, current, isSaved, onSaved }: FieldsProps) {
  const initial = useMemo(() => valuesOf(api, input, current), [api, input, current]);
  const form = useValues(api, input, initial);
  const [state, update] = useMutation<{ payload: { errors: UserErrorFragment[] } }>(
    `mutation Update($input: ${input}!) {\n  payload: update${type}(input: $input) { errors { code message path hint } }\n}`,
  );
  const changed = changes(api, input, initial, form.values, form.input);
  const problems = Object.fromEntries(Object.entries(form.shown).filter(([path]) => !NO_VALUES.includes(path)));
  const isChanged = Object.keys(changed).length > 0;
  const onSubmit = async (event: FormEvent) => {
    event.preventDefault();
    if (Object.keys(problems).length > 0) {
      return;
    }
    // Somebody else may have changed it since it was shown: then nothing is lost, and this is told.
    const { data } = await update({ input: { id, expectedRevision: current.revision, ...changed } });
    if (data?.payload.errors.length === 0) {
      onSaved();
    } else if (data) {
      form.refuse(refused(data.payload.errors).problems);
    }
  };
  return (
    <FormProvider value={{ api, values: form.values, problems, set: form.set, touch: form.touch, choices }}>
      <form className="form" onSubmit={(event) => void onSubmit(event)} noValidate>
        <InputFields type={input} without={NO_VALUES} first={first} />
        <UserErrors errors={state.data?.payload.errors ?? []} />
        {state.error && <Failure error={state.error} />}
        <div className="actions">
          <button type="submit" className="button button-main" disabled={!isChanged || state.fetching}>
            Save
          </button>
          <span className="quiet" role="status">
            {isChanged ? "Not saved yet." : isSaved ? "Saved." : `Revision ${current.revision}`}
          </span>
        </div>
      </form>
    </FormProvider>
  );
}

/** Return the query of what the fields of an input hold now; what is never shown again, such as a password, is not in it. */
function currentQuery(api: Api, type: string, input: string): string {
  const { fields } = api.type(type);
  const names = [...api.type(input).inputs.keys()].flatMap((name) => {
    const field = fields.get(name);
    return !field || name === "id" ? [] : [isLeaf(field) ? name : `${name} { id }`];
  });
  return `query Current($id: ID!) {\n  node(id: $id) { ... on ${type} { revision ${names.join(" ")} } }\n}`;
}

function valuesOf(api: Api, input: string, current: Current): Values {
  const values: Values = {};
  for (const field of api.type(input).inputs.values()) {
    const value = current[field.name];
    if (value === null || value === undefined || NO_VALUES.includes(field.name)) {
      continue;
    }
    if (use(field.type).kind === "INPUT_OBJECT") {
      values[at(field.name, WAY)] = "id";
      values[at(field.name, "id")] = (value as { id: string }).id;
    } else if (typeof value === "object") {
      values[field.name] = Object.keys(value).length === 0 ? "" : JSON.stringify(value);
    } else {
      values[field.name] = typeof value === "boolean" ? value : String(value);
    }
  }
  return values;
}

function changes(api: Api, input: string, before: Values, after: Values, made: Record<string, unknown>): Record<string, unknown> {
  const changed: Record<string, unknown> = {};
  for (const { name } of api.type(input).inputs.values()) {
    const paths = [...Object.keys(before), ...Object.keys(after)].filter((path) => path === name || path.startsWith(`${name}.`));
    if (paths.some((path) => (before[path] ?? "") !== (after[path] ?? ""))) {
      // What was emptied is taken away.
      changed[name] = made[name] ?? null;
    }
  }
  return changed;
}
