/** The GraphQL behind a page: every figure that the console shows can be had by a script too. */
import { stringifyDocument } from "urql";
import type { DocumentNode } from "graphql";

export interface Operation {
  query: DocumentNode | string;
  variables?: Record<string, unknown>;
}

/** Return the address of GraphiQL with an operation in a tab. */
export function graphiqlAddress({ query, variables }: Operation): string {
  const parts = new URLSearchParams({ query: text(query) });
  if (variables && Object.keys(variables).length > 0) {
    parts.set("variables", JSON.stringify(variables, null, 2));
  }
  return `/graphql#${parts}`;
}

function text(query: DocumentNode | string): string {
  return stringifyDocument(query).replace(/^# .*\n/, "");
}

export function Behind({ operations }: { operations: Operation[] }) {
  return (
    <details className="behind">
      <summary>GraphQL behind this page</summary>
      {operations.map((operation, index) => (
        <figure key={index}>
          {/* Wide documents scroll, for the keyboard too. */}
          <pre tabIndex={0} aria-label="GraphQL document">
            <code>{text(operation.query)}</code>
          </pre>
          <figcaption>
            <a href={graphiqlAddress(operation)} target="_blank" rel="noreferrer">
              Open in GraphiQL
            </a>
          </figcaption>
        </figure>
      ))}
    </details>
  );
}
