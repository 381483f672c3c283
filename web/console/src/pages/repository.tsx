/** One repository, live, in parts. */
import { useEffect, useState } from "react";
import { type CombinedError } from "urql";
import { Link } from "wouter";

import { graphql } from "../../typed";
import type { WatchRepositorySubscription } from "../../typed/graphql";
import { client } from "../client";
import { Failure } from "../parts/errors";
import { Name } from "../parts/name";
import { Loading, Page } from "../parts/page";
import { useApi } from "../schema/api";
import { repositoryKind } from "../schema/kinds";
import { count, words } from "../text";
import { NotFound } from "./not-found";
import { Sync } from "./sync";

export const WATCH_REPOSITORY = graphql(`
  subscription WatchRepository($id: ID!) {
    repository(id: $id) {
      __typename
      id
      name
      description
      revision
      openIssueCount
      remote {
        id
        name
        url
      }
      latestVersion {
        id
        number
        summary {
          present
        }
      }
    }
  }
`);

type Repository = WatchRepositorySubscription["repository"];

const PARTS = [
  ["sync", "Sync"],
] as const;

export default function RepositoryPage({ id, part = "sync" }: { id: string; part?: string }) {
  const { repository, error } = useRepository(id);
  if (error?.graphQLErrors.length && !repository) {
    return <NotFound what="repository" />;
  }
  if (!repository) {
    return error ? <Failure error={error} /> : <Loading />;
  }
  if (!PARTS.some(([name]) => name === part)) {
    return <NotFound />;
  }
  return (
    <Page
      title={repository.name}
      heading={<Name text={repository.name} />}
      above={<Link href="/repositories">Repositories</Link>}
      intro={`${words(repository.__typename)}, version ${count(repository.latestVersion.number)}`}
      behind={[{ query: WATCH_REPOSITORY, variables: { id } }]}
    >
      <nav className="tabs" aria-label="Parts of the repository">
        {PARTS.map(([name, label]) => (
          <Link key={name} href={`/repositories/${id}/${name}`} aria-current={part === name ? "page" : undefined}>
            {label}
          </Link>
        ))}
      </nav>
      <Part part={part} repository={repository} />
    </Page>
  );
}

function Part({ part, repository }: { part: string; repository: Repository }) {
  const api = useApi();
  if (!api) {
    return <Loading />;
  }
  const kind = repositoryKind(api, repository.__typename);
  if (part === "sync") {
    return <Sync api={api} kind={kind} repository={repository.id} hasRemote={repository.remote !== null} />;
  }
  return null;
}

function useRepository(id: string): { repository: Repository | undefined; error: CombinedError | undefined } {
  const [state, setState] = useState<{ repository: Repository | undefined; error: CombinedError | undefined }>({
    repository: undefined,
    error: undefined,
  });
  useEffect(() => {
    const { unsubscribe } = client.subscription(WATCH_REPOSITORY, { id }).subscribe(({ data, error }) => {
      setState((before) => ({ repository: data?.repository ?? before.repository, error }));
    });
    return unsubscribe;
  }, [id]);
  return state;
}
