/** One distribution: what clients get, how they are pointed at it, and what they got before. */
import { Link } from "wouter";

import { graphql } from "../../../typed";
import type { DistributionQuery } from "../../../typed/graphql";
import { Held } from "../../form/held";
import { useFresh } from "../../live/query";
import { Copy } from "../../parts/copy";
import { Delete } from "../../parts/delete";
import { Failure } from "../../parts/errors";
import { Labels } from "../../parts/labels";
import { Name, visible } from "../../parts/name";
import { Empty, Loading, Page, Section } from "../../parts/page";
import { useApi } from "../../schema/api";
import { NotFound } from "../not-found";
import { DistributionForm } from "./form";
import { History, SERVED_AT } from "./history";
import { Serving, Source } from "./source";

const DISTRIBUTION = graphql(`
  query Distribution($id: ID!) {
    node(id: $id) {
      __typename
      ... on Distribution {
        ...Served
        labels
        clientSetups {
          client
          filename
          text
        }
      }
    }
  }
`);

const DELETE = graphql(`
  mutation DeleteDistribution($id: ID!) {
    payload: deleteDistribution(id: $id) {
      errors {
        ...UserError
      }
    }
  }
`);

const EVERY_SECONDS = 5;

type Distribution = Extract<NonNullable<DistributionQuery["node"]>, { __typename: "Distribution" }>;

export default function DistributionPage({ id }: { id: string }) {
  const api = useApi();
  const { data, error, again } = useFresh(DISTRIBUTION, { variables: { id }, everySeconds: EVERY_SECONDS });
  if (!data) {
    return error ? <Failure error={error} retry={again} /> : <Loading />;
  }
  if (data.node?.__typename !== "Distribution") {
    return <NotFound what="distribution" hint="It may have been deleted since." />;
  }
  const distribution = data.node;
  return (
    <Page
      title={distribution.basePath}
      heading={<Name text={distribution.basePath} />}
      above={<Link href="/distributions">Distributions</Link>}
      actions={
        <>
          {distribution.servingVersion && (
            <a className="button" href={distribution.url} target="_blank" rel="noreferrer">
              Browse
            </a>
          )}
          <Delete id={id} mutation={DELETE} title="Delete this distribution?" to="/distributions">
            <p>
              Clients get nothing at <Name text={distribution.url} mono /> any more. What it serves stays in its repository.
            </p>
          </Delete>
        </>
      }
      behind={[
        { query: DISTRIBUTION, variables: { id } },
        { query: SERVED_AT, variables: { basePath: distribution.basePath, at: new Date().toISOString() } },
      ]}
    >
      <Facts distribution={distribution} />
      <Setups setups={distribution.clientSetups} />
      <History key={distribution.basePath} basePath={distribution.basePath} />
      <Section title="Settings">
        {api ? (
          <Held current={distribution} onSaved={again}>
            {(held, saved) => <DistributionForm api={api} distribution={held} onSaved={saved} />}
          </Held>
        ) : (
          <Loading />
        )}
      </Section>
    </Page>
  );
}

function Facts({ distribution }: { distribution: Distribution }) {
  return (
    <Section title="What is served">
      <dl className="facts">
        <dt>Address</dt>
        <dd>
          <Name text={distribution.url} mono />
        </dd>
        <dt>Name</dt>
        <dd>
          <Name text={distribution.name} />
        </dd>
        <dt>Follows</dt>
        <dd>
          <Source source={distribution.source} />
        </dd>
        <dt>Serves now</dt>
        <dd>
          <Serving version={distribution.servingVersion} />
        </dd>
        <dt>Labels</dt>
        <dd>
          <Labels labels={distribution.labels} />
        </dd>
      </dl>
    </Section>
  );
}

function Setups({ setups }: { setups: Distribution["clientSetups"] }) {
  return (
    <Section title="Point clients at it">
      {setups.length === 0 ? (
        <Empty>As soon as it serves something, this says how clients fetch it.</Empty>
      ) : (
        setups.map(({ client, filename, text }) => (
          <div key={`${client} ${filename}`} className="fields">
            <h3>
              <Name text={client} />
              {filename && (
                <span className="quiet">
                  {" "}
                  in <code>{visible(filename)}</code>
                </span>
              )}
            </h3>
            <Copy text={text} label={visible(client)} />
          </div>
        ))
      )}
    </Section>
  );
}
