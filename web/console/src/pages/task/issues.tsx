/** What a task left out, and why. */
import { useMemo } from "react";
import { useQuery } from "urql";

import type { TaskState } from "../../../typed/graphql";
import { Failure } from "../../parts/errors";
import { Name, Prose } from "../../parts/name";
import { Section, useBehind } from "../../parts/page";
import { More, Pages, type Part } from "../../parts/pages";
import { count } from "../../text";

interface Issue {
  code: string;
  message: string;
  relativePath: string | null;
  url: string | null;
}

interface Page {
  task: {
    issues: {
      totalCount: number | null;
      pageInfo: { hasNextPage: boolean; endCursor: string | null };
      edges: { node: Issue }[];
    };
  } | null;
}

interface IssuesProps {
  task: string;
  /** Its type, which has issues. */
  type: string;
  state: TaskState;
}

export function Issues({ task, type, state }: IssuesProps) {
  // They are all there when it has ended.
  return <Pages id={`${task} ${state}`}>{(part) => <IssueList task={task} type={type} part={part} />}</Pages>;
}

function IssueList({ task, type, part }: Pick<IssuesProps, "task" | "type"> & { part: Part }) {
  const query = `query TaskIssues($id: ID!, $after: String) {
  task(id: $id) {
    id
    ... on ${type} {
      issues(first: 50, after: $after) {
        totalCount
        pageInfo { hasNextPage endCursor }
        edges { node { code message relativePath url } }
      }
    }
  }
}`;
  const variables = useMemo(() => ({ id: task, after: part.after }), [task, part.after]);
  useBehind(part.after ? undefined : query, variables);
  const [{ data, error }] = useQuery<Page>({ query, variables });
  if (error && !data) {
    return <Failure error={error} />;
  }
  const issues = data?.task?.issues;
  if (!issues || issues.edges.length === 0) {
    return null;
  }
  return (
    <Section
      title={part.after ? "More issues" : "Issues"}
      aside={!part.after && issues.totalCount !== null && `${count(issues.totalCount)} in all`}
    >
      <ul className="rows">
        {issues.edges.map(({ node }, index) => (
          <li key={index} className="row">
            <div className="row-main">
              <Name text={node.relativePath ?? node.url ?? "–"} mono />
              <span className="quiet mono">{node.code}</span>
            </div>
            <Prose text={node.message} />
          </li>
        ))}
      </ul>
      <More part={part} pageInfo={issues.pageInfo} />
    </Section>
  );
}
