/** What else can be done with a repository: publish it, and copy into it. */
import { useMemo } from "react";

import { graphql } from "../../typed";
import { TaskForm } from "../form/task-form";
import { useFresh } from "../live/query";
import { Empty, Loading, Section } from "../parts/page";
import type { Api } from "../schema/api";
import type { RepositoryKind } from "../schema/kinds";
import type { Repository } from "./repository";

interface TaskProps {
  api: Api;
  kind: RepositoryKind;
  repository: Repository;
}

/** A task form has a field for either; the page knows which repository it is of. */
const WITHOUT_VERSION = ["repositoryVersion"];

export function Publish({ api, kind, repository }: TaskProps) {
  const given = useMemo(() => ({ repository: repository.id }), [repository.id]);
  if (!kind.publish) {
    return <Empty>Repositories of this kind are served without being published.</Empty>;
  }
  return (
    <Section title="Publish the latest version" aside="The same version with the same settings is published once.">
      <TaskForm
        api={api}
        creation={kind.publish}
        given={given}
        without={WITHOUT_VERSION}
        first={["settings", "distributable"]}
        submit="Publish"
      />
    </Section>
  );
}

const SOURCES = graphql(`
  query CopySources {
    repositories(first: 200) {
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

export function Copy({ api, kind, repository }: TaskProps) {
  const given = useMemo(() => ({ repository: repository.id }), [repository.id]);
  const { data } = useFresh(SOURCES, { variables: {} });
  if (!kind.copy) {
    return <Empty>Nothing can be copied into repositories of this kind.</Empty>;
  }
  if (!data) {
    return <Loading />;
  }
  const sources = data.repositories.edges.map(({ node }) => node);
  const others = sources.filter(({ __typename: type, id }) => type === repository.__typename && id !== repository.id);
  return (
    <Section title="Copy from another repository" aside="What is copied takes no more space.">
      {others.length === 0 ? (
        <Empty>There is no other repository of this kind.</Empty>
      ) : (
        <TaskForm
          api={api}
          creation={kind.copy}
          given={given}
          without={["filter"]}
          first={["source", "withNeeded", "overwrite"]}
          choices={(path) => (path === "source" ? others : [])}
          submit="Copy"
        />
      )}
    </Section>
  );
}
