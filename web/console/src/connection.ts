/** Whether the page hears from the server: what the subscriptions' socket tells, for whoever shows it. */
import { useSyncExternalStore } from "react";

export interface Connection {
  state: "connecting" | "live" | "lost";
  /** Counts the connections; whoever shows what was asked once asks again when it changes. */
  epoch: number;
}

let current: Connection = { state: "connecting", epoch: 0 };
const listeners = new Set<() => void>();

function change(next: Connection) {
  current = next;
  for (const listener of listeners) {
    listener();
  }
}

export function connected() {
  change({ state: "live", epoch: current.epoch + 1 });
}

export function lost() {
  if (current.state !== "lost") {
    change({ ...current, state: "lost" });
  }
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/** Return how the connection is, and again whenever it changes. */
export function useConnection(): Connection {
  return useSyncExternalStore(subscribe, () => current);
}
