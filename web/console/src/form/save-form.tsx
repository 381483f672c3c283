/** A form whose fields are sent by one mutation. */
import { type FormEvent, type ReactNode, useState } from "react";
import type { CombinedError } from "urql";

import type { UserErrorFragment } from "../../typed/graphql";
import { Failure, UserErrors } from "../parts/errors";
import { type Api, use } from "../schema/api";
import type { FormState } from "./use-values";
import { at, COUNT, isReference, refused, type Values, WAY } from "./values";

interface SaveFormProps {
  forms: FormState[];
  submit: string;
  /** Send what was filled in; called only while nothing is known to be wrong with it. */
  send: () => Promise<Answer>;
  isChanged?: boolean;
  children: ReactNode;
  /** What else one can do. */
  others?: ReactNode;
}

export interface Answer {
  errors: readonly UserErrorFragment[];
  failure?: CombinedError;
}

export function SaveForm({ forms, submit, send, isChanged = true, children, others }: SaveFormProps) {
  const [answer, setAnswer] = useState<Answer>({ errors: [] });
  const [isSending, setSending] = useState(false);
  const onSubmit = async (event: FormEvent) => {
    event.preventDefault();
    for (const form of forms) {
      form.touchAll();
    }
    if (forms.some(({ problems }) => Object.keys(problems).length > 0)) {
      // What is wrong is told at its field; there one goes on.
      requestAnimationFrame(() => document.querySelector<HTMLElement>("[aria-invalid]")?.focus());
      return;
    }
    setSending(true);
    const answered = await send();
    setSending(false);
    setAnswer(answered);
    for (const form of forms) {
      form.refuse(refused(answered.errors).problems);
    }
  };
  return (
    <form className="form" onSubmit={(event) => void onSubmit(event)} noValidate>
      {children}
      <UserErrors errors={[...answer.errors]} />
      {answer.failure && <Failure error={answer.failure} />}
      <div className="actions form-end">
        <button type="submit" className="button button-main" disabled={isSending || !isChanged}>
          {submit}
        </button>
        {others}
      </div>
    </form>
  );
}

/**
 * Return what of a form differs from how it began, by the fields of the input: what was emptied is null, or an object
 * with nothing in it.
 */
export function changes(api: Api, input: string, before: Values, { values, input: made }: FormState): Record<string, unknown> {
  const { inputs } = api.type(input);
  const names = [...inputs.keys()].filter((name) =>
    [...Object.keys(before), ...Object.keys(values)].some(
      (path) => `${path}.`.startsWith(`${name}.`) && (before[path] ?? "") !== (values[path] ?? ""),
    ),
  );
  const nothing = (name: string) => (use(inputs.get(name)!.type).name === "JSON" ? {} : null);
  return Object.fromEntries(names.map((name) => [name, made[name] ?? nothing(name)]));
}

/** Return the values of a form that make an input as it is. */
export function valuesOf(api: Api, type: string, input: Record<string, unknown>, path = ""): Values {
  const values: Values = {};
  for (const field of api.type(type).inputs.values()) {
    const value = input[field.name];
    const here = at(path, field.name);
    const { name, kind, isList } = use(field.type);
    if (value === null || value === undefined) {
      continue;
    }
    if (kind !== "INPUT_OBJECT") {
      values[here] =
        name === "JSON" ? plain(value) : isList ? (value as unknown[]).join("\n") : typeof value === "boolean" ? value : String(value);
    } else if (isList) {
      const items = value as Record<string, unknown>[];
      values[at(here, COUNT)] = String(items.length);
      Object.assign(values, ...items.map((item, index) => valuesOf(api, name, item, at(here, index))));
    } else {
      if (isReference(api, name)) {
        values[at(here, WAY)] = Object.keys(value).find((way) => way === "id") ?? "create";
      }
      Object.assign(values, valuesOf(api, name, value as Record<string, unknown>, here));
    }
  }
  return values;
}

function plain(value: unknown): string {
  return typeof value === "object" && Object.keys(value ?? {}).length === 0 ? "" : JSON.stringify(value);
}
