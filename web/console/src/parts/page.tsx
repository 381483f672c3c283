/** The frame of each page: its heading, which takes the focus when one goes there, and the GraphQL behind it. */
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";

import { isSecret } from "../text";
import { Behind, type Operation } from "./behind";

interface PageProps {
  title: string;
  /** What stands in the heading, where that is more than the title. */
  heading?: ReactNode;
  /** Where the page is below another one. */
  above?: ReactNode;
  intro?: ReactNode;
  actions?: ReactNode;
  behind?: Operation[];
  children: ReactNode;
}

/** Adds what a part of the page asks for, and returns what takes it away again. */
type Add = (operation: Operation) => () => void;

const Parts = createContext<Add>(() => () => undefined);

/** Show the operation of a part behind its page, once there is one; secrets that were typed stay where they are. */
export function useBehind(query: Operation["query"] | undefined, variables: Operation["variables"]) {
  const add = useContext(Parts);
  const key = JSON.stringify(variables, (name, value: unknown) => (isSecret(name) && value ? "…" : value));
  useEffect(() => (query ? add({ query, variables: JSON.parse(key) }) : undefined), [add, query, key]);
}

let isFirst = true;

export function Page({ title, heading, above, intro, actions, behind = [], children }: PageProps) {
  const head = useRef<HTMLHeadingElement>(null);
  const [ofParts, setOfParts] = useState<Operation[]>([]);
  const add = useMemo<Add>(
    () => (operation) => {
      setOfParts((before) => [...before, operation]);
      return () => setOfParts((before) => before.filter((each) => each !== operation));
    },
    [],
  );
  useEffect(() => {
    document.title = `${title} · headbox`;
  }, [title]);
  useEffect(() => {
    // On the first page the browser has the focus where it belongs.
    if (!isFirst) {
      head.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    isFirst = false;
  }, []);
  return (
    <>
      <header className="page-head">
        <div>
          {above && <p className="above">{above}</p>}
          <h1 ref={head} tabIndex={-1}>
            {heading ?? title}
          </h1>
          {intro && <p className="intro">{intro}</p>}
        </div>
        {actions && <div className="actions">{actions}</div>}
      </header>
      <Parts value={add}>{children}</Parts>
      {behind.length + ofParts.length > 0 && <Behind operations={[...behind, ...ofParts]} />}
    </>
  );
}

/** A part of a page, with a heading. */
export function Section({ title, aside, children }: { title: ReactNode; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className="card">
      <header className="card-head">
        <h2>{title}</h2>
        {aside && <div className="card-aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** What stands where there is nothing yet: what would be here, and what to do next. */
export function Empty({ children }: { children: ReactNode }) {
  return <div className="empty">{children}</div>;
}

export function Loading() {
  return (
    <p className="loading" role="status">
      Loading …
    </p>
  );
}
