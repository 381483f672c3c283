/** A list of moderate length, a part at a time: each part asks for itself, and the last one can be followed by another. */
import { Fragment, type ReactNode, useState } from "react";

export interface Part {
  /** Cursor that it starts behind; null for the first one. */
  after: string | null;
  /** Show another part behind a cursor; undefined where one is shown. */
  more?: (cursor: string) => void;
}

interface PagesProps {
  /** Another one is another list. */
  id: string;
  children: (part: Part) => ReactNode;
}

export function Pages({ id, children }: PagesProps) {
  return <Parts key={id}>{children}</Parts>;
}

function Parts({ children }: Pick<PagesProps, "children">) {
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  const more = (cursor: string) => setCursors([...cursors, cursor]);
  return cursors.map((after, index) => (
    <Fragment key={after}>{children({ after, more: index === cursors.length - 1 ? more : undefined })}</Fragment>
  ));
}

interface MoreProps {
  part: Part;
  pageInfo: { hasNextPage: boolean; endCursor?: string | null };
}

/** The button below the last part. */
export function More({ part: { more }, pageInfo: { hasNextPage, endCursor } }: MoreProps) {
  return more && hasNextPage && endCursor ? (
    <button type="button" className="button" onClick={() => more(endCursor)}>
      Show more
    </button>
  ) : null;
}
