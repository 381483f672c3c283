/** When a schedule would be due, told as one types. */
import { useEffect, useState } from "react";
import { useQuery } from "urql";

import { graphql } from "../../../typed";
import { useBehind } from "../../parts/page";
import { Moment } from "../../parts/time";
import { visible } from "../../parts/name";

const PLAN_SCHEDULE = graphql(`
  query PlanSchedule($input: PlanScheduleInput!) {
    planSchedule(input: $input) {
      runs
      errors {
        ...UserError
      }
    }
  }
`);

/** How long nobody types before the server is asked. */
const PAUSE_MILLISECONDS = 250;

export function Upcoming({ cron, timeZone }: { cron: string; timeZone: string }) {
  const typed = useSettled(JSON.stringify({ cron: cron.trim(), ...(timeZone.trim() && { timeZone: timeZone.trim() }) }));
  const input = JSON.parse(typed) as { cron: string; timeZone?: string };
  const [{ data }] = useQuery({ query: PLAN_SCHEDULE, variables: { input }, pause: input.cron === "" });
  useBehind(PLAN_SCHEDULE, { input });
  const { runs, errors } = (input.cron !== "" && data?.planSchedule) || { runs: [], errors: [] };
  return (
    <div aria-live="polite">
      {errors.map(({ message }) => (
        <p key={message} className="hint bad">
          {visible(message)}
        </p>
      ))}
      {runs.length > 0 && (
        <>
          <p className="hint">Due next, in this browser's time:</p>
          <ul className="rows quiet">
            {runs.map((run) => (
              <li key={run}>
                <Moment at={run} />
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

/** Return a text as it is once it rests. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), PAUSE_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
