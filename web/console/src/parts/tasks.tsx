/** Tasks in a list, each with what became of it. */
import { Link } from "wouter";

import { graphql } from "../../typed";
import type { TaskRowFragment } from "../../typed/graphql";
import { words } from "../text";
import { Name, Prose } from "./name";
import { Empty } from "./page";
import { State } from "./state";
import { Ago, Took } from "./time";

export const TASK_ROW = graphql(`
  fragment TaskRow on Task {
    id
    kind
    state
    createdAt
    startedAt
    finishedAt
  }
`);

interface TaskRowsProps {
  edges: readonly { node: TaskRowFragment & { repository?: { name: string } | null; error?: { message: string } | null } }[];
  /** What is said where there is none. */
  none: string;
}

export function TaskRows({ edges, none }: TaskRowsProps) {
  if (edges.length === 0) {
    return <Empty>{none}</Empty>;
  }
  return (
    <ul className="rows">
      {edges.map(({ node: task }) => (
        <li key={task.id} className="row">
          <div className="row-main">
            <TaskLink task={task} repository={task.repository?.name} />
            <State state={task.state} />
          </div>
          {task.error && task.state === "FAILED" && (
            <p className="bad clamp">
              <Prose text={task.error.message} />
            </p>
          )}
          <p className="quiet">
            <Ago at={task.finishedAt ?? task.createdAt} />
            {task.startedAt && task.finishedAt && (
              <>
                , took <Took from={task.startedAt} to={task.finishedAt} />
              </>
            )}
          </p>
        </li>
      ))}
    </ul>
  );
}

export function TaskLink({ task, repository }: { task: { id: string; kind: string }; repository?: string }) {
  return (
    <Link href={`/tasks/${task.id}`} className="task-link">
      <strong>{kindWords(task.kind)}</strong> {repository && <Name text={repository} />}
    </Link>
  );
}

/** Return the kind of a task as words: `file.sync` is "File sync". */
export function kindWords(kind: string): string {
  return words(kind.replace(".", "_"));
}
