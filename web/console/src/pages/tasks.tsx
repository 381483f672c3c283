/** All tasks that the server remembers, the latest first. */
import { Link, useSearchParams } from "wouter";

import { graphql } from "../../typed";
import type { TaskState } from "../../typed/graphql";
import { useFresh } from "../live/query";
import { Failure } from "../parts/errors";
import { Loading, Page, Section } from "../parts/page";
import { More, Pages, type Part } from "../parts/pages";
import { TaskRows } from "../parts/tasks";
import { count, words } from "../text";

const TASKS = graphql(`
  query Tasks($after: String, $state: [TaskState!]) {
    tasks(first: 50, after: $after, filter: { state: $state }) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
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
  }
`);

const EVERY_SECONDS = 10;
const STATES: TaskState[] = ["WAITING", "RUNNING", "CANCELING", "COMPLETED", "FAILED", "CANCELED"];

export default function Tasks() {
  const [parameters, setParameters] = useSearchParams();
  const state = STATES.find((each) => each === parameters.get("state"));
  return (
    <Page
      title="Tasks"
      intro="What was done, and is to be done. Those that ended long ago are not kept for ever."
      above={<Link href="/">Now</Link>}
      behind={[{ query: TASKS, variables: { state } }]}
    >
      <div className="field search">
        <label htmlFor="task-state">State</label>
        <select
          id="task-state"
          value={state ?? ""}
          onChange={({ target }) => setParameters(target.value ? { state: target.value } : {}, { replace: true })}
        >
          <option value="">Any</option>
          {STATES.map((each) => (
            <option key={each} value={each}>
              {words(each)}
            </option>
          ))}
        </select>
      </div>
      <Pages id={state ?? ""}>{(part) => <TaskList state={state} part={part} />}</Pages>
    </Page>
  );
}

function TaskList({ state, part }: { state?: TaskState; part: Part }) {
  const { data, error, again } = useFresh(TASKS, {
    variables: { after: part.after, state: state ? [state] : null },
    everySeconds: EVERY_SECONDS,
  });
  if (!data) {
    return error ? <Failure error={error} retry={again} /> : <Loading />;
  }
  const { edges, pageInfo, totalCount } = data.tasks;
  return (
    <Section
      title={part.after ? "Before that" : "The latest first"}
      aside={!part.after && totalCount != null && `${count(totalCount)} in all`}
    >
      <TaskRows edges={edges} none={state ? "No task is in this state." : "Nothing was done yet."} />
      <More part={part} pageInfo={pageInfo} />
    </Section>
  );
}
