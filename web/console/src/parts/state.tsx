/** Where a task, an action or a report stands: a colour, a sign and a word, so that nobody depends on the colour. */
import type { ActionState, TaskState } from "../../typed/graphql";

const SIGNS: Record<TaskState | ActionState, [sign: string, word: string]> = {
  WAITING: ["○", "Waiting"],
  RUNNING: ["●", "Running"],
  CANCELING: ["◐", "Canceling"],
  COMPLETED: ["✓", "Completed"],
  FAILED: ["✕", "Failed"],
  CANCELED: ["–", "Canceled"],
  SKIPPED: ["–", "Skipped"],
};

export function State({ state }: { state: TaskState | ActionState }) {
  const [sign, word] = SIGNS[state];
  return (
    <span className={`state state-${state.toLowerCase()}`}>
      <span aria-hidden="true">{sign}</span> {word}
    </span>
  );
}

export function isFinal(state: TaskState): boolean {
  return state === "COMPLETED" || state === "FAILED" || state === "CANCELED";
}
