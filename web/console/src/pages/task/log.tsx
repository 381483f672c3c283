/** What a task says, as it says it. */
import { useEffect, useRef, useState } from "react";

import { useTaskLog } from "../../live/task";
import { Prose } from "../../parts/name";
import { Empty, Section } from "../../parts/page";
import { count } from "../../text";

export function Log({ id }: { id: string }) {
  const { lines, dropped } = useTaskLog(id);
  const box = useRef<HTMLOListElement>(null);
  const [follows, setFollows] = useState(true);
  useEffect(() => {
    if (follows && box.current) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [lines, follows]);
  return (
    <Section title="Log" aside={lines.length > 0 ? `${count(lines.length)} lines` : undefined}>
      {lines.length === 0 ? (
        <Empty>It has said nothing.</Empty>
      ) : (
        <>
          {dropped > 0 && <p className="quiet">{count(dropped)} older lines are gone.</p>}
          <ol
            ref={box}
            className="log"
            role="log"
            aria-label="Log of the task"
            tabIndex={0}
            onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
              setFollows(scrollTop + clientHeight >= scrollHeight - 4);
            }}
          >
            {lines.map((line) => (
              <li key={line.number} className={`log-${line.level}`}>
                <time dateTime={line.loggedAt}>{new Date(line.loggedAt).toLocaleTimeString()}</time>
                <span className="log-level">{line.level}</span>
                {line.attempt > 1 && <span className="quiet">attempt {line.attempt}</span>}
                <Prose text={line.message} />
                <Extra extra={line.extra} />
              </li>
            ))}
          </ol>
        </>
      )}
    </Section>
  );
}

function Extra({ extra }: { extra: unknown }) {
  const entries = Object.entries((extra ?? {}) as Record<string, unknown>);
  return entries.length === 0 ? null : (
    <span className="quiet">
      <Prose text={entries.map(([name, value]) => `${name}=${String(value)}`).join(" ")} />
    </span>
  );
}
