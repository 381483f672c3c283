/** Whether all works: components, queues, workers, and how much is stored. */
import { Link } from "wouter";

import { graphql } from "../../../typed";
import type { OverviewQuery } from "../../../typed/graphql";
import { useFresh } from "../../live/query";
import { Failure } from "../../parts/errors";
import { Name, Prose } from "../../parts/name";
import { Empty, Loading, Section } from "../../parts/page";
import { kindWords } from "../../parts/tasks";
import { Ago } from "../../parts/time";
import { bytes, count, counted, duration, words } from "../../text";
import { Figure } from "../now";
import { Throughput } from "../throughput";

export const OVERVIEW = graphql(`
  query Overview {
    status {
      version
      workersOnline
      damagedArtifacts
      database {
        ...Component
      }
      broker {
        ...Component
      }
      bus {
        ...Component
      }
      storage {
        ...Component
      }
      plugins {
        name
        version
        description
      }
    }
    storageStats {
      asOf
      artifacts
      bytes
      unusedArtifacts
      unusedBytes
      uploads
      uploadBytes
    }
    taskThroughput {
      completed
      failed
      canceled
    }
    queueStats {
      ...Waits
      byPriority {
        priority
        ...PriorityWaits
      }
      byKind {
        kind
        ...KindWaits
      }
    }
    allWorkers(first: 20) {
      edges {
        node {
          id
          name
          online
          startedAt
          lastSeenAt
          stoppedAt
          currentTasks {
            id
            kind
          }
        }
      }
    }
  }

  fragment Component on ComponentStatus {
    name
    ok
    detail
  }

  fragment Waits on QueueStats {
    runnable
    blocked
    running
    oldest
    waitP50Seconds
    waitP95Seconds
  }

  fragment PriorityWaits on PriorityQueueStats {
    runnable
    blocked
    running
    oldest
    waitP50Seconds
    waitP95Seconds
  }

  fragment KindWaits on KindQueueStats {
    runnable
    blocked
    running
    oldest
    waitP50Seconds
    waitP95Seconds
  }
`);

const EVERY_SECONDS = 5;

type Status = OverviewQuery["status"];
type Worker = OverviewQuery["allWorkers"]["edges"][number]["node"];
type Queue = Omit<OverviewQuery["queueStats"], "byKind" | "byPriority" | "__typename">;

export function Overview() {
  const { data, error, again } = useFresh(OVERVIEW, { variables: {}, everySeconds: EVERY_SECONDS });
  if (!data) {
    return error ? <Failure error={error} retry={again} /> : <Loading />;
  }
  const { status, storageStats: storage, queueStats: queues } = data;
  return (
    <>
      {status.damagedArtifacts > 0 && (
        <p className="notice notice-bad">
          <strong>{counted(status.damagedArtifacts, "stored file")} missing or damaged.</strong> They are served to nobody.{" "}
          <Link href="/system/storage">A repair</Link> fetches them again where it can, and tells of the rest.
        </p>
      )}
      <div className="columns">
        <Components status={status} />
        <Section title="Software" aside={`headbox ${status.version}`}>
          <Plugins plugins={status.plugins} />
        </Section>
      </div>
      <Section title="Storage" aside={<>as of <Ago at={storage.asOf} /></>}>
        <dl className="figures">
          <Figure name="Stored" value={bytes(storage.bytes)} note={counted(storage.artifacts, "file")} />
          <Figure name="Unused" value={bytes(storage.unusedBytes)} note={`${counted(storage.unusedArtifacts, "file")}, for the next collection`} />
          <Figure name="Being uploaded" value={bytes(storage.uploadBytes)} note={counted(storage.uploads, "upload")} />
        </dl>
      </Section>
      <Section title="Queues" aside="Waits are those of the last hour.">
        <dl className="figures">
          <Figure name="Could run" value={count(queues.runnable)} note="wait for nothing but a worker" />
          <Figure name="Blocked" value={count(queues.blocked)} note="wait for other tasks" />
          <Throughput minutes={data.taskThroughput} />
        </dl>
        <Queues
          rows={[
            ["All tasks", queues],
            ...queues.byPriority.map((each): [string, Queue] => [`Priority ${words(each.priority).toLowerCase()}`, each]),
            ...queues.byKind.map((each): [string, Queue] => [kindWords(each.kind), each]),
          ]}
        />
      </Section>
      <Section title="Workers" aside={`${count(status.workersOnline)} online`}>
        <Workers workers={data.allWorkers.edges.map(({ node }) => node)} />
      </Section>
    </>
  );
}

function Components({ status: { database, broker, bus, storage } }: { status: Status }) {
  const parts = [
    ["Database", database],
    ["Messages to workers", broker],
    ["Events", bus],
    ["Storage", storage],
  ] as const;
  return (
    <Section title="Components" aside={parts.every(([, { ok }]) => ok) ? "All work." : "Not all work."}>
      <ul className="rows">
        {parts.map(([label, { name, ok, detail }]) => (
          <li key={label} className="row">
            <div className="row-main">
              <span>
                {label} <span className="quiet"><Name text={name} /></span>
              </span>
              <span className={ok ? "state state-completed" : "state state-failed"}>
                <span aria-hidden="true">{ok ? "✓" : "✕"}</span> {ok ? "Works" : "Fails"}
              </span>
            </div>
            {detail && (
              <p className={ok ? "quiet" : "bad"}>
                <Prose text={detail} />
              </p>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Plugins({ plugins }: { plugins: Status["plugins"] }) {
  if (plugins.length === 0) {
    return <Empty>No plugin is installed, so there are no kinds of repositories. Install one beside headbox, and start it again.</Empty>;
  }
  return (
    <ul className="rows">
      {plugins.map(({ name, version, description }) => (
        <li key={name} className="row">
          <div className="row-main">
            <strong>
              <Name text={name} />
            </strong>
            <span className="quiet">
              <Name text={version} />
            </span>
          </div>
          <p className="quiet">
            <Prose text={description} />
          </p>
        </li>
      ))}
    </ul>
  );
}

function Queues({ rows }: { rows: [name: string, queue: Queue][] }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Queues">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Tasks</th>
            {["Running", "Could run", "Blocked", "Oldest", "Half waited at most", "95 of 100 at most"].map((name) => (
              <th key={name} scope="col" className="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, queue]) => (
            <tr key={name}>
              <th scope="row">
                <Name text={name} />
              </th>
              <td className="number">{count(queue.running)}</td>
              <td className="number">{count(queue.runnable)}</td>
              <td className="number">{count(queue.blocked)}</td>
              <td className="number">{queue.oldest ? <Ago at={queue.oldest} /> : "–"}</td>
              <td className="number">{wait(queue.waitP50Seconds)}</td>
              <td className="number">{wait(queue.waitP95Seconds)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function wait(seconds: number | null | undefined): string {
  return seconds == null ? "–" : duration(seconds);
}

function Workers({ workers }: { workers: Worker[] }) {
  if (workers.length === 0) {
    return <Empty>No worker has started yet: tasks wait until one does.</Empty>;
  }
  return (
    <ul className="rows">
      {workers.map((worker) => (
        <li key={worker.id} className="row">
          <div className="row-main">
            <Name text={worker.name} mono />
            <WorkerState worker={worker} />
          </div>
          <p className="quiet">
            {worker.currentTasks.length > 0
              ? worker.currentTasks.map((task, index) => (
                  <span key={task.id}>
                    {index > 0 && ", "}
                    <Link href={`/tasks/${task.id}`}>{kindWords(task.kind)}</Link>
                  </span>
                ))
              : worker.online && "Idle"}
            {worker.online ? ", " : ""}
            started <Ago at={worker.startedAt} />
            {!worker.online && (
              <>
                , {worker.stoppedAt ? "stopped" : "last seen"} <Ago at={worker.stoppedAt ?? worker.lastSeenAt} />
              </>
            )}
          </p>
        </li>
      ))}
    </ul>
  );
}

function WorkerState({ worker: { online, stoppedAt } }: { worker: Worker }) {
  if (online) {
    return <span className="state state-completed">Online</span>;
  }
  return stoppedAt ? <span className="state">Stopped</span> : <span className="state state-failed">Lost</span>;
}
