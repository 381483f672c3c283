/** What else can be done with a repository: publish it, and copy into it. */
import { useMemo } from "react";

import { TaskForm } from "../form/task-form";
import { Empty, Section } from "../parts/page";
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

export function Copy({ api, kind, repository }: TaskProps) {
  const given = useMemo(() => ({ repository: repository.id }), [repository.id]);
  const references = useMemo(() => ({ source: repository.__typename }), [repository.__typename]);
  if (!kind.copy) {
    return <Empty>Nothing can be copied into repositories of this kind.</Empty>;
  }
  return (
    <Section title="Copy from another repository" aside="What is copied takes no more space.">
      <TaskForm
        api={api}
        creation={kind.copy}
        given={given}
        without={["filter"]}
        first={["source", "withNeeded", "overwrite"]}
        references={references}
        submit="Copy"
      />
    </Section>
  );
}
