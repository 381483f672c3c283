/** How the server is doing, and what keeps it so. */
import { Link } from "wouter";

import { Page } from "../../parts/page";
import { NotFound } from "../not-found";
import { Overview, OVERVIEW } from "./overview";
import { Schedules, SCHEDULES } from "./schedules";
import { Webhooks, WEBHOOKS } from "./webhooks";

const PARTS = {
  overview: { label: "Overview", part: Overview, behind: [{ query: OVERVIEW }] },
  schedules: { label: "Schedules", part: Schedules, behind: [{ query: SCHEDULES }] },
  webhooks: { label: "Webhooks", part: Webhooks, behind: [{ query: WEBHOOKS }] },
};

export default function SystemPage({ part = "overview" }: { part?: string }) {
  if (!Object.hasOwn(PARTS, part)) {
    return <NotFound />;
  }
  const { part: Part, behind, label } = PARTS[part as keyof typeof PARTS];
  return (
    <Page title={part === "overview" ? "System" : label} heading="System" behind={behind}>
      <nav className="tabs" aria-label="Parts of the system">
        {Object.entries(PARTS).map(([name, { label: text }]) => (
          <Link key={name} href={`/system/${name}`} aria-current={part === name ? "page" : undefined}>
            {text}
          </Link>
        ))}
      </nav>
      <Part />
    </Page>
  );
}
