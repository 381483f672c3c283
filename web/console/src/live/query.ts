/** A query whose answer is kept fresh: asked again from time to time, and when the connection is back. */
import { useEffect, useRef } from "react";
import { type AnyVariables, type CombinedError, type TypedDocumentNode, useQuery } from "urql";

import { useConnection } from "../connection";

export interface Fresh<Data> {
  data: Data | undefined;
  /** Set only while there is nothing to show, or what is shown could not be brought up to date. */
  error: CombinedError | undefined;
  again: () => void;
}

interface Options<Variables> {
  variables: Variables;
  /** How often it is asked again; never by itself when left out. */
  everySeconds?: number;
  pause?: boolean;
}

export function useFresh<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  { variables, everySeconds, pause = false }: Options<Variables>,
): Fresh<Data> {
  const [{ data, error }, execute] = useQuery<Data, Variables>({ query, variables, pause } as Parameters<
    typeof useQuery<Data, Variables>
  >[0]);
  const { epoch } = useConnection();
  const first = useRef(epoch);
  const again = () => execute({ requestPolicy: "network-only" });
  const latest = useRef(again);
  latest.current = again;
  useEffect(() => {
    if (!pause && epoch > 1 && epoch !== first.current) {
      first.current = epoch;
      latest.current();
    }
  }, [epoch, pause]);
  useEffect(() => {
    if (!everySeconds || pause) {
      return;
    }
    const timer = setInterval(() => {
      if (!document.hidden) {
        latest.current();
      }
    }, everySeconds * 1000);
    return () => clearInterval(timer);
  }, [everySeconds, pause]);
  return { data, error, again };
}
