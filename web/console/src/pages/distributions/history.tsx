/** What clients got at a base path: from now backwards, or at any moment. */
import { useState } from "react";
import { type CombinedError, useClient } from "urql";

import { graphql } from "../../../typed";
import type { ServedAtQuery } from "../../../typed/graphql";
import { Failure } from "../../parts/errors";
import { Name } from "../../parts/name";
import { Empty, Section } from "../../parts/page";
import { Moment } from "../../parts/time";
import { NodeLink } from "../../parts/value";
import { count } from "../../text";

export const SERVED_AT = graphql(`
  query ServedAt($basePath: String!, $at: DateTime!) {
    distributionAsOf(basePath: $basePath, at: $at) {
      since
      until
      distributionName
      repositoryName
      versionNumber
      repositoryVersion {
        __typename
        id
        number
        repository {
          id
          name
        }
      }
    }
  }
`);

type Period = NonNullable<ServedAtQuery["distributionAsOf"]>;

interface Asked {
  periods: Period[];
  /** The moment at which nothing was served. */
  none?: string;
  error?: CombinedError;
}

export function History({ basePath }: { basePath: string }) {
  const client = useClient();
  const [{ periods, none, error }, setAsked] = useState<Asked>({ periods: [] });
  const [at, setAt] = useState("");
  const [isAsking, setAsking] = useState(false);
  const ask = async (moment: Date, before: Period[]) => {
    setAsking(true);
    const iso = moment.toISOString();
    const { data, error: failure } = await client.query(SERVED_AT, { basePath, at: iso }, { requestPolicy: "network-only" });
    const period = data?.distributionAsOf;
    setAsked({ periods: period ? [...before, period] : before, none: data && !period ? iso : undefined, error: failure });
    setAsking(false);
  };
  const last = periods.at(-1);
  return (
    <Section title="What was served">
      <form
        className="moment"
        onSubmit={(event) => {
          event.preventDefault();
          void ask(at ? new Date(at) : new Date(), []);
        }}
      >
        <div className="field">
          <label htmlFor="served-at">At</label>
          <input id="served-at" type="datetime-local" step="1" value={at} onChange={({ target }) => setAt(target.value)} aria-describedby="served-at-hint" />
        </div>
        <button type="submit" className="button" disabled={isAsking}>
          Show
        </button>
        <p id="served-at-hint" className="hint">
          In this browser's time; now when it is empty.
        </p>
      </form>
      {periods.length > 0 && (
        <ol className="rows" aria-label="Periods, the latest first">
          {periods.map((period) => (
            <li key={period.since} className="row">
              <div className="row-main">
                <PeriodVersion period={period} />
                <span className="quiet">as <Name text={period.distributionName} /></span>
              </div>
              <p className="quiet">
                From <Moment at={period.since} /> {period.until ? <>until <Moment at={period.until} /></> : "on"}
              </p>
            </li>
          ))}
        </ol>
      )}
      {none && (
        <Empty>
          Nothing was served there at <Moment at={none} />.
        </Empty>
      )}
      {error && <Failure error={error} />}
      {last && !none && (
        <div className="actions">
          <button type="button" className="button" disabled={isAsking} onClick={() => void ask(new Date(Date.parse(last.since) - 1), periods)}>
            What was there before
          </button>
        </div>
      )}
    </Section>
  );
}

function PeriodVersion({ period }: { period: Period }) {
  return period.repositoryVersion ? (
    <span>
      <NodeLink node={period.repositoryVersion} />
    </span>
  ) : (
    <span>
      <Name text={period.repositoryName} /> version {count(period.versionNumber)} <span className="quiet">deleted since</span>
    </span>
  );
}
