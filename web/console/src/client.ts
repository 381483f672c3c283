/** The client of the API: queries and mutations over HTTP, subscriptions over one WebSocket that always comes back. */
import { createClient as createSocket } from "graphql-ws";
import { cacheExchange, Client, fetchExchange, subscriptionExchange } from "urql";

import { connected, lost } from "./connection";

const KEEP_ALIVE_MILLISECONDS = 5_000;
/** Silence after which the socket is taken for dead. */
const PONG_MILLISECONDS = 5_000;
const FIRST_WAIT_MILLISECONDS = 250;
const LONGEST_WAIT_MILLISECONDS = 4_000;

const url = new URL("/graphql", location.href);
const socketUrl = new URL(url);
socketUrl.protocol = url.protocol === "https:" ? "wss:" : "ws:";

let overdue: ReturnType<typeof setTimeout> | undefined;

const socket = createSocket({
  url: socketUrl.href,
  // One that stands tells whether the server is there, on pages without subscriptions too.
  lazy: false,
  keepAlive: KEEP_ALIVE_MILLISECONDS,
  retryAttempts: Number.POSITIVE_INFINITY,
  shouldRetry: () => true,
  retryWait: async (retries) => {
    const longest = Math.min(FIRST_WAIT_MILLISECONDS * 2 ** retries, LONGEST_WAIT_MILLISECONDS);
    // At different moments, so that a server that restarts is not met by everybody at once.
    await Promise.race([wait(longest * (0.5 + Math.random() / 2)), online()]);
  },
  onNonLazyError: lost,
  on: {
    connected,
    closed: () => {
      clearTimeout(overdue);
      lost();
    },
    ping: (received) => {
      if (!received) {
        overdue = setTimeout(() => socket.terminate(), PONG_MILLISECONDS);
      }
    },
    pong: (received) => {
      if (received) {
        clearTimeout(overdue);
      }
    },
  },
});

addEventListener("offline", () => socket.terminate());

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function online(): Promise<void> {
  return new Promise((resolve) => addEventListener("online", () => resolve(), { once: true }));
}

export const client = new Client({
  url: url.href,
  exchanges: [
    cacheExchange,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({
          unsubscribe: socket.subscribe({ query: query ?? "", variables: variables as Record<string, unknown> }, sink),
        }),
      }),
    }),
  ],
  // What was seen is shown at once, and asked for again: others change it too.
  requestPolicy: "cache-and-network",
  preferGetMethod: false,
});
