/** How the server is doing, and what keeps it so. */
import type { ReactNode } from "react";
import { Link } from "wouter";

import type { Operation } from "../../parts/behind";
import { Page } from "../../parts/page";
import { NotFound } from "../not-found";
import { Overview, OVERVIEW } from "./overview";
import { NewSchedule, SchedulePage } from "./schedule";
import { Schedules, SCHEDULES } from "./schedules";
import { Upkeep } from "./upkeep";
import { NewWebhook, WebhookPage } from "./webhook";
import { Webhooks, WEBHOOKS } from "./webhooks";

interface Part {
  label: string;
  part: () => ReactNode;
  behind: Operation[];
  create?: () => ReactNode;
  one?: (props: { id: string }) => ReactNode;
}

const PARTS: Record<string, Part> = {
  overview: { label: "Overview", part: Overview, behind: [{ query: OVERVIEW }] },
  storage: { label: "Storage", part: Upkeep, behind: [] },
  schedules: { label: "Schedules", part: Schedules, behind: [{ query: SCHEDULES }], create: NewSchedule, one: SchedulePage },
  webhooks: { label: "Webhooks", part: Webhooks, behind: [{ query: WEBHOOKS }], create: NewWebhook, one: WebhookPage },
};

export default function SystemPage({ part: name = "overview", id }: { part?: string; id?: string }) {
  const part = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
  const One = part?.one;
  const Create = part?.create;
  if (!part || (id && !One)) {
    return <NotFound />;
  }
  if (id === "new" && Create) {
    return <Create />;
  }
  return id && One ? <One key={id} id={id} /> : <PartPage name={name} part={part} />;
}

function PartPage({ name, part: { label, part: Content, behind, create } }: { name: string; part: Part }) {
  return (
    <Page
      title={name === "overview" ? "System" : label}
      heading="System"
      behind={behind}
      actions={
        create && (
          <Link href={`/system/${name}/new`} className="button button-main">
            New {label.toLowerCase().replace(/s$/, "")}
          </Link>
        )
      }
    >
      <nav className="tabs" aria-label="Parts of the system">
        {Object.entries(PARTS).map(([each, { label: text }]) => (
          <Link key={each} href={`/system/${each}`} aria-current={name === each ? "page" : undefined}>
            {text}
          </Link>
        ))}
      </nav>
      <Content />
    </Page>
  );
}
