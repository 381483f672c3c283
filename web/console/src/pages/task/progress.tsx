/** The actions of a task as a time line, each with its reports. */
import type { TaskStateFragment } from "../../../typed/graphql";
import { ReportBar } from "../../parts/bar";
import { Empty, Section } from "../../parts/page";
import { isFinal, State } from "../../parts/state";
import { Took } from "../../parts/time";
import { words } from "../../text";

export function Progress({ task }: { task: TaskStateFragment }) {
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
