/** What a list is searched by: it stands in the address, so that who comes back finds what they had found. */
import { useEffect, useState } from "react";
import { useSearchParams } from "wouter";

/** How long nobody types before the list is asked for. */
const PAUSE_MILLISECONDS = 250;

interface Typed {
  /** What is in the field. */
  typed: string;
  setTyped: (text: string) => void;
  /** What the address has: the same, once nobody types. */
  settled: string;
}

/** Return a text that is typed, under a name among the parameters of the address. */
export function useTyped(name: string): Typed {
  const [parameters, setParameters] = useSearchParams();
  const settled = parameters.get(name) ?? "";
  const [typed, setTyped] = useState(settled);
  useEffect(() => {
    if (typed === settled) {
      return;
    }
    const timer = setTimeout(() => {
      setParameters(
        (before) => {
          const after = new URLSearchParams(before);
          if (typed) {
            after.set(name, typed);
          } else {
            after.delete(name);
          }
          return after;
        },
        { replace: true },
      );
    }, PAUSE_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [typed]);
  // Another address has been gone to.
  useEffect(() => setTyped(settled), [settled]);
  return { typed, setTyped, settled };
}

/** The field above a list. */
export function Search({ label, search: { typed, setTyped } }: { label: string; search: Typed }) {
  return (
    <div className="field search">
      <input type="search" aria-label={label} placeholder={`${label} …`} value={typed} onChange={({ target }) => setTyped(target.value)} />
    </div>
  );
}
