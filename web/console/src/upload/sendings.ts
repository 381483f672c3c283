/** What is on its way, and was: whichever page is shown meanwhile. */
import { useSyncExternalStore } from "react";

import { Sending, type Target } from "./sending";

let sendings: readonly Sending[] = [];
const listeners = new Set<() => void>();

function change(next: readonly Sending[]) {
  sendings = next;
  for (const listener of listeners) {
    listener();
  }
  // Whoever closes the page is asked, while that would end anything.
  const isOpen = sendings.some(({ isEnded }) => !isEnded);
  (isOpen ? addEventListener : removeEventListener)("beforeunload", ask);
}

function ask(event: Event) {
  event.preventDefault();
}

/** Send a file to its place in a repository. */
export function send(file: File, place: string, target: Target) {
  change([...sendings, new Sending(file, place, target, () => change([...sendings]))]);
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/** Return all files that were chosen since the console was loaded, again whenever one of them gets on. */
export function useSendings(): readonly Sending[] {
  return useSyncExternalStore(subscribe, () => sendings);
}
