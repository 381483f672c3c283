/** One repository, live, in parts that each have their address. */
import { useEffect, useState } from "react";
import type { CombinedError } from "urql";
import { Link } from "wouter";

import { graphql } from "../../typed";
import type { WatchRepositorySubscription } from "../../typed/graphql";
import { client } from "../client";
import { Failure } from "../parts/errors";
import { Name } from "../parts/name";
import { Loading, Page } from "../parts/page";
import { useApi } from "../schema/api";
import { repositoryKind } from "../schema/kinds";
import { bytes, count, counted, words } from "../text";
import { Content } from "./content";
import { Copy, Publish } from "./repository-tasks";
import { Differences } from "./differences";
import { NotFound } from "./not-found";
import { Settings } from "./settings";
import { Sync } from "./sync";
import { Versions } from "./versions";

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
        __typename
        id
        name
        url
      }
      latestVersion {
        id
        number
        createdAt
        summary {
          present
          size
        }
      }
    }
  }
`);

export type Repository = WatchRepositorySubscription["repository"];

const PARTS = [
  ["versions", "Versions"],
  ["content", "Content"],
  ["differences", "Differences"],
  ["sync", "Sync"],
  ["publish", "Publish"],
  ["copy", "Copy"],
  ["settings", "Settings"],
] as const;

export default function RepositoryPage({ id, part = "versions" }: { id: string; part?: string }) {
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
  const { latestVersion } = repository;
  return (
    <Page
      title={repository.name}
      heading={<Name text={repository.name} />}
      above={<Link href="/repositories">Repositories</Link>}
      intro={`${words(repository.__typename)}, ${counted(latestVersion.summary.present, "unit")} with ${bytes(latestVersion.summary.size)} in version ${count(latestVersion.number)}`}
      actions={
        <>
          <Link href={`/upload?repository=${id}`} className="button">
            Upload
          </Link>
          {part !== "sync" && repository.remote && (
            <Link href={`/repositories/${id}/sync`} className="button button-main">
              Sync
            </Link>
          )}
        </>
      }
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
  if (part === "versions") {
    return <Versions repository={repository} />;
  }
  if (!api) {
    return <Loading />;
  }
  const kind = repositoryKind(api, repository.__typename);
  switch (part) {
    case "content":
      return <Content api={api} repository={repository} />;
    case "differences":
      return <Differences api={api} repository={repository} />;
    case "sync":
      return <Sync api={api} kind={kind} repository={repository.id} hasRemote={repository.remote != null} />;
    case "publish":
      return <Publish api={api} kind={kind} repository={repository} />;
    case "copy":
      return <Copy api={api} kind={kind} repository={repository} />;
    default:
      return <Settings api={api} repository={repository} />;
  }
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
