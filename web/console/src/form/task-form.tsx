/** The form of a mutation that creates a task, whatever plugin it comes from; it leads to the task. */
import { useMemo } from "react";
import { useMutation } from "urql";
import { useLocation } from "wouter";

import type { UserErrorFragment } from "../../typed/graphql";
import { useBehind } from "../parts/page";
import type { Api } from "../schema/api";
import type { Creation } from "../schema/kinds";
import { FormProvider, InputFields } from "./fields";
import { SaveForm } from "./save-form";
import { useValues } from "./use-values";
import type { Values } from "./values";

/** What few people set for one task: it stays behind the API and the command line. */
const RARE = ["idempotencyKey", "labels"];

interface TaskFormProps {
  api: Api;
  creation: Creation;
  /** What the page says itself. */
  given: Values;
  without?: readonly string[];
  first?: readonly string[];
  references?: Readonly<Record<string, string>>;
  submit: string;
}

interface Created {
  payload: { task: { id: string } | null; errors: UserErrorFragment[] };
}

export function TaskForm({ api, creation, given, without = [], first, references, submit }: TaskFormProps) {
  const form = useValues(api, creation.input, given);
  const hidden = useMemo(() => [...RARE, ...without, ...Object.keys(given)], [without, given]);
  const mutation = `mutation CreateTask($input: ${creation.input}!) {
  payload: ${creation.mutation}(input: $input) { task { id } errors { code message path hint } }
}`;
  useBehind(mutation, { input: form.input });
  const [, create] = useMutation<Created>(mutation);
  const [, navigate] = useLocation();
  const send = async () => {
    const { data, error } = await create({ input: form.input });
    if (data?.payload.task) {
      navigate(`/tasks/${data.payload.task.id}`);
    }
    return { errors: data?.payload.errors ?? [], failure: error };
  };
  return (
    <FormProvider value={{ api, values: form.values, problems: form.shown, set: form.set, touch: form.touch, references }}>
      <SaveForm forms={[form]} submit={submit} send={send}>
        <InputFields type={creation.input} without={hidden} first={first} />
      </SaveForm>
    </FormProvider>
  );
}
