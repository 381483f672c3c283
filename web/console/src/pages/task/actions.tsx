/** What can be done with a task: it is canceled, or repeated when it has ended. */
import { useMutation } from "urql";
import { useLocation } from "wouter";

import { graphql } from "../../../typed";
import type { TaskStateFragment } from "../../../typed/graphql";
import { Failure, UserErrors } from "../../parts/errors";
import { isFinal } from "../../parts/state";

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

export function Actions({ task }: { task: TaskStateFragment }) {
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
