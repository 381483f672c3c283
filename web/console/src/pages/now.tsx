/** What runs, what waits and why, who works, and how the last hour went. */
import { memo, useEffect, useMemo, useRef } from "react";
import { Link } from "wouter";

import { graphql } from "../../typed";
import type { NowQuery, TaskStateFragment } from "../../typed/graphql";
import { useFresh } from "../live/query";
import { LIVE_TASKS, useLiveTasks } from "../live/tasks";
import { ReportBar } from "../parts/bar";
import { Failure } from "../parts/errors";
import { Name } from "../parts/name";
import { Empty, Loading, Page, Section } from "../parts/page";
import { State } from "../parts/state";
import { kindWords, TaskLink, TaskRows } from "../parts/tasks";
import { Took } from "../parts/time";
import { count, counted, duration } from "../text";
import { Throughput } from "./throughput";

const NOW = graphql(`
  query Now {
    queueStats {
      runnable
      blocked
      running
      waitP50Seconds
    }
    workers {
      id
      name
      startedAt
      lastSeenAt
      currentTasks {
        id
        kind
      }
    }
    ended: tasks(first: 8, filter: { state: [COMPLETED, CANCELED] }) {
      edges {
        node {
          ...TaskRow
          repository {
            id
            name
          }
        }
      }
    }
    failed: tasks(first: 5, filter: { state: [FAILED] }) {
      edges {
        node {
          ...TaskRow
          repository {
            id
            name
          }
          error {
            ...UserError
          }
        }
      }
    }
    taskThroughput {
      completed
      failed
      canceled
    }
  }
`);

const ABOUT = graphql(`
  query AboutTasks($ids: [ID!]!) {
    nodes(ids: $ids) {
      ... on Task {
        id
        repository {
          id
          name
        }
        blockedBy {
          id
          kind
        }
      }
    }
  }
`);

const EVERY_SECONDS = 5;
/** More are counted and not shown: nobody reads them. */
const MOST_SHOWN = 50;

/** What a task works on, and what it waits for. */
interface Subject {
  repository?: { id: string; name: string } | null;
  blockedBy: { id: string; kind: string }[];
}

type About = Map<string, Subject>;

export default function Now() {
  const live = useLiveTasks();
  const { data, error, again } = useFresh(NOW, { variables: {}, everySeconds: EVERY_SECONDS });
  const latest = useRef(again);
  latest.current = again;
  useEffect(() => {
    if (live.ended > 0) {
      const timer = setTimeout(() => latest.current(), 300);
      return () => clearTimeout(timer);
    }
  }, [live.ended]);

  const running = live.unfinished.filter(({ state }) => state !== "WAITING");
  const waiting = live.unfinished.filter(({ state }) => state === "WAITING");
  const about = useAbout([...running.slice(0, MOST_SHOWN), ...waiting.slice(0, MOST_SHOWN)]);
  return (
    <Page
      title="Now"
      actions={
        <Link href="/new" className="button button-main">
          New mirror
        </Link>
      }
      behind={[{ query: LIVE_TASKS }, { query: NOW }]}
    >
      {error && !data && <Failure error={error} retry={again} />}
      {data && <Figures data={data} running={running.length} waiting={waiting.length} />}
      <Section title="Running" aside={counted(running.length, "task")}>
        {running.length === 0 ? (
          <Empty>
            Nothing runs. <Link href="/new">Mirror an upstream</Link> or <Link href="/upload">upload files</Link>, and watch it
            here.
          </Empty>
        ) : (
          <ul className="rows">
            {running.slice(0, MOST_SHOWN).map((task) => (
              <RunningTask key={task.id} task={task} repository={about.get(task.id)?.repository?.name} />
            ))}
          </ul>
        )}
      </Section>
      {waiting.length > 0 && (
        <Section title="Waiting" aside={counted(waiting.length, "task")}>
          <ul className="rows">
            {waiting.slice(0, MOST_SHOWN).map((task) => (
              <WaitingTask key={task.id} task={task} about={about.get(task.id)} />
            ))}
          </ul>
          {waiting.length > MOST_SHOWN && <p className="quiet">and {count(waiting.length - MOST_SHOWN)} more</p>}
        </Section>
      )}
      {data ? (
        <div className="columns">
          <Section title="Failed last" aside={<Link href="/tasks?state=FAILED">All that failed</Link>}>
            <TaskRows edges={data.failed.edges} none="No task has failed." />
          </Section>
          <Section title="Ended last" aside={<Link href="/tasks">All tasks</Link>}>
            <TaskRows edges={data.ended.edges} none="No task has ended yet." />
          </Section>
          <Section title="Workers" aside={counted(data.workers.length, "worker")}>
            <Workers workers={data.workers} />
          </Section>
        </div>
      ) : (
        !error && <Loading />
      )}
    </Page>
  );
}

/** What tasks work on and wait for: asked for when others run or wait, and not with each of their states. */
function useAbout(tasks: TaskStateFragment[]): About {
  const ids = tasks.map(({ id }) => id).sort();
  const key = tasks.map(({ id, state }) => `${id} ${state}`).sort().join();
  const variables = useMemo(() => ({ ids }), [key]);
  const { data } = useFresh(ABOUT, { variables, pause: ids.length === 0, everySeconds: EVERY_SECONDS });
  const last = useRef<About>(new Map());
  return useMemo(() => {
    if (data) {
      const found = data.nodes.flatMap((node): [string, Subject][] => (node && "blockedBy" in node && node.blockedBy ? [[node.id, node as { id: string } & Subject]] : []));
      last.current = new Map(found);
    }
    return last.current;
  }, [data]);
}

function Figures({ data, running, waiting }: { data: NowQuery; running: number; waiting: number }) {
  const { queueStats, workers } = data;
  return (
    <dl className="figures">
      <Figure name="Running" value={count(running)} note={`${counted(workers.length, "worker")} online`} />
      <Figure
        name="Waiting"
        value={count(waiting)}
        note={queueStats.blocked > 0 ? `${count(queueStats.blocked)} for other tasks` : "none for other tasks"}
      />
      <Figure
        name="Usual wait"
        value={queueStats.waitP50Seconds == null ? "–" : duration(queueStats.waitP50Seconds)}
        note="before a task is taken"
      />
      <Throughput minutes={data.taskThroughput} />
    </dl>
  );
}

export function Figure({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <div className="figure">
      <dt>{name}</dt>
      <dd>
        <span className="figure-value">{value}</span>
        <span className="figure-note">{note}</span>
      </dd>
    </div>
  );
}

const RunningTask = memo(function RunningTask({ task, repository }: { task: TaskStateFragment; repository?: string }) {
  const reports = task.actions.flatMap((action) => action.reports);
  const running = reports.filter(({ state }) => state === "RUNNING");
  // What has an end that is not reached says most.
  const report = running.findLast(({ done, total }) => total != null && done < total) ?? running.at(-1) ?? reports.at(-1);
  return (
    <li className="row row-running">
      <div className="row-main">
        <TaskLink task={task} repository={repository} />
        <span className="quiet">
          {task.state === "CANCELING" && <State state={task.state} />} {task.startedAt && <Took from={task.startedAt} to={null} />}
        </span>
      </div>
      {report && <ReportBar report={report} />}
    </li>
  );
});

function WaitingTask({ task, about }: { task: TaskStateFragment; about?: Subject }) {
  return (
    <li className="row">
      <div className="row-main">
        <TaskLink task={task} repository={about?.repository?.name} />
        <span className="quiet">
          for <Took from={task.createdAt} to={null} />
        </span>
      </div>
      <p className="quiet">
        {about === undefined ? "\u00a0" : about.blockedBy.length === 0 ? (
          "Waits for a worker."
        ) : (
          <>
            Waits for{" "}
            {about.blockedBy.slice(0, 3).map((blocker, index) => (
              <span key={blocker.id}>
                {index > 0 && ", "}
                <Link href={`/tasks/${blocker.id}`}>{kindWords(blocker.kind)}</Link>
              </span>
            ))}
            {about.blockedBy.length > 3 && ` and ${about.blockedBy.length - 3} more`}, which came first.
          </>
        )}
      </p>
    </li>
  );
}

function Workers({ workers }: { workers: NowQuery["workers"] }) {
  if (workers.length === 0) {
    return <Empty>No worker is online: tasks wait until one is started.</Empty>;
  }
  return (
    <ul className="rows">
      {workers.map((worker) => (
        <li key={worker.id} className="row">
          <div className="row-main">
            <Name text={worker.name} mono />
            <span className="quiet">
              up <Took from={worker.startedAt} to={null} />
            </span>
          </div>
          <p className="quiet">
            {worker.currentTasks.length === 0
              ? "Idle"
              : worker.currentTasks.map((task, index) => (
                  <span key={task.id}>
                    {index > 0 && ", "}
                    <Link href={`/tasks/${task.id}`}>{kindWords(task.kind)}</Link>
                  </span>
                ))}
          </p>
        </li>
      ))}
    </ul>
  );
}
