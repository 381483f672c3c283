/** What is done by itself, and when. */
import { Link } from "wouter";

import { graphql } from "../../../typed";
import type { ScheduleStateFragment } from "../../../typed/graphql";
import { useFresh } from "../../live/query";
import { Name, Prose } from "../../parts/name";
import { Pages, type Part } from "../../parts/pages";
import { type Column, Table } from "../../parts/table";
import { kindWords } from "../../parts/tasks";
import { Ago, Due } from "../../parts/time";

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

const COLUMNS: Column<ScheduleStateFragment>[] = [
  {
    title: "Name",
    cell: ({ id, name }) => (
      <Link href={`/system/schedules/${id}`}>
        <Name text={name} />
      </Link>
    ),
  },
  { title: "Task", cell: ({ taskKind }) => kindWords(taskKind) },
  {
    title: "When",
    cell: ({ cron, timeZone }) => (
      <>
        <Name text={cron} mono />{" "}
        <span className="quiet">
          <Name text={timeZone} />
        </span>
      </>
    ),
  },
  { title: "Next run", cell: (node) => <Next schedule={node} /> },
  { title: "Last run", cell: (node) => <Last schedule={node} /> },
];

function ScheduleList({ part }: { part: Part }) {
  const { data, ...fresh } = useFresh(SCHEDULES, { variables: { after: part.after }, everySeconds: EVERY_SECONDS });
  return (
    <Table
      label="Schedules"
      part={part}
      columns={COLUMNS}
      page={data?.schedules}
      {...fresh}
      empty="Nothing is done by itself yet. A schedule creates a task whenever it is due: a sync each night, say."
    />
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
