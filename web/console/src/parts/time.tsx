/** Times that stay true while they are looked at. */
import { useSyncExternalStore } from "react";

import { duration, moment, relative } from "../text";

const TICK_MILLISECONDS = 1_000;

let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void) {
  if (listeners.size === 0) {
    now = Date.now();
    timer = setInterval(() => {
      now = Date.now();
      for (const tell of listeners) {
        tell();
      }
    }, TICK_MILLISECONDS);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
    }
  };
}

/** Return the time in milliseconds, again each second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** How long ago a moment was, or how soon it will be. */
export function Ago({ at }: { at: string }) {
  return (
    <time dateTime={at} title={moment(at)}>
      {relative(at, useNow())}
    </time>
  );
}

/** How soon something is to come; what is overdue waits for others. */
export function Due({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={moment(at)}>
      {Date.parse(at) > now ? relative(at, now) : "when its turn comes"}
    </time>
  );
}

export function Moment({ at }: { at: string }) {
  return <time dateTime={at}>{moment(at)}</time>;
}

/** How long something took, or has taken so far. */
export function Took({ from, to }: { from: string; to: string | null | undefined }) {
  return to ? <span>{duration(seconds(from, Date.parse(to)))}</span> : <Running from={from} />;
}

function Running({ from }: { from: string }) {
  return <span>{duration(seconds(from, useNow()))}</span>;
}

function seconds(from: string, to: number): number {
  return Math.max(0, (to - Date.parse(from)) / 1000);
}
