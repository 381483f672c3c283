/** The frame of each page: its heading, which takes the focus when one goes there, and the GraphQL behind it. */
import { type ReactNode, useEffect, useRef } from "react";

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

let isFirst = true;

export function Page({ title, heading, above, intro, actions, behind = [], children }: PageProps) {
  const head = useRef<HTMLHeadingElement>(null);
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
      {children}
      {behind.length > 0 && <Behind operations={behind} />}
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
