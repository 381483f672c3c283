/** All tasks, live. */
import { useEffect, useState } from "react";

import { graphql } from "../../typed";
import type { TaskStateFragment } from "../../typed/graphql";
import { client } from "../client";
import { useConnection } from "../connection";
import { isFinal } from "../parts/state";

export const LIVE_TASKS = graphql(`
  subscription LiveTasks($filter: TaskFilter) {
    tasks(filter: $filter) {
      ...TaskState
    }
  }
`);

/** States of fifty tasks may come five hundred times a second; nobody sees more than this many. */
const FLUSH_MILLISECONDS = 250;

export interface LiveTasks {
  unfinished: TaskStateFragment[];
  /** How many have ended while the page was open: whoever lists ended ones asks again when it changes. */
  ended: number;
}

const NONE: LiveTasks = { unfinished: [], ended: 0 };

export function useLiveTasks(): LiveTasks {
  const [live, setLive] = useState(NONE);
  const { epoch } = useConnection();
  useEffect(() => {
    // A new connection begins with the tasks as they are; what ended in between was not told.
    const unfinished = new Map<string, TaskStateFragment>();
    let ended = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      timer = undefined;
      setLive((before) => ({ unfinished: [...unfinished.values()], ended: before.ended + ended }));
      ended = 0;
    };
    flush();
    const { unsubscribe } = client.subscription(LIVE_TASKS, {}).subscribe(({ data }) => {
      if (!data) {
        return;
      }
      if (isFinal(data.tasks.state)) {
        unfinished.delete(data.tasks.id);
        ended += 1;
      } else {
        unfinished.set(data.tasks.id, data.tasks);
      }
      timer ??= setTimeout(flush, FLUSH_MILLISECONDS);
    });
    return () => {
      clearTimeout(timer);
      unsubscribe();
    };
  }, [epoch]);
  return live;
}
