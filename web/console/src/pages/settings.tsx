/** The settings of a repository and of its remote, as their plugin declares them. */
import { useMemo } from "react";
import { useMutation } from "urql";
import { useLocation } from "wouter";

import { graphql } from "../../typed";
import { EditForm } from "../form/edit-form";
import { useFresh } from "../live/query";
import { Confirm } from "../parts/confirm";
import { Failure, UserErrors } from "../parts/errors";
import { Section } from "../parts/page";
import type { Api } from "../schema/api";
import type { Repository } from "./repository";

const REMOTES = graphql(`
  query Remotes {
    remotes(first: 200) {
      edges {
        node {
          __typename
          id
          name
        }
      }
    }
  }
`);

const DELETE = graphql(`
  mutation DeleteRepository($id: ID!) {
    deleteRepository(id: $id) {
      errors {
        ...UserError
      }
    }
  }
`);

export function Settings({ api, repository }: { api: Api; repository: Repository }) {
  const { data } = useFresh(REMOTES, { variables: {} });
  const choices = useMemo(() => {
    const remotes = data?.remotes.edges.map(({ node }) => node) ?? [];
    const type = api.type(repository.__typename).fields.get("remote");
    const same = repository.remote ? remotes.filter(({ __typename: own }) => own === repository.remote!.__typename) : remotes;
    return (path: string) => (path === "remote" && type ? same : []);
  }, [api, data, repository]);
  return (
    <>
      <Section title="Repository">
        <EditForm
          api={api}
          type={repository.__typename}
          id={repository.id}
          first={["name", "description", "automation", "syncMode", "retainVersions"]}
          choices={choices}
        />
      </Section>
      {repository.remote && (
        <Section title="Remote" aside="A task keeps the revision that was current when it was created.">
          <EditForm key={repository.remote.id} api={api} type={repository.remote.__typename} id={repository.remote.id} first={["url", "policy"]} />
        </Section>
      )}
      <Delete repository={repository} />
    </>
  );
}

function Delete({ repository }: { repository: Repository }) {
  const [state, remove] = useMutation(DELETE);
  const [, navigate] = useLocation();
  const onYes = async () => {
    const { data } = await remove({ id: repository.id });
    if (data?.deleteRepository.errors.length === 0) {
      navigate("/repositories");
    }
  };
  return (
    <Section title="Delete the repository">
      <p>
        Its versions and publications go with it, and what is served of it is served no more. Bytes that no other repository needs
        are freed by the next garbage collection.
      </p>
      <UserErrors errors={state.data?.deleteRepository.errors ?? []} />
      {state.error && <Failure error={state.error} />}
      <div className="actions">
        <Confirm label="Delete" title={`Delete ${repository.name}?`} isDanger disabled={state.fetching} onYes={() => void onYes()}>
          It cannot be undone.
        </Confirm>
      </div>
    </Section>
  );
}
