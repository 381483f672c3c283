/** One task, live, and what it says while it runs. */
import { useEffect, useState } from "react";
import type { CombinedError } from "urql";

import { graphql } from "../../typed";
import type { LogLineFragment, TaskStateFragment } from "../../typed/graphql";
import { client } from "../client";
import { useConnection } from "../connection";

export const WATCH_TASK = graphql(`
  subscription WatchTask($id: ID!) {
    task(id: $id) {
      ...TaskState
    }
  }
`);

export const TASK_LOG = graphql(`
  subscription TaskLog($id: ID!) {
    taskLog(id: $id) {
      dropped
      lines {
        ...LogLine
      }
    }
  }

  fragment LogLine on LogLine {
    number
    attempt
    loggedAt
    level
    message
    extra
  }
`);

/** As many lines as the server keeps. */
const MOST_LINES = 1_000;

interface LiveTask {
  task: TaskStateFragment | undefined;
  error: CombinedError | undefined;
}

export function useTask(id: string): LiveTask {
  const [live, setLive] = useState<LiveTask & { id: string }>({ id, task: undefined, error: undefined });
  useEffect(() => {
    const { unsubscribe } = client.subscription(WATCH_TASK, { id }).subscribe(({ data, error }) => {
      setLive((before) => ({ id, task: data?.task ?? (before.id === id ? before.task : undefined), error }));
    });
    return unsubscribe;
  }, [id]);
  return live.id === id ? live : { task: undefined, error: undefined };
}

interface Log {
  lines: LogLineFragment[];
  dropped: number;
}

export function useTaskLog(id: string): Log {
  const [log, setLog] = useState<Log>({ lines: [], dropped: 0 });
  const { epoch } = useConnection();
  useEffect(() => {
    // Each connection begins with all lines so far.
    setLog({ lines: [], dropped: 0 });
    const { unsubscribe } = client.subscription(TASK_LOG, { id }).subscribe(({ data }) => {
      if (data) {
        const { lines, dropped } = data.taskLog;
        setLog((before) => joined(before, lines, dropped));
      }
    });
    return unsubscribe;
  }, [id, epoch]);
  return log;
}

function joined(before: Log, lines: LogLineFragment[], dropped: number): Log {
  // The first message after a reconnection may come before this page knows of the new connection.
  const last = before.lines.at(-1)?.number ?? 0;
  const all = [...before.lines, ...lines.filter(({ number }) => number > last)];
  const tooMany = Math.max(0, all.length - MOST_LINES);
  return { lines: all.slice(tooMany), dropped: before.dropped + dropped + tooMany };
}
