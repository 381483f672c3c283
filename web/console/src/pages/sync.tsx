/** A sync before it is done: what it would change and fetch, and the way to do just that. */
import { useState } from "react";
import { useMutation, useQuery } from "urql";
import { useLocation } from "wouter";

import type { UserErrorFragment } from "../../typed/graphql";
import { FormProvider, InputFields } from "../form/fields";
import { useValues } from "../form/use-values";
import { refused } from "../form/values";
import { Failure, UserErrors } from "../parts/errors";
import { Name, Prose } from "../parts/name";
import { Empty, Section, useBehind } from "../parts/page";
import type { Api } from "../schema/api";
import type { RepositoryKind } from "../schema/kinds";
import { bytes, count, counted } from "../text";

const PLAN = `
    id unchanged expiresAt
    adds { count bytes unknownSizes }
    removes { count bytes unknownSizes }
    downloads { count bytes unknownSizes }
    onDemand { count bytes unknownSizes }
    issueCount
    issues { code message relativePath }
    added(first: 20) { totalCount edges { node { kind artifacts { relativePath size } } } }
    removed(first: 20) { totalCount edges { node { kind artifacts { relativePath size } } } }
    errors { code message path hint }`;

interface Amount {
  count: number;
  bytes: number;
  unknownSizes: number;
}

interface Units {
  totalCount: number | null;
  edges: { node: { kind: string; artifacts: { relativePath: string; size: number | null }[] } }[];
}

interface Plan {
  id: string | null;
  unchanged: boolean;
  adds: Amount;
  removes: Amount;
  downloads: Amount;
  onDemand: Amount;
  issueCount: number;
  issues: { code: string; message: string; relativePath: string | null }[];
  added: Units;
  removed: Units;
  errors: UserErrorFragment[];
}

interface Started {
  payload: { task: { id: string } | null; errors: UserErrorFragment[] };
}

/** Fields that the page gives itself. */
const GIVEN = ["repository", "plan", "idempotencyKey", "labels"];

export function Sync({ api, kind, repository, hasRemote }: { api: Api; kind: RepositoryKind; repository: string; hasRemote: boolean }) {
  if (!kind.sync) {
    return <Empty>Content comes into repositories of this kind by upload alone.</Empty>;
  }
  if (!hasRemote) {
    return <Empty>It has no remote to sync from. The settings take one.</Empty>;
  }
  return <SyncForm api={api} sync={kind.sync} repository={repository} />;
}

function SyncForm({ api, sync, repository }: { api: Api; sync: NonNullable<RepositoryKind["sync"]>; repository: string }) {
  const form = useValues(api, sync.input, { repository });
  const { input, shown: problems } = form;
  const [planned, setPlanned] = useState<typeof input>(input);
  const query = `query PlanSync($input: ${sync.input}!) {\n  plan: ${sync.plan}(input: $input) {${PLAN}\n  }\n}`;
  useBehind(query, { input });
  const [{ data, error, fetching }, again] = useQuery<{ plan: Plan }>({
    query,
    variables: { input: planned },
    pause: !sync.plan,
    requestPolicy: "network-only",
  });
  const [started, start] = useMutation<Started>(
    `mutation Sync($input: ${sync.input}!) {
  payload: ${sync.mutation}(input: $input) { task { id } errors { code message path hint } }
}`,
  );
  const [, navigate] = useLocation();
  const isWrong = Object.keys(problems).length > 0;
  const plan = data?.plan;
  // A plan is for the fields that it was made with.
  const isCurrent = JSON.stringify(planned) === JSON.stringify(input);
  const onPlan = () => {
    setPlanned(input);
    if (isCurrent) {
      again();
    }
  };
  const onStart = async (id: string | null) => {
    const { data: answer } = await start({ input: { ...input, ...(id ? { plan: id } : {}) } });
    if (answer?.payload.task) {
      navigate(`/tasks/${answer.payload.task.id}`);
    } else if (answer) {
      form.refuse(refused(answer.payload.errors).problems);
    }
  };
  return (
    <>
      <FormProvider value={{ api, values: form.values, problems, set: form.set, touch: form.touch }}>
        <Section title="What it does" aside="What is left as it is comes from the repository.">
          <form className="form" onSubmit={(event) => event.preventDefault()} noValidate>
            <InputFields type={sync.input} without={GIVEN} first={["mode", "onError"]} />
            <div className="actions">
              {sync.plan && (
                <button type="button" className="button" disabled={fetching || isWrong} onClick={onPlan}>
                  {fetching ? "Planning …" : "Plan again"}
                </button>
              )}
              <button type="button" className="button" disabled={started.fetching || isWrong} onClick={() => void onStart(null)}>
                Sync without a plan
              </button>
            </div>
          </form>
        </Section>
      </FormProvider>
      {started.error && <Failure error={started.error} />}
      <UserErrors errors={started.data?.payload.errors ?? []} />
      {error && <Failure error={error} retry={onPlan} />}
      {fetching && !plan && <p className="loading" role="status">Reading what the remote has …</p>}
      {plan && plan.errors.length > 0 && <UserErrors errors={plan.errors} />}
      {plan && plan.errors.length === 0 && (
        <PlanShown plan={plan} isCurrent={isCurrent && !fetching} isStarting={started.fetching} onStart={() => void onStart(plan.id)} />
      )}
    </>
  );
}

interface PlanShownProps {
  plan: Plan;
  isCurrent: boolean;
  isStarting: boolean;
  onStart: () => void;
}

function PlanShown({ plan, isCurrent, isStarting, onStart }: PlanShownProps) {
  return (
    <Section title="The plan" aside={isCurrent ? undefined : "The fields above were changed since: plan again."}>
      {plan.unchanged && <p>Nothing would change: the repository holds what the remote has.</p>}
      <dl className="figures">
        <AmountShown name="Adds" amount={plan.adds} noun="unit" />
        <AmountShown name="Removes" amount={plan.removes} noun="unit" />
        <AmountShown name="Downloads now" amount={plan.downloads} noun="file" />
        <AmountShown name="Left to fetch on demand" amount={plan.onDemand} noun="file" />
      </dl>
      {plan.issueCount > 0 && (
        <div className="notice notice-warn">
          <strong>{counted(plan.issueCount, "unit")} cannot be had as declared.</strong>
          <ul>
            {plan.issues.map((issue, index) => (
              <li key={index}>
                <Name text={issue.relativePath ?? "–"} mono /> <Prose text={issue.message} />
              </li>
            ))}
          </ul>
        </div>
      )}
      <UnitsShown title="Would come in" units={plan.added} />
      <UnitsShown title="Would go" units={plan.removed} />
      <div className="actions form-end">
        <button type="button" className="button button-main" disabled={!isCurrent || isStarting} onClick={onStart}>
          Sync just that
        </button>
      </div>
    </Section>
  );
}

function AmountShown({ name, amount, noun }: { name: string; amount: Amount; noun: string }) {
  return (
    <div className="figure">
      <dt>{name}</dt>
      <dd>
        <span className="figure-value">{count(amount.count)}</span>
        <span className="figure-note">
          {amount.count === 1 ? noun : `${noun}s`}, {bytes(amount.bytes)}
          {amount.unknownSizes > 0 && ` and ${counted(amount.unknownSizes, "file")} of unknown size`}
        </span>
      </dd>
    </div>
  );
}

function UnitsShown({ title, units }: { title: string; units: Units }) {
  if (units.edges.length === 0) {
    return null;
  }
  return (
    <details className="more">
      <summary>
        {title}
        {units.totalCount !== null && `: ${count(units.totalCount)}`}
      </summary>
      <ul className="rows">
        {units.edges.map(({ node }, index) => (
          <li key={index} className="row row-main">
            <Name text={node.artifacts.map(({ relativePath }) => relativePath).join(", ") || node.kind} mono />
            <span className="quiet">{node.artifacts[0]?.size != null && bytes(node.artifacts[0].size)}</span>
          </li>
        ))}
      </ul>
      {units.totalCount !== null && units.totalCount > units.edges.length && (
        <p className="quiet">and {count(units.totalCount - units.edges.length)} more</p>
      )}
    </details>
  );
}
