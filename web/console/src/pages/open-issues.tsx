/** What a repository misses because its syncs could not get it. */
import { graphql } from "../../typed";
import { useFresh } from "../live/query";
import { Failure } from "../parts/errors";
import { Name, Prose } from "../parts/name";
import { Loading, Section } from "../parts/page";
import { More, Pages, type Part } from "../parts/pages";
import { Due } from "../parts/time";
import { counted } from "../text";

const OPEN_ISSUES = graphql(`
  query OpenIssues($id: ID!, $first: Int!, $after: String) {
    node(id: $id) {
      ... on Repository {
        id
        openIssues(first: $first, after: $after) {
          pageInfo {
            hasNextPage
            endCursor
          }
          edges {
            node {
              code
              message
              relativePath
              attempts
              nextTryAt
            }
          }
        }
      }
    }
  }
`);

/** What stands below them is to be found. */
const FIRST_ROWS = 5;
const PART_ROWS = 50;

export function OpenIssues({ repository, total }: { repository: string; total: number }) {
  return (
    <Section title="Open issues" aside={counted(total, "unit is missing", "units are missing")}>
      {/* Where their number changes, others have closed or opened some. */}
      <Pages id={`${repository} ${total}`}>{(part) => <IssueList repository={repository} part={part} />}</Pages>
    </Section>
  );
}

function IssueList({ repository, part }: { repository: string; part: Part }) {
  const { data, error, again } = useFresh(OPEN_ISSUES, {
    variables: { id: repository, first: part.after ? PART_ROWS : FIRST_ROWS, after: part.after },
  });
  const issues = data?.node && "openIssues" in data.node ? data.node.openIssues : undefined;
  if (!issues) {
    return error ? <Failure error={error} retry={again} /> : <Loading />;
  }
  return (
    <>
      <ul className="rows">
        {issues.edges.map(({ node }, index) => (
          <li key={index} className="row">
            <div className="row-main">
              <Name text={node.relativePath ?? node.code} mono />
              <span className="quiet">
                {counted(node.attempts, "try", "tries")}
                {node.nextTryAt && (
                  <>
                    , the next <Due at={node.nextTryAt} />
                  </>
                )}
              </span>
            </div>
            <Prose text={node.message} />
          </li>
        ))}
      </ul>
      <More part={part} pageInfo={issues.pageInfo} />
    </>
  );
}
