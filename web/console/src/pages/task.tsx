/** One task: what it does now, why it waits, what it says, what it was given and what it made. */
import { useEffect, useMemo, useRef, useState } from "react";
import { useMutation } from "urql";
import { Link, useLocation } from "wouter";

import { graphql } from "../../typed";
import type { TaskDetailsQuery, TaskStateFragment } from "../../typed/graphql";
import { useFresh } from "../live/query";
import { useTask, useTaskLog, WATCH_TASK } from "../live/task";
import { ReportBar } from "../parts/bar";
import { Failure, UserErrors } from "../parts/errors";
import { Name, Prose } from "../parts/name";
import { Empty, Loading, Page, Section } from "../parts/page";
import { isFinal, State } from "../parts/state";
import { kindWords } from "../parts/tasks";
import { Ago, Moment, Took } from "../parts/time";
import { NodeLink } from "../parts/value";
import { count, words } from "../text";
import { NotFound } from "./not-found";
import { TaskFields } from "./task-fields";

const DETAILS = graphql(`
  query TaskDetails($id: ID!) {
    task(id: $id) {
      __typename
      id
      correlationId
      user
      labels
      repository {
        id
        name
      }
      claims {
        resource
        exclusive
      }
      blockedBy {
        id
        kind
        state
        repository {
          id
          name
        }
      }
      repeats {
        id
      }
      group {
        id
        description
      }
      worker {
        id
        name
      }
      createdResources {
        __typename
        id
        ... on Repository {
          name
        }
        ... on Distribution {
          name
          url
        }
        ... on RepositoryVersion {
          number
          repository {
            id
            name
          }
        }
        ... on Publication {
          repositoryVersion {
            id
            number
            repository {
              id
              name
            }
          }
        }
      }
    }
  }
`);

const CANCEL = graphql(`
  mutation CancelTask($id: ID!) {
    cancelTask(id: $id) {
      task {
        id
        state
      }
      errors {
        ...UserError
      }
    }
  }
`);

const REPEAT = graphql(`
  mutation RepeatTask($id: ID!) {
    repeatTask(id: $id) {
      task {
        id
      }
      errors {
        ...UserError
      }
    }
  }
`);

/** How often a waiting task is asked what it waits for. */
const WAITING_SECONDS = 2;

export default function TaskPage({ id }: { id: string }) {
  const { task, error } = useTask(id);
  const { data, again } = useFresh(DETAILS, {
    variables: useMemo(() => ({ id }), [id]),
    everySeconds: task?.state === "WAITING" ? WAITING_SECONDS : undefined,
  });
  const latest = useRef(again);
  latest.current = again;
  const state = task?.state;
  useEffect(() => {
    if (state) {
      latest.current();
    }
  }, [state]);
  const details = data?.task?.id === id ? data.task : undefined;
  if (error?.graphQLErrors.length && !task) {
    return <NotFound what="task" hint="It may have been purged since: finished tasks are not kept for ever." />;
  }
  if (!task) {
    return error ? <Failure error={error} /> : <Loading />;
  }
  const title = kindWords(task.kind);
  return (
    <Page
      title={details?.repository ? `${title}: ${details.repository.name}` : title}
      heading={
        <>
          {title} <State state={task.state} />
        </>
      }
      above={
        details?.repository ? (
          <Link href={`/repositories/${details.repository.id}`}>
            <Name text={details.repository.name} />
          </Link>
        ) : (
          "Task"
        )
      }
      intro={<Times task={task} />}
      actions={<Actions task={task} />}
      behind={[
        { query: WATCH_TASK, variables: { id } },
        { query: DETAILS, variables: { id } },
      ]}
    >
      {task.error && task.state === "FAILED" && <UserErrors errors={[task.error]} />}
      {task.state === "WAITING" && details && <Waiting blockers={details.blockedBy} />}
      <Progress task={task} />
      {details && details.createdResources.length > 0 && <Made resources={details.createdResources} />}
      <TaskFields id={id} type={task.__typename} state={task.state} />
      <Log id={id} />
      {details && <Details task={task} details={details} />}
    </Page>
  );
}

function Times({ task }: { task: TaskStateFragment }) {
  return (
    <>
      Created <Ago at={task.createdAt} />
      {task.startedAt && (
        <>
          , {task.finishedAt ? "took" : "runs for"} <Took from={task.startedAt} to={task.finishedAt} />
        </>
      )}
      {task.finishedAt && (
        <>
          , ended <Ago at={task.finishedAt} />
        </>
      )}
    </>
  );
}

function Actions({ task }: { task: TaskStateFragment }) {
  const [canceled, cancel] = useMutation(CANCEL);
  const [repeated, repeat] = useMutation(REPEAT);
  const [, navigate] = useLocation();
  const errors = [...(canceled.data?.cancelTask.errors ?? []), ...(repeated.data?.repeatTask.errors ?? [])];
  const failure = canceled.error ?? repeated.error;
  const onRepeat = async () => {
    const { data } = await repeat({ id: task.id });
    if (data?.repeatTask.task) {
      navigate(`/tasks/${data.repeatTask.task.id}`);
    }
  };
  return (
    <>
      {isFinal(task.state) ? (
        <button type="button" className="button" disabled={repeated.fetching} onClick={onRepeat}>
          Repeat
        </button>
      ) : (
        <button
          type="button"
          className="button button-danger"
          disabled={canceled.fetching || task.state === "CANCELING"}
          onClick={() => cancel({ id: task.id })}
        >
          {task.state === "CANCELING" ? "Canceling …" : "Cancel"}
        </button>
      )}
      {failure && <Failure error={failure} />}
      <UserErrors errors={errors} />
    </>
  );
}

function Waiting({ blockers }: { blockers: NonNullable<TaskDetailsQuery["task"]>["blockedBy"] }) {
  if (blockers.length === 0) {
    return <p className="notice">It waits for nothing but a worker.</p>;
  }
  return (
    <Section title="Blocked by" aside="They came first, and hold what this task needs.">
      <ul className="rows">
        {blockers.map((blocker) => (
          <li key={blocker.id} className="row row-main">
            <Link href={`/tasks/${blocker.id}`}>
              {kindWords(blocker.kind)} {blocker.repository && <Name text={blocker.repository.name} />}
            </Link>
            <State state={blocker.state} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Progress({ task }: { task: TaskStateFragment }) {
  if (task.actions.length === 0) {
    return isFinal(task.state) ? null : <Empty>Its progress is here as soon as it runs.</Empty>;
  }
  return (
    <Section title="Progress">
      <ol className="timeline">
        {task.actions.map((action, index) => (
          <li key={`${action.name} ${index}`} className={`stage stage-${action.state.toLowerCase()}`}>
            <div className="stage-head">
              <h3>{words(action.name)}</h3>
              <span className="quiet">
                {action.startedAt && <Took from={action.startedAt} to={action.finishedAt ?? task.finishedAt} />}
              </span>
              <State state={action.state} />
            </div>
            {action.reports.map((report) => (
              <ReportBar key={report.code} report={report} />
            ))}
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Made({ resources }: { resources: NonNullable<TaskDetailsQuery["task"]>["createdResources"] }) {
  return (
    <Section title="What it made">
      <ul className="rows">
        {resources.map((resource) => (
          <li key={resource.id} className="row">
            <NodeLink node={resource} />
            {"url" in resource && (
              <>
                {" "}
                <a href={resource.url} target="_blank" rel="noreferrer">
                  Browse
                </a>
              </>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Log({ id }: { id: string }) {
  const { lines, dropped } = useTaskLog(id);
  const box = useRef<HTMLOListElement>(null);
  const [follows, setFollows] = useState(true);
  useEffect(() => {
    if (follows && box.current) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [lines, follows]);
  return (
    <Section title="Log" aside={lines.length > 0 ? `${count(lines.length)} lines` : undefined}>
      {lines.length === 0 ? (
        <Empty>It has said nothing.</Empty>
      ) : (
        <>
          {dropped > 0 && <p className="quiet">{count(dropped)} older lines are gone.</p>}
          <ol
            ref={box}
            className="log"
            role="log"
            aria-label="Log of the task"
            tabIndex={0}
            onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
              setFollows(scrollTop + clientHeight >= scrollHeight - 4);
            }}
          >
            {lines.map((line) => (
              <li key={line.number} className={`log-${line.level}`}>
                <time dateTime={line.loggedAt}>{new Date(line.loggedAt).toLocaleTimeString()}</time>
                <span className="log-level">{line.level}</span>
                <Prose text={line.message} />
                <Extra extra={line.extra} />
              </li>
            ))}
          </ol>
        </>
      )}
    </Section>
  );
}

function Extra({ extra }: { extra: unknown }) {
  const entries = Object.entries((extra ?? {}) as Record<string, unknown>);
  return entries.length === 0 ? null : (
    <span className="quiet">
      <Prose text={entries.map(([name, value]) => `${name}=${String(value)}`).join(" ")} />
    </span>
  );
}

function Details({ task, details }: { task: TaskStateFragment; details: NonNullable<TaskDetailsQuery["task"]> }) {
  return (
    <Section title="Details">
      <dl className="facts">
        <dt>Created</dt>
        <dd>
          <Moment at={task.createdAt} />
        </dd>
        {details.user !== null && (
          <>
            <dt>Asked for by</dt>
            <dd>
              <Name text={details.user} />
            </dd>
          </>
        )}
        <dt>Priority</dt>
        <dd>{words(task.priority)}</dd>
        <dt>Worker</dt>
        <dd>{details.worker ? <Name text={details.worker.name} mono /> : <span className="quiet">none yet, or gone</span>}</dd>
        <dt>Holds</dt>
        <dd>
          {details.claims.length === 0 ? (
            <span className="quiet">nothing</span>
          ) : (
            details.claims.map(({ resource, exclusive }) => (
              <div key={resource}>
                <Name text={resource} mono /> {exclusive ? "for itself" : "with others"}
              </div>
            ))
          )}
        </dd>
        {details.repeats && (
          <>
            <dt>Repeats</dt>
            <dd>
              <Link href={`/tasks/${details.repeats.id}`}>another task</Link>
            </dd>
          </>
        )}
        {details.group && (
          <>
            <dt>Group</dt>
            <dd>
              <Name text={details.group.description || "unnamed"} />
            </dd>
          </>
        )}
        <dt>Labels</dt>
        <dd>
          <Labels labels={details.labels} />
        </dd>
        <dt>Correlation id</dt>
        <dd>
          <Name text={details.correlationId} mono />
        </dd>
      </dl>
    </Section>
  );
}

export function Labels({ labels }: { labels: unknown }) {
  const entries = Object.entries((labels ?? {}) as Record<string, string>);
  return entries.length === 0 ? (
    <span className="quiet">none</span>
  ) : (
    <span className="labels">
      {entries.map(([key, value]) => (
        <span key={key} className="label">
          <Name text={value ? `${key}: ${value}` : key} />
        </span>
      ))}
    </span>
  );
}
