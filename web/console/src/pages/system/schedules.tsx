/** What is done by itself, and when. */
import { Link } from "wouter";

import { graphql } from "../../../typed";
import type { ScheduleStateFragment } from "../../../typed/graphql";
import { useFresh } from "../../live/query";
import { Failure } from "../../parts/errors";
import { Name, Prose } from "../../parts/name";
import { Empty, Loading, Section } from "../../parts/page";
import { More, Pages, type Part } from "../../parts/pages";
import { kindWords } from "../../parts/tasks";
import { Ago, Due } from "../../parts/time";
import { count } from "../../text";

export const SCHEDULE = graphql(`
  fragment ScheduleState on Schedule {
    id
    name
    cron
    timeZone
    enabled
    taskKind
    nextRunAt
    lastRunAt
    lastOutcome
    lastTask {
      id
      state
    }
    lastError {
      ...UserError
    }
  }
`);

export const SCHEDULES = graphql(`
  query Schedules($after: String) {
    schedules(first: 50, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          ...ScheduleState
        }
      }
    }
  }
`);

const EVERY_SECONDS = 10;

export function Schedules() {
  return <Pages id="schedules">{(part) => <ScheduleList part={part} />}</Pages>;
}

function ScheduleList({ part }: { part: Part }) {
  const { data, error, again } = useFresh(SCHEDULES, { variables: { after: part.after }, everySeconds: EVERY_SECONDS });
  if (!data) {
    return error ? <Failure error={error} retry={again} /> : <Loading />;
  }
  const { edges, pageInfo, totalCount } = data.schedules;
  return (
    <Section title={part.after ? "And on" : "Schedules"} aside={!part.after && totalCount != null && `${count(totalCount)} in all`}>
      {edges.length === 0 ? (
        <Empty>Nothing is done by itself yet. A schedule creates a task whenever it is due: a sync each night, say.</Empty>
      ) : (
        <div className="scroll" tabIndex={0} role="region" aria-label="Schedules">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Task</th>
                <th scope="col">When</th>
                <th scope="col">Next run</th>
                <th scope="col">Last run</th>
              </tr>
            </thead>
            <tbody>
              {edges.map(({ node }) => (
                <tr key={node.id}>
                  <td>
                    <Link href={`/system/schedules/${node.id}`}>
                      <Name text={node.name} />
                    </Link>
                  </td>
                  <td>{kindWords(node.taskKind)}</td>
                  <td>
                    <Name text={node.cron} mono /> <span className="quiet"><Name text={node.timeZone} /></span>
                  </td>
                  <td>
                    <Next schedule={node} />
                  </td>
                  <td>
                    <Last schedule={node} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <More part={part} pageInfo={pageInfo} />
    </Section>
  );
}

export function Next({ schedule: { enabled, nextRunAt } }: { schedule: ScheduleStateFragment }) {
  if (!enabled) {
    return <span className="state state-canceled">Paused</span>;
  }
  return nextRunAt ? <Due at={nextRunAt} /> : <span className="quiet">never again</span>;
}

export function Last({ schedule: { lastRunAt, lastOutcome, lastTask, lastError } }: { schedule: ScheduleStateFragment }) {
  if (!lastRunAt) {
    return <span className="quiet">none yet</span>;
  }
  return (
    <>
      {lastTask ? (
        <Link href={`/tasks/${lastTask.id}`}>
          <Ago at={lastRunAt} />
        </Link>
      ) : (
        <Ago at={lastRunAt} />
      )}
      {lastOutcome && lastOutcome !== "CREATED" && <span className="bad"> {OUTCOMES[lastOutcome]}</span>}
      {lastError && (
        <p className="bad">
          <Prose text={lastError.message} />
        </p>
      )}
    </>
  );
}

const OUTCOMES = {
  FAILED: "could not be created",
  MISSED: "left out: nobody could run it in time",
  OVERLAPPED: "left out: the one before was not finished",
};
