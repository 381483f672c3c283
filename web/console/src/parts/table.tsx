/** A part of a list in columns, as the server tells it. */
import type { ReactNode } from "react";
import type { CombinedError } from "urql";

import { count } from "../text";
import { Failure } from "./errors";
import { Empty, Loading, Section } from "./page";
import { More, type Part } from "./pages";

export interface Column<Node> {
  title: string;
  isNumber?: boolean;
  cell: (node: Node) => ReactNode;
}

interface TableProps<Node> {
  /** What is listed, such as "Repositories". */
  label: string;
  /** What stands above it; the label when left out. */
  title?: string;
  part: Part;
  columns: readonly Column<Node>[];
  page?: {
    totalCount?: number | null;
    pageInfo: { hasNextPage: boolean; endCursor?: string | null };
    edges: readonly { node: Node }[];
  };
  error?: CombinedError;
  again: () => void;
  /** What is said where there is nothing. */
  empty: ReactNode;
}

export function Table<Node extends { id: string }>({ label, title = label, part, columns, page, error, again, empty }: TableProps<Node>) {
  if (!page) {
    return error ? <Failure error={error} retry={again} /> : <Loading />;
  }
  const { edges, pageInfo, totalCount } = page;
  return (
    <Section title={part.after ? "And on" : title} aside={!part.after && totalCount != null && `${count(totalCount)} in all`}>
      {edges.length === 0 ? (
        <Empty>{empty}</Empty>
      ) : (
        <div className="scroll" tabIndex={0} role="region" aria-label={label}>
          <table className="table">
            <thead>
              <tr>
                {columns.map((column) => (
                  <th key={column.title} scope="col" className={column.isNumber ? "number" : undefined}>
                    {column.title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {edges.map(({ node }) => (
                <tr key={node.id}>
                  {columns.map((column) => (
                    <td key={column.title} className={column.isNumber ? "number" : undefined}>
                      {column.cell(node)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <More part={part} pageInfo={pageInfo} />
    </Section>
  );
}
