/** The form of a mutation that creates a task, whatever plugin it comes from; it leads to the task. */
import { type FormEvent, type ReactNode, useMemo } from "react";
import { useMutation } from "urql";
import { useLocation } from "wouter";

import type { UserErrorFragment } from "../../typed/graphql";
import { Failure, UserErrors } from "../parts/errors";
import type { Api } from "../schema/api";
import type { Creation } from "../schema/kinds";
import { FormProvider, InputFields } from "./fields";
import { useValues } from "./use-values";
import { refused, type Values } from "./values";

/** What few people set for one task: it stays behind the API and the command line. */
const RARE = ["idempotencyKey", "labels"];

interface TaskFormProps {
  api: Api;
  creation: Creation;
  /** What the page says itself. */
  given?: Record<string, unknown>;
  without?: readonly string[];
  first?: readonly string[];
  initial?: Values;
  choices?: (path: string) => { id: string; name: string }[];
  submit: string;
  children?: ReactNode;
}

interface Created {
  payload: { task: { id: string } | null; errors: UserErrorFragment[] };
}

const NOTHING: Values = {};

export function TaskForm({ api, creation, given = {}, without = [], first, initial = NOTHING, choices, submit, children }: TaskFormProps) {
  const form = useValues(api, creation.input, initial);
  const hidden = useMemo(() => [...RARE, ...without, ...Object.keys(given)], [without, given]);
  const [state, create] = useMutation<Created>(
    `mutation CreateTask($input: ${creation.input}!) {
  payload: ${creation.mutation}(input: $input) { task { id } errors { code message path hint } }
}`,
  );
  const [, navigate] = useLocation();
  const isShown = (path: string) => !hidden.includes(path.split(".")[0]!);
  const shown = Object.fromEntries(Object.entries(form.shown).filter(([path]) => isShown(path)));
  const onSubmit = async (event: FormEvent) => {
    event.preventDefault();
    form.touchAll();
    if (Object.keys(form.problems).some(isShown)) {
      return;
    }
    const { data } = await create({ input: { ...form.input, ...given } });
    if (data?.payload.task) {
      navigate(`/tasks/${data.payload.task.id}`);
    } else if (data) {
      form.refuse(refused(data.payload.errors).problems);
    }
  };
  return (
    <FormProvider value={{ api, values: form.values, problems: shown, set: form.set, touch: form.touch, choices }}>
      <form className="form" onSubmit={(event) => void onSubmit(event)} noValidate>
        <InputFields type={creation.input} without={hidden} first={first} />
        {children}
        <UserErrors errors={state.data?.payload.errors ?? []} />
        {state.error && <Failure error={state.error} />}
        <div className="actions">
          <button type="submit" className="button button-main" disabled={state.fetching}>
            {submit}
          </button>
        </div>
      </form>
    </FormProvider>
  );
}
