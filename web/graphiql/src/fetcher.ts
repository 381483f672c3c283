/** How the page talks to the API: queries and mutations over HTTP, subscriptions over WebSocket, at the page's own URL. */
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { createClient } from "graphql-ws";

const KEEP_ALIVE_MILLISECONDS = 10_000;

/** Return a fetcher for the API at the address that this page came from, http with ws and https with wss. */
export function createFetcher() {
  const url = new URL(location.pathname, location.href);
  const socketUrl = new URL(url);
  socketUrl.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return createGraphiQLFetcher({
    url: url.href,
    // The API has no @defer and @stream, so plain JSON is all that need be accepted.
    enableIncrementalDelivery: false,
    wsClient: createClient({
      url: socketUrl.href,
      keepAlive: KEEP_ALIVE_MILLISECONDS,
      // A server that restarts is soon back; a subscription begins with the current state, so nothing is missed.
      retryAttempts: Number.POSITIVE_INFINITY,
    }),
  });
}
