/** What keeps the storage in order: each kind of task that can be tried without any change, and what it would come to. */
import { useMemo, useState } from "react";
import { useClient, useMutation } from "urql";
import { Link, useLocation } from "wouter";

import type { UserErrorFragment } from "../../../typed/graphql";
import { FormProvider, InputFields } from "../../form/fields";
import { nodeType } from "../../form/node-input";
import { useValues } from "../../form/use-values";
import { refused } from "../../form/values";
import { useTask } from "../../live/task";
import { ReportBar } from "../../parts/bar";
import { Behind } from "../../parts/behind";
import { Confirm } from "../../parts/confirm";
import { Failure, UserErrors } from "../../parts/errors";
import { Loading, Section } from "../../parts/page";
import { isFinal, State } from "../../parts/state";
import { type Api, type ApiType, inputOf, use, useApi } from "../../schema/api";
import { words } from "../../text";
import { TaskFields } from "../task/fields";
import { Plan, type Planned, planOf } from "./plan";

/** What the page says itself, and what few people set for one task. */
const WITHOUT = ["dryRun", "idempotencyKey", "labels", "priority"];

interface Upkeep {
  task: ApiType;
  mutation: string;
  input: string;
}

export function Upkeep() {
  const api = useApi();
  const kinds = useMemo(() => (api ? upkeeps(api) : []), [api]);
  if (!api) {
    return <Loading />;
  }
  return (
    <>
      {kinds.map((kind) => (
        <UpkeepCard key={kind.task.name} api={api} kind={kind} />
      ))}
      <Behind operations={kinds.map((kind) => ({ query: mutationOf(kind), variables: { input: { dryRun: true } } }))} />
    </>
  );
}

/** Return the tasks that can be tried, whatever plugin they come from. */
function upkeeps(api: Api): Upkeep[] {
  return api.type("Task").possible.flatMap((name) => {
    const mutation = `create${name}`;
    const input = inputOf(api.mutation(mutation));
    return input && api.type(input).inputs.has("dryRun") ? [{ task: api.type(name), mutation, input }] : [];
  });
}

interface Started {
  payload: { task: { id: string } | null; errors: UserErrorFragment[] };
}

function UpkeepCard({ api, kind }: { api: Api; kind: Upkeep }) {
  const form = useValues(api, kind.input, {});
  const planQuery = planOf(api, kind.task.name);
  const client = useClient();
  const [planned, setPlanned] = useState<Planned>();
  const [trial, setTrial] = useState<string>();
  const [tried, setTried] = useState("");
  const [isPlanning, setPlanning] = useState(false);
  const [state, start] = useMutation<Started>(mutationOf(kind));
  const [, navigate] = useLocation();
  const current = JSON.stringify(form.input);
  const send = async (dryRun: boolean) => {
    const { data } = await start({ input: { ...form.input, dryRun } });
    form.refuse(refused(data?.payload.errors ?? []).problems);
    return data?.payload.task?.id;
  };
  const isWrong = Object.keys(form.problems).length > 0;
  const look = async () => {
    form.touchAll();
    if (isWrong) {
      return;
    }
    setPlanning(true);
    setTried(current);
    if (planQuery) {
      const { data, error } = await client.query(planQuery.document, { input: planQuery.given(form.input) }, { requestPolicy: "network-only" });
      setPlanned({ plan: data?.plan, error });
    } else {
      setTrial(await send(true));
    }
    setPlanning(false);
  };
  const begin = async () => {
    const id = await send(false);
    if (id) {
      navigate(`/tasks/${id}`);
    }
  };
  const title = words(kind.task.name);
  const shown = shownOf(api, kind.input);
  const hidden = [...api.type(kind.input).inputs.keys()].filter((name) => !shown.includes(name));
  const isOutdated = tried !== "" && tried !== current;
  return (
    <Section title={title}>
      <p>{kind.task.description}</p>
      <FormProvider value={{ api, values: form.values, problems: form.shown, set: form.set, touch: form.touch }}>
        <form
          className="form"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void look();
          }}
        >
          <InputFields type={kind.input} without={hidden} first={shown} />
          <div className="actions">
            <button type="submit" className="button button-main" disabled={isPlanning}>
              {tried ? "Look again" : "Look first"}
            </button>
            <Confirm label={`Start ${title.toLowerCase()}`} title={`Start ${title.toLowerCase()}?`} yes="Start it" isDanger disabled={isWrong || state.fetching} onYes={() => void begin()}>
              <p>{kind.task.description}</p>
              <p>{tried && !isOutdated ? "It does what was found, and what came up since." : "Nobody has looked yet what it would come to."}</p>
            </Confirm>
          </div>
        </form>
      </FormProvider>
      {isOutdated && <p className="quiet">The fields were changed since: look again.</p>}
      {planned && <Plan planned={planned} />}
      {trial && <Trial key={trial} id={trial} />}
      <UserErrors errors={state.data?.payload.errors ?? []} />
      {state.error && <Failure error={state.error} />}
    </Section>
  );
}

/** Return the fields that people can fill in: an id has to be found by a name. */
function shownOf(api: Api, input: string): string[] {
  const fields = [...api.type(input).inputs.values()].filter(({ name }) => !WITHOUT.includes(name));
  return fields.filter((field) => use(field.type).name !== "ID" || nodeType(api, field)).map(({ name }) => name);
}

function mutationOf({ mutation, input, task }: Upkeep): string {
  return `mutation Start${task.name}($input: ${input}!) {
  payload: ${mutation}(input: $input) { task { id } errors { code message path hint } }
}`;
}

/** A task that changes nothing, as it counts. */
function Trial({ id }: { id: string }) {
  const { task, error } = useTask(id);
  if (!task) {
    return error ? <Failure error={error} /> : <Loading />;
  }
  return (
    <div className="fields" role="group" aria-label="What it would come to">
      <p>
        <State state={task.state} /> <Link href={`/tasks/${id}`}>{isFinal(task.state) ? "Looked" : "Looks"}, and changes nothing</Link>
      </p>
      {!isFinal(task.state) &&
        task.actions.flatMap((action) => action.reports).map((report) => <ReportBar key={report.code} report={report} />)}
      {task.error && <UserErrors errors={[task.error]} />}
      {isFinal(task.state) && <TaskFields id={id} type={task.__typename} state={task.state} />}
    </div>
  );
}
