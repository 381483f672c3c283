/** One schedule, or a new one: when it is due, and the task that it creates then. */
import { useMemo, useState } from "react";
import { type CombinedError, useClient, useMutation } from "urql";
import { Link, useLocation } from "wouter";

import { graphql } from "../../../typed";
import type { CreateScheduleInput, ScheduleQuery, UpdateScheduleInput, UserErrorFragment } from "../../../typed/graphql";
import { Choice, FieldOf, FormProvider, Group, InputFields } from "../../form/fields";
import { Held } from "../../form/held";
import { changes, SaveForm, valuesOf } from "../../form/save-form";
import { useValues } from "../../form/use-values";
import { useFresh } from "../../live/query";
import { Delete } from "../../parts/delete";
import { Failure, UserErrors } from "../../parts/errors";
import { Name } from "../../parts/name";
import { Empty, Loading, Page, Section } from "../../parts/page";
import { Moment } from "../../parts/time";
import { type Api, use, useApi } from "../../schema/api";
import { words } from "../../text";
import { NotFound } from "../not-found";
import { Last, Next } from "./schedules";
import { Upcoming } from "./upcoming";

const SCHEDULE = graphql(`
  query Schedule($id: ID!) {
    node(id: $id) {
      __typename
      ... on Schedule {
        ...ScheduleState
        revision
        missedRuns
        labels
        user
        taskInput
      }
    }
  }
`);

const CREATE = graphql(`
  mutation CreateSchedule($input: CreateScheduleInput!) {
    createSchedule(input: $input) {
      schedule {
        id
      }
      errors {
        ...UserError
      }
    }
  }
`);

const UPDATE = graphql(`
  mutation UpdateSchedule($input: UpdateScheduleInput!) {
    updateSchedule(input: $input) {
      errors {
        ...UserError
      }
    }
  }
`);

const RUN = graphql(`
  mutation RunSchedule($id: ID!) {
    runSchedule(id: $id) {
      task {
        id
      }
      errors {
        ...UserError
      }
    }
  }
`);

const DELETE = graphql(`
  mutation DeleteSchedule($id: ID!) {
    payload: deleteSchedule(id: $id) {
      errors {
        ...UserError
      }
    }
  }
`);

const EVERY_SECONDS = 5;
const INPUT = "CreateScheduleInput";
const TASK = "NewTaskInput";
/** What a schedule says itself, or cannot say. */
const TASK_WITHOUT = ["idempotencyKey", "plan", "labels"];
const USUAL = [
  ["0 * * * *", "Every hour"],
  ["30 3 * * *", "Every night at half past three"],
  ["30 3 * * SUN", "Sundays at half past three"],
  ["30 3 1 * *", "On the first of each month"],
] as const;

type Schedule = Extract<NonNullable<ScheduleQuery["node"]>, { __typename: "Schedule" }>;

const above = <Link href="/system/schedules">Schedules</Link>;

export function NewSchedule() {
  const api = useApi();
  const [, navigate] = useLocation();
  return (
    <Page title="New schedule" above={above} intro="A task that is created whenever it is due." behind={[{ query: CREATE }]}>
      {api ? (
        <section className="card">
          <ScheduleForm api={api} onSaved={(id) => navigate(`/system/schedules/${id}`)} />
        </section>
      ) : (
        <Loading />
      )}
    </Page>
  );
}

export function SchedulePage({ id }: { id: string }) {
  const api = useApi();
  const { data, error, again } = useFresh(SCHEDULE, { variables: { id }, everySeconds: EVERY_SECONDS });
  if (!data) {
    return error ? <Failure error={error} retry={again} /> : <Loading />;
  }
  if (data.node?.__typename !== "Schedule") {
    return <NotFound what="schedule" hint="It may have been deleted since." />;
  }
  const schedule = data.node;
  return (
    <Page
      title={schedule.name}
      heading={<Name text={schedule.name} />}
      above={above}
      behind={[{ query: SCHEDULE, variables: { id } }]}
    >
      <Section title="Runs">
        <dl className="facts">
          <dt>Next</dt>
          <dd>
            <Next schedule={schedule} /> {schedule.nextRunAt && <span className="quiet"><Moment at={schedule.nextRunAt} /></span>}
          </dd>
          <dt>Last</dt>
          <dd>
            <Last schedule={schedule} />
          </dd>
          {schedule.user !== null && (
            <>
              <dt>Asked for by</dt>
              <dd>
                <Name text={schedule.user} />
              </dd>
            </>
          )}
        </dl>
        <Actions schedule={schedule} onDone={again} />
      </Section>
      <Section title="Settings">
        {!api ? (
          <Loading />
        ) : !isKnown(api, schedule) ? (
          <Empty>Its task is of a plugin that is not installed: it can be paused and deleted, and is not shown.</Empty>
        ) : (
          <Held current={schedule} onSaved={again}>
            {(held, saved) => <ScheduleForm api={api} schedule={held} onSaved={saved} />}
          </Held>
        )}
      </Section>
    </Page>
  );
}

function Actions({ schedule: { id, name, enabled }, onDone }: { schedule: Schedule; onDone: () => void }) {
  const client = useClient();
  const [, navigate] = useLocation();
  const [errors, setErrors] = useState<readonly UserErrorFragment[]>([]);
  const [failure, setFailure] = useState<CombinedError>();
  const done = (payload: { errors: readonly UserErrorFragment[] } | undefined, error?: CombinedError) => {
    setErrors(payload?.errors ?? []);
    setFailure(error);
    onDone();
    return payload?.errors.length === 0;
  };
  const run = async () => {
    const { data, error } = await client.mutation(RUN, { id });
    if (done(data?.runSchedule, error) && data?.runSchedule.task) {
      navigate(`/tasks/${data.runSchedule.task.id}`);
    }
  };
  const toggle = async () => {
    const { data, error } = await client.mutation(UPDATE, { input: { id, enabled: !enabled } });
    done(data?.updateSchedule, error);
  };
  return (
    <>
      <div className="actions">
        <button type="button" className="button" onClick={() => void run()}>
          Run now
        </button>
        <button type="button" className="button" onClick={() => void toggle()}>
          {enabled ? "Pause" : "Resume"}
        </button>
        <Delete id={id} mutation={DELETE} title="Delete this schedule?" to="/system/schedules">
          <p>
            <Name text={name} /> creates no more tasks. Those that it has created stay.
          </p>
        </Delete>
      </div>
      <UserErrors errors={errors} />
      {failure && <Failure error={failure} />}
    </>
  );
}

interface ScheduleFormProps {
  api: Api;
  schedule?: Schedule;
  onSaved: (id: string) => void;
}

function ScheduleForm({ api, schedule, onSaved }: ScheduleFormProps) {
  const initial = useMemo(() => (schedule ? valuesOf(api, INPUT, { ...schedule }) : { timeZone: ownTimeZone() }), [api, schedule]);
  const form = useValues(api, INPUT, initial);
  const inputs = api.type(INPUT).inputs;
  const tasks = [...api.type(TASK).inputs.values()];
  const [given, givenInput] = Object.entries((schedule?.taskInput ?? {}) as Record<string, Record<string, unknown>>)[0] ?? [];
  const [chosen, setChosen] = useState(given ?? tasks[0]!.name);
  const taskInput = use(api.type(TASK).inputs.get(chosen)!.type).name;
  const initialTask = useMemo(() => (givenInput ? valuesOf(api, taskInput, givenInput) : {}), [schedule]);
  const task = useValues(api, taskInput, initialTask);
  const [, create] = useMutation(CREATE);
  const [, update] = useMutation(UPDATE);
  const changed = changes(api, INPUT, initial, form);
  const isTaskChanged = chosen !== given || Object.keys(changes(api, taskInput, initialTask, task)).length > 0;
  const send = async () => {
    if (schedule) {
      const input = { id: schedule.id, expectedRevision: schedule.revision, ...changed, ...(isTaskChanged && { task: { [chosen]: task.input } }) };
      const { data, error } = await update({ input: input as UpdateScheduleInput });
      const errors = data?.updateSchedule.errors ?? [];
      if (data && errors.length === 0) {
        onSaved(schedule.id);
      }
      return { errors: within(errors, chosen), failure: error };
    }
    const input = { ...form.input, task: { [chosen]: task.input } };
    const { data, error } = await create({ input: input as unknown as CreateScheduleInput });
    if (data?.createSchedule.schedule) {
      onSaved(data.createSchedule.schedule.id);
    }
    return { errors: within(data?.createSchedule.errors ?? [], chosen), failure: error };
  };
  const fields = { api, values: form.values, problems: form.shown, set: form.set, touch: form.touch };
  const cron = String(form.values.cron ?? "");
  return (
    <SaveForm
      forms={[form, task]}
      submit={schedule ? "Save" : "Create"}
      isChanged={!schedule || isTaskChanged || Object.keys(changed).length > 0}
      send={send}
    >
      <FormProvider value={fields}>
        <FieldOf field={inputs.get("name")!} path="name" />
        <Group label="When">
          <Choice
            label="How often"
            value={USUAL.some(([expression]) => expression === cron) ? cron : ""}
            options={[["", "As written below"], ...USUAL]}
            onChange={(value) => value && form.set("cron", value)}
          />
          <FieldOf field={inputs.get("cron")!} path="cron" label="Cron expression" />
          <Upcoming cron={cron} timeZone={String(form.values.timeZone ?? "")} />
          <InputFields type={INPUT} without={["name", "cron", "task", "enabled"]} first={["timeZone"]} />
        </Group>
      </FormProvider>
      <FormProvider value={{ api, values: task.values, problems: task.shown, set: task.set, touch: task.touch }}>
        <Group label="What it does">
          <Choice
            label="Task"
            hint={taskHint(api, chosen)}
            value={chosen}
            options={tasks.map(({ name }) => [name, words(name)] as const)}
            onChange={setChosen}
          />
          <InputFields key={chosen} type={taskInput} without={TASK_WITHOUT} />
        </Group>
      </FormProvider>
    </SaveForm>
  );
}

/** Tell whether the API knows the task that a schedule creates. */
function isKnown(api: Api, { taskInput }: Schedule): boolean {
  return Object.keys(taskInput as object).every((name) => api.type(TASK).inputs.has(name));
}

function ownTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Return what tasks of a type do, by the name that the type has among the inputs. */
function taskHint(api: Api, name: string): string {
  const type = api.type("Task").possible.find((each) => each.toLowerCase() === name.toLowerCase());
  return type ? api.type(type).description : "";
}

/** Return errors of the task as its own form has their paths. */
function within(errors: readonly UserErrorFragment[], task: string): UserErrorFragment[] {
  return errors.map((error) => {
    const [input, field, type, ...path] = error.path;
    return input === "input" && field === "task" && type === task ? { ...error, path } : error;
  });
}
