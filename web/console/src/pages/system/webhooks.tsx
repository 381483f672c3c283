/** Who else is told of what happens. */
import { Link } from "wouter";

import { graphql } from "../../../typed";
import type { WebhookSummaryFragment } from "../../../typed/graphql";
import { useFresh } from "../../live/query";
import { Name } from "../../parts/name";
import { Pages, type Part } from "../../parts/pages";
import { type Column, Table } from "../../parts/table";
import { counted } from "../../text";

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

const COLUMNS: Column<WebhookSummaryFragment>[] = [
  {
    title: "Name",
    cell: ({ id, name }) => (
      <Link href={`/system/webhooks/${id}`}>
        <Name text={name} />
      </Link>
    ),
  },
  { title: "Address", cell: ({ url }) => <Name text={url} mono /> },
  { title: "Told about", cell: (node) => <About webhook={node} /> },
  { title: "State", cell: (node) => <WebhookStateShown webhook={node} /> },
];

function WebhookList({ part }: { part: Part }) {
  const { data, ...fresh } = useFresh(WEBHOOKS, { variables: { after: part.after }, everySeconds: EVERY_SECONDS });
  return (
    <Table
      label="Webhooks"
      part={part}
      columns={COLUMNS}
      page={data?.webhooks}
      {...fresh}
      empty="Nobody is told yet. A webhook is an address that gets a signed message when something happens."
    />
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
