/** One task: what it does now, why it waits, what it says, what it was given and what it made. */
import { useEffect, useMemo, useRef } from "react";
import { Link } from "wouter";

import { graphql } from "../../../typed";
import type { TaskDetailsQuery, TaskStateFragment } from "../../../typed/graphql";
import { useFresh } from "../../live/query";
import { useTask, WATCH_TASK } from "../../live/task";
import { Failure, UserErrors } from "../../parts/errors";
import { Labels } from "../../parts/labels";
import { Name } from "../../parts/name";
import { Loading, Page, Section } from "../../parts/page";
import { State } from "../../parts/state";
import { kindWords } from "../../parts/tasks";
import { Ago, Moment, Took } from "../../parts/time";
import { NodeLink } from "../../parts/value";
import { words } from "../../text";
import { NotFound } from "../not-found";
import { Actions } from "./actions";
import { TaskFields } from "./fields";
import { Log } from "./log";
import { Progress } from "./progress";

const DETAILS = graphql(`
  query TaskDetails($id: ID!) {
    task(id: $id) {
      __typename
      id
      correlationId
      attempt
      user
      labels
      repository {
        id
        name
      }
      claims {
        resource
        exclusive
        repository {
          id
          name
        }
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
          <Link href="/tasks">Tasks</Link>
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
        {details.attempt > 1 && (
          <>
            <dt>Attempt</dt>
            <dd>{details.attempt}: a worker was lost or stopped, or the database was away</dd>
          </>
        )}
        <dt>Worker</dt>
        <dd>{details.worker ? <Name text={details.worker.name} mono /> : <span className="quiet">none yet, or gone</span>}</dd>
        <dt>Holds</dt>
        <dd>
          {details.claims.length === 0 ? (
            <span className="quiet">nothing</span>
          ) : (
            details.claims.map(({ resource, exclusive, repository }) => (
              <div key={resource}>
                {repository ? (
                  <>
                    repository{" "}
                    <Link href={`/repositories/${repository.id}`}>
                      <Name text={repository.name} />
                    </Link>
                  </>
                ) : (
                  <Name text={resource} mono />
                )}{" "}
                {exclusive ? "for itself" : "with others"}
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
