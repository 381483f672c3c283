/** The settings of a repository and of its remote, as their plugin declares them. */
import { useMemo } from "react";

import { graphql } from "../../typed";
import { EditForm } from "../form/edit-form";
import { useFresh } from "../live/query";
import { Delete } from "../parts/delete";
import { Failure } from "../parts/errors";
import { visible } from "../parts/name";
import { Section } from "../parts/page";
import { Ago } from "../parts/time";
import { Value } from "../parts/value";
import type { Api } from "../schema/api";
import { words } from "../text";
import type { Repository } from "./repository";

const REVISIONS = graphql(`
  query Revisions($id: ID!) {
    node(id: $id) {
      ... on Remote {
        id
        revision
        revisions(first: 20) {
          edges {
            node {
              number
              createdAt
              values
            }
          }
        }
      }
    }
  }
`);

const DELETE = graphql(`
  mutation DeleteRepository($id: ID!) {
    payload: deleteRepository(id: $id) {
      errors {
        ...UserError
      }
    }
  }
`);

export function Settings({ api, repository }: { api: Api; repository: Repository }) {
  return (
    <>
      <Section title="Repository">
        <EditForm
          api={api}
          type={repository.__typename}
          id={repository.id}
          first={["name", "description", "automation", "syncMode", "retainVersions"]}
        />
      </Section>
      {repository.remote && (
        <Section title="Remote" aside="A task keeps the revision that was current when it was created.">
          <EditForm key={repository.remote.id} api={api} type={repository.remote.__typename} id={repository.remote.id} first={["url", "policy"]} />
        </Section>
      )}
      {repository.remote && <Revisions remote={repository.remote.id} />}
      <Section title="Delete the repository">
        <p>
          Its versions and publications go with it, and what is served of it is served no more. Bytes that no other repository
          needs are freed by the next garbage collection.
        </p>
        <div className="actions">
          <Delete id={repository.id} mutation={DELETE} title={`Delete ${visible(repository.name)}?`} to="/repositories">
            It cannot be undone.
          </Delete>
        </div>
      </Section>
    </>
  );
}

const EVERY_SECONDS = 10;

/** How the remote was configured, and what each revision changed. */
function Revisions({ remote }: { remote: string }) {
  const variables = useMemo(() => ({ id: remote }), [remote]);
  const { data, error, again } = useFresh(REVISIONS, { variables, everySeconds: EVERY_SECONDS });
  const node = data?.node && "revisions" in data.node ? data.node : undefined;
  if (!node?.revisions) {
    return error ? <Failure error={error} retry={again} /> : null;
  }
  const revisions = node.revisions.edges.map((edge) => edge.node);
  return (
    <Section title="Revisions of the remote" aside="the latest first">
      <ul className="rows">
        {revisions.map(({ number, createdAt, values }, index) => (
          <li key={number} className="row">
            <div className="row-main">
              <strong>Revision {number}</strong>
              <span className="quiet">
                <Ago at={createdAt} />
              </span>
            </div>
            {index + 1 < revisions.length && <Changed before={revisions[index + 1]!.values} after={values} />}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Changed({ before, after }: { before: unknown; after: unknown }) {
  const [one, other] = [before, after] as [Record<string, unknown>, Record<string, unknown>];
  const names = Object.keys({ ...one, ...other }).filter((name) => JSON.stringify(one[name]) !== JSON.stringify(other[name]));
  return (
    <dl className="facts">
      {names.map((name) => (
        <div key={name} className="fact">
          <dt>{words(name)}</dt>
          <dd>
            <Value value={one[name]} /> → <Value value={other[name]} />
          </dd>
        </div>
      ))}
      {names.length === 0 && <div className="quiet">Only secrets were changed, which are never shown.</div>}
    </dl>
  );
}
