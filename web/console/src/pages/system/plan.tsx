/** What a task would come to, where the API tells at once. */
import type { CombinedError } from "urql";

import type { UserErrorFragment } from "../../../typed/graphql";
import { Failure, UserErrors } from "../../parts/errors";
import { type Api, inputOf, use } from "../../schema/api";
import { isLeaf } from "../../schema/selection";
import { bytes, count, words } from "../../text";
import { Figure } from "../now";

type PlanData = Record<string, unknown> & { isComplete?: boolean; errors: UserErrorFragment[] };

export interface Planned {
  plan?: PlanData;
  error?: CombinedError;
}

interface PlanQuery {
  document: string;
  /** Return what the plan takes of the input of the task. */
  given: (input: Record<string, unknown>) => Record<string, unknown>;
}

/** Return the query of the plan of a type of task, where there is one. */
export function planOf(api: Api, task: string): PlanQuery | undefined {
  const query = api.queries().find(({ name }) => name === `plan${task}`);
  const input = inputOf(query);
  if (!query || !input) {
    return undefined;
  }
  const fields = [...api.type(use(query.type).name).fields.values()].filter(isLeaf);
  return {
    document: `query Plan($input: ${input}!) {
  plan: ${query.name}(input: $input) { ${fields.map(({ name }) => name).join(" ")} errors { code message path hint } }
}`,
    given: (values) => Object.fromEntries(Object.entries(values).filter(([name]) => api.type(input).inputs.has(name))),
  };
}

export function Plan({ planned: { plan, error } }: { planned: Planned }) {
  if (error) {
    return <Failure error={error} />;
  }
  if (!plan) {
    return null;
  }
  const figures = Object.entries(plan).filter((entry): entry is [string, number] => typeof entry[1] === "number");
  return (
    <div role="group" aria-label="What it would come to" className="fields">
      <UserErrors errors={plan.errors} />
      {plan.errors.length === 0 && (
        <dl className="figures">
          {figures.map(([name, value]) => (
            <Figure key={name} name={words(name)} value={/bytes/i.test(name) ? bytes(value) : count(value)} note={plan.isComplete === false ? "at least" : ""} />
          ))}
        </dl>
      )}
    </div>
  );
}
