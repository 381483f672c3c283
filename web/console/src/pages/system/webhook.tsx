/** One webhook, or a new one: where messages go, about what, and what became of them. */
import { useMemo, useState } from "react";
import { type CombinedError, useClient, useMutation } from "urql";
import { Link } from "wouter";

import { graphql } from "../../../typed";
import type { CreateWebhookInput, UpdateWebhookInput, UserErrorFragment, WebhookQuery } from "../../../typed/graphql";
import { FieldOf, FormProvider, Group, InputFields } from "../../form/fields";
import { Held } from "../../form/held";
import { changes, SaveForm, valuesOf } from "../../form/save-form";
import { useValues } from "../../form/use-values";
import { at } from "../../form/values";
import { useFresh } from "../../live/query";
import { Confirm } from "../../parts/confirm";
import { Copy } from "../../parts/copy";
import { Delete } from "../../parts/delete";
import { Failure, UserErrors } from "../../parts/errors";
import { Name, Prose } from "../../parts/name";
import { Loading, Page, Section } from "../../parts/page";
import { Ago } from "../../parts/time";
import { type Api, useApi } from "../../schema/api";
import { NotFound } from "../not-found";
import { Deliveries } from "./deliveries";
import { About, WebhookStateShown } from "./webhooks";

const WEBHOOK = graphql(`
  query Webhook($id: ID!) {
    node(id: $id) {
      __typename
      ... on Webhook {
        ...WebhookSummary
        revision
        labels
        taskFilter
        disabledReason
        failingSince
        previousSecretUntil
      }
    }
  }
`);

const CREATE = graphql(`
  mutation CreateWebhook($input: CreateWebhookInput!) {
    createWebhook(input: $input) {
      webhook {
        id
      }
      secret
      errors {
        ...UserError
      }
    }
  }
`);

const UPDATE = graphql(`
  mutation UpdateWebhook($input: UpdateWebhookInput!) {
    updateWebhook(input: $input) {
      errors {
        ...UserError
      }
    }
  }
`);

const PAUSE = graphql(`
  mutation PauseWebhook($id: ID!) {
    payload: pauseWebhook(id: $id) {
      errors {
        ...UserError
      }
    }
  }
`);

const RESUME = graphql(`
  mutation ResumeWebhook($id: ID!) {
    payload: resumeWebhook(id: $id) {
      errors {
        ...UserError
      }
    }
  }
`);

const TEST = graphql(`
  mutation TestWebhook($id: ID!) {
    payload: testWebhook(id: $id) {
      errors {
        ...UserError
      }
    }
  }
`);

const ROTATE = graphql(`
  mutation RotateWebhookSecret($id: ID!) {
    payload: rotateWebhookSecret(id: $id) {
      secret
      errors {
        ...UserError
      }
    }
  }
`);

const DELETE = graphql(`
  mutation DeleteWebhook($id: ID!) {
    payload: deleteWebhook(id: $id) {
      errors {
        ...UserError
      }
    }
  }
`);

const EVERY_SECONDS = 5;
const INPUT = "CreateWebhookInput";
const FILTER = "taskFilter";
/** What of a filter has a field here; the API takes more. */
const FILTERED_BY = ["state", "kind"];

type Webhook = Extract<NonNullable<WebhookQuery["node"]>, { __typename: "Webhook" }>;

const above = <Link href="/system/webhooks">Webhooks</Link>;

export function NewWebhook() {
  const api = useApi();
  const [created, setCreated] = useState<{ id: string; secret: string }>();
  return (
    <Page title="New webhook" above={above} intro="An address that gets a signed message when something happens." behind={[{ query: CREATE }]}>
      {created ? (
        <Section title="It is created">
          <Secret secret={created.secret} />
          <div className="actions">
            <Link href={`/system/webhooks/${created.id}`} className="button button-main">
              To the webhook
            </Link>
          </div>
        </Section>
      ) : api ? (
        <section className="card">
          <WebhookForm api={api} onCreated={(id, secret) => setCreated({ id, secret })} />
        </section>
      ) : (
        <Loading />
      )}
    </Page>
  );
}

function Secret({ secret }: { secret: string }) {
  return (
    <div className="notice notice-warn" role="alert">
      <strong>Its messages are signed with this secret. It is shown now and never again: give it to the receiver.</strong>
      <Copy text={secret} label="Secret" />
    </div>
  );
}

export function WebhookPage({ id }: { id: string }) {
  const api = useApi();
  const { data, error, again } = useFresh(WEBHOOK, { variables: { id }, everySeconds: EVERY_SECONDS });
  if (!data) {
    return error ? <Failure error={error} retry={again} /> : <Loading />;
  }
  if (data.node?.__typename !== "Webhook") {
    return <NotFound what="webhook" hint="It may have been deleted since." />;
  }
  const webhook = data.node;
  return (
    <Page title={webhook.name} heading={<Name text={webhook.name} />} above={above} behind={[{ query: WEBHOOK, variables: { id } }]}>
      {webhook.state === "DISABLED" && (
        <div className="notice notice-bad">
          <strong>It is told no more, and what happens meanwhile is not kept for it.</strong>
          {webhook.disabledReason && <Prose text={webhook.disabledReason} />}
          <p>Mend the receiver, test it, and resume the webhook.</p>
        </div>
      )}
      <Section title="State">
        <dl className="facts">
          <dt>Now</dt>
          <dd>
            <WebhookStateShown webhook={webhook} />
          </dd>
          {webhook.failingSince && (
            <>
              <dt>Fails since</dt>
              <dd>
                <Ago at={webhook.failingSince} />
              </dd>
            </>
          )}
          <dt>Address</dt>
          <dd>
            <Name text={webhook.url} mono />
          </dd>
          <dt>Told about</dt>
          <dd>
            <About webhook={webhook} />
          </dd>
          {webhook.previousSecretUntil && (
            <>
              <dt>Signed with the old secret, too</dt>
              <dd>
                until <Ago at={webhook.previousSecretUntil} />
              </dd>
            </>
          )}
        </dl>
        <Actions webhook={webhook} onDone={again} />
      </Section>
      <Deliveries webhook={id} />
      <Section title="Settings">
        {api ? (
          <Held current={webhook} onSaved={again}>
            {(held, saved) => <WebhookForm api={api} webhook={held} onSaved={saved} />}
          </Held>
        ) : (
          <Loading />
        )}
      </Section>
    </Page>
  );
}

interface Payload {
  errors: readonly UserErrorFragment[];
  secret?: string | null;
}

function Actions({ webhook: { id, name, state }, onDone }: { webhook: Webhook; onDone: () => void }) {
  const client = useClient();
  const [payload, setPayload] = useState<Payload>();
  const [failure, setFailure] = useState<CombinedError>();
  const act = async (mutation: typeof PAUSE | typeof RESUME | typeof TEST | typeof ROTATE) => {
    const { data, error } = await client.mutation<{ payload: Payload }, { id: string }>(mutation, { id });
    setPayload(data?.payload);
    setFailure(error);
    onDone();
  };
  return (
    <>
      <div className="actions">
        <button type="button" className="button" onClick={() => void act(TEST)}>
          Test
        </button>
        <button type="button" className="button" onClick={() => void act(state === "ACTIVE" ? PAUSE : RESUME)}>
          {state === "ACTIVE" ? "Pause" : "Resume"}
        </button>
        <Confirm label="New secret" title="Sign with a new secret?" onYes={() => void act(ROTATE)}>
          <p>The receiver needs the new one. For a day, messages are signed with the old one, too.</p>
        </Confirm>
        <Delete id={id} mutation={DELETE} title="Delete this webhook?" to="/system/webhooks">
          <p>
            <Name text={name} /> is told no more.
          </p>
        </Delete>
      </div>
      {payload?.secret && <Secret secret={payload.secret} />}
      <UserErrors errors={[...(payload?.errors ?? [])]} />
      {failure && <Failure error={failure} />}
    </>
  );
}

interface WebhookFormProps {
  api: Api;
  webhook?: Webhook;
  onCreated?: (id: string, secret: string) => void;
  onSaved?: () => void;
}

function WebhookForm({ api, webhook, onCreated, onSaved }: WebhookFormProps) {
  const initial = useMemo(
    () => (webhook ? valuesOf(api, INPUT, { ...webhook, repository: webhook.repository?.id }) : {}),
    [api, webhook?.revision],
  );
  const form = useValues(api, INPUT, initial);
  const [, create] = useMutation(CREATE);
  const [, update] = useMutation(UPDATE);
  const changed = changes(api, INPUT, initial, form);
  const send = async () => {
    if (webhook) {
      const input = { id: webhook.id, expectedRevision: webhook.revision, ...changed };
      const { data, error } = await update({ input: input as UpdateWebhookInput });
      if (data?.updateWebhook.errors.length === 0) {
        onSaved?.();
      }
      return { errors: data?.updateWebhook.errors ?? [], failure: error };
    }
    const { data, error } = await create({ input: form.input as unknown as CreateWebhookInput });
    if (data?.createWebhook.webhook && data.createWebhook.secret) {
      onCreated?.(data.createWebhook.webhook.id, data.createWebhook.secret);
    }
    return { errors: data?.createWebhook.errors ?? [], failure: error };
  };
  const inputs = api.type(INPUT).inputs;
  const filter = api.type("TaskFilter").inputs;
  return (
    <FormProvider value={{ api, values: form.values, problems: form.shown, set: form.set, touch: form.touch }}>
      <SaveForm forms={[form]} submit={webhook ? "Save" : "Create"} isChanged={!webhook || Object.keys(changed).length > 0} send={send}>
        <InputFields type={INPUT} without={["events", FILTER]} first={["name", "url", "repository"]} />
        <FieldOf field={inputs.get("events")!} path="events" label="What it is told" />
        <details className="more">
          <summary>Only some tasks</summary>
          <Group label="Of what happens to tasks, about those" hint="All when nothing is set. The API takes more filters.">
            {FILTERED_BY.map((name) => (
              <FieldOf key={name} field={filter.get(name)!} path={at(FILTER, name)} />
            ))}
          </Group>
        </details>
      </SaveForm>
    </FormProvider>
  );
}
