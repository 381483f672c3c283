/** What a webhook was told: each message with its tries, and the way to send it once more. */
import { useState } from "react";
import { useMutation } from "urql";

import { graphql } from "../../../typed";
import type { DeliveriesQuery, WebhookDeliveryState } from "../../../typed/graphql";
import { useFresh } from "../../live/query";
import { Failure, UserErrors } from "../../parts/errors";
import { Prose } from "../../parts/name";
import { Empty, Loading, Section } from "../../parts/page";
import { More, Pages, type Part } from "../../parts/pages";
import { Ago, Due, Moment } from "../../parts/time";
import { counted, duration, words } from "../../text";

const DELIVERIES = graphql(`
  query Deliveries($webhook: ID!, $after: String, $state: [WebhookDeliveryState!]) {
    webhookDeliveries(first: 20, after: $after, filter: { webhook: $webhook, state: $state }) {
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          id
          event
          state
          createdAt
          nextAttemptAt
          attemptCount
          attempts {
            at
            status
            milliseconds
            error
            answer
          }
        }
      }
    }
  }
`);

const REDELIVER = graphql(`
  mutation Redeliver($id: ID!) {
    redeliverWebhookDelivery(id: $id) {
      errors {
        ...UserError
      }
    }
  }
`);

const EVERY_SECONDS = 3;
const STATES: Record<WebhookDeliveryState, [classes: string, word: string]> = {
  DELIVERED: ["state-completed", "✓ Delivered"],
  FAILED: ["state-failed", "✕ Given up"],
  WAITING: ["state-running", "○ Waiting"],
};

type Delivery = DeliveriesQuery["webhookDeliveries"]["edges"][number]["node"];

export function Deliveries({ webhook }: { webhook: string }) {
  const [state, setState] = useState("");
  return (
    <Section
      title="Deliveries"
      aside={
        <label>
          Show{" "}
          <select value={state} onChange={({ target }) => setState(target.value)}>
            <option value="">all</option>
            {Object.entries(STATES).map(([name, [, word]]) => (
              <option key={name} value={name}>
                {word.slice(2).toLowerCase()}
              </option>
            ))}
          </select>
        </label>
      }
    >
      <Pages id={state}>{(part) => <DeliveryList webhook={webhook} state={state as WebhookDeliveryState | ""} part={part} />}</Pages>
    </Section>
  );
}

function DeliveryList({ webhook, state, part }: { webhook: string; state: WebhookDeliveryState | ""; part: Part }) {
  const variables = { webhook, after: part.after, state: state ? [state] : null };
  const { data, error, again } = useFresh(DELIVERIES, { variables, everySeconds: EVERY_SECONDS });
  if (!data) {
    return error ? <Failure error={error} retry={again} /> : <Loading />;
  }
  const { edges, pageInfo } = data.webhookDeliveries;
  if (edges.length === 0) {
    return <Empty>{state ? "None is in this state." : "It was told nothing yet. A test sends a message at once."}</Empty>;
  }
  return (
    <>
      <ul className="rows">
        {edges.map(({ node }) => (
          <DeliveryRow key={node.id} delivery={node} onDone={again} />
        ))}
      </ul>
      <More part={part} pageInfo={pageInfo} />
    </>
  );
}

function DeliveryRow({ delivery, onDone }: { delivery: Delivery; onDone: () => void }) {
  const [redelivered, redeliver] = useMutation(REDELIVER);
  const { id, event, state, createdAt, nextAttemptAt, attemptCount, attempts } = delivery;
  const [classes, word] = STATES[state];
  const last = attempts.at(-1);
  const onRedeliver = async () => {
    await redeliver({ id });
    onDone();
  };
  return (
    <li className="row fields">
      <div className="row-main">
        <span>
          <strong>{words(event)}</strong>{" "}
          <span className="quiet">
            <Ago at={createdAt} />
          </span>
        </span>
        <span className={`state ${classes}`}>{word}</span>
      </div>
      <div className="row-main">
        <details className="more">
          <summary>
            {counted(attemptCount, "try", "tries")}
            {last && `, ${last.status === null ? "no answer" : `answered ${last.status}`}`}
          </summary>
          <dl className="facts">
            <dt>Id</dt>
            <dd>
              <code>{id}</code>
            </dd>
            {attempts.map((attempt) => (
              <Attempt key={attempt.at} attempt={attempt} />
            ))}
          </dl>
        </details>
        <span className="actions">
          {nextAttemptAt && (
            <span className="quiet">
              next try <Due at={nextAttemptAt} />
            </span>
          )}
          {state !== "WAITING" && (
            <button type="button" className="button button-small" disabled={redelivered.fetching} onClick={() => void onRedeliver()}>
              Send again
            </button>
          )}
        </span>
      </div>
      <UserErrors errors={redelivered.data?.redeliverWebhookDelivery.errors ?? []} />
      {redelivered.error && <Failure error={redelivered.error} />}
    </li>
  );
}

function Attempt({ attempt: { at, status, milliseconds, error, answer } }: { attempt: Delivery["attempts"][number] }) {
  return (
    <>
      <dt>
        <Moment at={at} />
      </dt>
      <dd>
        {status ?? "No answer"} after {duration(milliseconds / 1000)}
        {error && (
          <p className="bad">
            <Prose text={error} />
          </p>
        )}
        {answer && (
          <pre tabIndex={0} aria-label="Answer">
            <Prose text={answer} />
          </pre>
        )}
      </dd>
    </>
  );
}
