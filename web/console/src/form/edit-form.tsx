/** The form of something that is there: what is changed is sent, and nothing else. */
import { useMemo, useState } from "react";
import { useMutation, useQuery } from "urql";

import type { UserErrorFragment } from "../../typed/graphql";
import { Failure } from "../parts/errors";
import { Loading } from "../parts/page";
import { type Api, inputOf } from "../schema/api";
import { isLeaf } from "../schema/selection";
import { FormProvider, InputFields } from "./fields";
import { changes, SaveForm, valuesOf } from "./save-form";
import { useValues } from "./use-values";

interface EditFormProps {
  api: Api;
  /** Name of its type, such as `FileRemote`; `updateFileRemote` changes it. */
  type: string;
  id: string;
  first?: readonly string[];
}

type Current = Record<string, unknown> & { id: string; revision: number };

/** What is no value of the thing itself. */
const NO_VALUES = ["id", "expectedRevision"];

export function EditForm({ api, type, id, first }: EditFormProps) {
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
      {...{ api, type, id, first, input }}
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

function Fields({ api, type, id, first, input, current, isSaved, onSaved }: FieldsProps) {
  const initial = useMemo(() => valuesOf(api, input, current), [api, input, current]);
  const form = useValues(api, input, initial);
  const [, update] = useMutation<{ payload: { errors: UserErrorFragment[] } }>(
    `mutation Update($input: ${input}!) {\n  payload: update${type}(input: $input) { errors { code message path hint } }\n}`,
  );
  const changed = changes(api, input, initial, form);
  const isChanged = Object.keys(changed).length > 0;
  const send = async () => {
    // Somebody else may have changed it since it was shown: then nothing is lost, and this is told.
    const { data, error } = await update({ input: { id, expectedRevision: current.revision, ...changed } });
    const errors = data?.payload.errors ?? [];
    if (data && errors.length === 0) {
      onSaved();
    }
    return { errors, failure: error };
  };
  return (
    <FormProvider value={{ api, values: form.values, problems: form.shown, set: form.set, touch: form.touch }}>
      <SaveForm
        forms={[form]}
        submit="Save"
        send={send}
        isChanged={isChanged}
        others={
          <span className="quiet" role="status">
            {isChanged ? "Not saved yet." : isSaved ? "Saved." : `Revision ${current.revision}`}
          </span>
        }
      >
        <InputFields type={input} without={NO_VALUES} first={first} />
      </SaveForm>
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
  return `query Current($id: ID!) {\n  node(id: $id) { ... on ${type} { id revision ${names.join(" ")} } }\n}`;
}
