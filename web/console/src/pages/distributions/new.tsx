/** A new place where something is served. */
import { Link, useLocation } from "wouter";

import { Loading, Page } from "../../parts/page";
import { useApi } from "../../schema/api";
import { CREATE, DistributionForm } from "./form";

export default function NewDistribution() {
  const api = useApi();
  const [, navigate] = useLocation();
  return (
    <Page
      title="New distribution"
      above={<Link href="/distributions">Distributions</Link>}
      intro="A base path, and what clients get there. No base path lies above or below another one."
      behind={[{ query: CREATE }]}
    >
      {api ? (
        <section className="card">
          <DistributionForm api={api} onSaved={(id) => navigate(`/distributions/${id}`)} />
        </section>
      ) : (
        <Loading />
      )}
    </Page>
  );
}
