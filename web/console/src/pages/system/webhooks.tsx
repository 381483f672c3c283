/** Who else is told of what happens. */
import { Link } from "wouter";

import { graphql } from "../../../typed";
import type { WebhookSummaryFragment } from "../../../typed/graphql";
import { useFresh } from "../../live/query";
import { Failure } from "../../parts/errors";
import { Name } from "../../parts/name";
import { Empty, Loading, Section } from "../../parts/page";
import { More, Pages, type Part } from "../../parts/pages";
import { count, counted } from "../../text";

export const WEBHOOK_SUMMARY = graphql(`
  fragment WebhookSummary on Webhook {
    id
    name
    url
    state
    isGlobal
    failures
    events
    repository {
      id
      name
    }
  }
`);

export const WEBHOOKS = graphql(`
  query Webhooks($after: String) {
    webhooks(first: 50, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          ...WebhookSummary
        }
      }
    }
  }
`);

const EVERY_SECONDS = 10;

export function Webhooks() {
  return <Pages id="webhooks">{(part) => <WebhookList part={part} />}</Pages>;
}

function WebhookList({ part }: { part: Part }) {
  const { data, error, again } = useFresh(WEBHOOKS, { variables: { after: part.after }, everySeconds: EVERY_SECONDS });
  if (!data) {
    return error ? <Failure error={error} retry={again} /> : <Loading />;
  }
  const { edges, pageInfo, totalCount } = data.webhooks;
  return (
    <Section title={part.after ? "And on" : "Webhooks"} aside={!part.after && totalCount != null && `${count(totalCount)} in all`}>
      {edges.length === 0 ? (
        <Empty>Nobody is told yet. A webhook is an address that gets a signed message when something happens.</Empty>
      ) : (
        <div className="scroll" tabIndex={0} role="region" aria-label="Webhooks">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Address</th>
                <th scope="col">Told about</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {edges.map(({ node }) => (
                <tr key={node.id}>
                  <td>
                    <Link href={`/system/webhooks/${node.id}`}>
                      <Name text={node.name} />
                    </Link>
                  </td>
                  <td>
                    <Name text={node.url} mono />
                  </td>
                  <td>
                    <About webhook={node} />
                  </td>
                  <td>
                    <WebhookStateShown webhook={node} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <More part={part} pageInfo={pageInfo} />
    </Section>
  );
}

export function About({ webhook: { isGlobal, repository } }: { webhook: WebhookSummaryFragment }) {
  if (isGlobal) {
    return <>Everything</>;
  }
  return repository ? <Name text={repository.name} /> : <span className="quiet">a repository that is gone</span>;
}

const STATES = {
  ACTIVE: ["state-completed", "Active"],
  PAUSED: ["state-canceled", "Paused"],
  DISABLED: ["state-failed", "Disabled"],
} as const;

export function WebhookStateShown({ webhook: { state, failures } }: { webhook: WebhookSummaryFragment }) {
  const [classes, word] = STATES[state];
  return (
    <>
      <span className={`state ${classes}`}>{word}</span>
      {failures > 0 && <span className="quiet"> {counted(failures, "failure")} in a row</span>}
    </>
  );
}
