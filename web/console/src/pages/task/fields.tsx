/** What tasks of a type were given and tell, as their plugin declares it. */
import { useEffect, useMemo } from "react";
import { useQuery } from "urql";

import type { TaskState } from "../../../typed/graphql";
import { Section, useBehind } from "../../parts/page";
import { Value } from "../../parts/value";
import { type Api, type Field, inputOf, use, useApi } from "../../schema/api";
import { ownFields, selection } from "../../schema/selection";
import { words } from "../../text";
import { Issues } from "./issues";

interface Plan {
  query: string;
  inputs: Field[];
  results: Field[];
  /** Whether tasks of this type tell what they left out. */
  hasIssues: boolean;
}

export function TaskFields({ id, type, state }: { id: string; type: string; state: TaskState }) {
  const api = useApi();
  const plan = useMemo(() => (api ? planned(api, type) : undefined), [api, type]);
  const [{ data }, again] = useQuery<{ task: Record<string, unknown> | null }>({
    query: plan?.query ?? "{ __typename }",
    variables: { id },
    pause: !plan,
  });
  useBehind(plan?.query, { id });
  useEffect(() => {
    if (plan) {
      again({ requestPolicy: "network-only" });
    }
  }, [state, plan, again]);
  if (!plan || !data?.task) {
    return null;
  }
  return (
    <>
      {plan.hasIssues && <Issues task={id} type={type} state={state} />}
      <div className="columns">
        <Facts title="What it was given" fields={plan.inputs} values={data.task} />
        <Facts title="What came of it" fields={plan.results} values={data.task} />
      </div>
    </>
  );
}

function planned(api: Api, type: string): Plan {
  const fields = ownFields(api, type, "Task").filter((field) => selection(api, [field]) !== "");
  const own = api.type(type).fields.get("repository");
  if (own && use(own.type).name !== "Repository") {
    fields.unshift(own);
  }
  const input = inputOf(api.mutation(`create${type}`));
  // The revision is pinned with the remote that was given.
  const given = new Set(input ? [...api.type(input).inputs.keys(), "remoteRevision"] : fields.map(({ name }) => name));
  return {
    query: `query TaskFields($id: ID!) {
  task(id: $id) { __typename id ... on ${type} { ${selection(api, fields)} } }
}`,
    inputs: fields.filter(({ name }) => given.has(name)),
    results: fields.filter(({ name }) => !given.has(name)),
    hasIssues: api.type(type).fields.has("issues"),
  };
}

function Facts({ title, fields, values }: { title: string; fields: Field[]; values: Record<string, unknown> }) {
  const shown = fields.filter(({ name }) => values[name] !== undefined);
  if (shown.length === 0) {
    return null;
  }
  return (
    <Section title={title}>
      <dl className="facts">
        {shown.map((field) => (
          <div key={field.name} className="fact">
            <dt title={field.description ?? undefined}>{words(field.name)}</dt>
            <dd>
              <Value value={values[field.name]} />
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
