/** A list as long as it likes: rows are fetched as they come into sight, and forgotten when they are far away. */
import { type ReactNode, useEffect, useReducer, useRef, useState } from "react";

import { count } from "../text";

export interface Chunk<Row> {
  rows: Row[];
  /** Where to go on; null at the end. */
  next: string | null;
}

interface LongListProps<Row> {
  label: string;
  /** Another one is another list. */
  id: string;
  head: ReactNode;
  /** Return the rows behind a cursor. */
  fetch: (after: string | null) => Promise<Chunk<Row>>;
  row: (row: Row) => ReactNode;
  /** How many there are in all, where that is known. */
  total?: number | null;
  empty: ReactNode;
}

/** Browsers draw nothing beyond 33 million pixels: a million rows of this height stay below. */
const ROW_PIXELS = 32;
/** Rows beyond what is seen. */
const MARGIN_ROWS = 10;
/** How many parts on each side of what is seen are remembered. */
const KEPT_PARTS = 10;

interface Part<Row> {
  after: string | null;
  first: number;
  length: number;
  rows: Row[] | null;
}

export function LongList<Row>(props: LongListProps<Row>) {
  return <Rows key={props.id} {...props} />;
}

function Rows<Row>({ label, head, fetch, row, total, empty }: LongListProps<Row>) {
  const parts = useRef<Part<Row>[]>([]);
  const next = useRef<string | null | undefined>(null);
  const isFetching = useRef(false);
  const box = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({ from: 0, to: 40 });
  const [failed, setFailed] = useState(false);
  const [, show] = useReducer((number: number) => number + 1, 0);

  const last = parts.current.at(-1);
  const length = last ? last.first + last.length : 0;
  const isEnd = next.current === undefined;

  useEffect(() => {
    const wanted = parts.current.find(({ rows, first, length: size }) => !rows && first < seen.to && first + size > seen.from);
    const isMore = !isEnd && seen.to + MARGIN_ROWS > length;
    if (isFetching.current || failed || (!wanted && !isMore)) {
      return;
    }
    isFetching.current = true;
    fetch(wanted ? wanted.after : next.current!).then(
      (chunk) => {
        isFetching.current = false;
        if (wanted) {
          wanted.rows = chunk.rows;
        } else {
          parts.current.push({ after: next.current!, first: length, length: chunk.rows.length, rows: chunk.rows });
          next.current = chunk.next ?? undefined;
        }
        forget(parts.current, seen.from);
        show();
      },
      () => {
        isFetching.current = false;
        setFailed(true);
      },
    );
  });

  const onScroll = () => {
    const { scrollTop, clientHeight } = box.current!;
    const from = Math.max(0, Math.floor(scrollTop / ROW_PIXELS) - MARGIN_ROWS);
    const to = Math.ceil((scrollTop + clientHeight) / ROW_PIXELS) + MARGIN_ROWS;
    if (from !== seen.from || to !== seen.to) {
      setSeen({ from, to });
    }
  };
  if (isEnd && length === 0) {
    return <>{empty}</>;
  }
  const shown = visibleRows(parts.current, seen);
  return (
    <div className="list">
      <div role="table" aria-label={label} aria-rowcount={total ?? -1}>
        <div className="list-head" role="rowgroup">
          <div className="list-row" role="row">
            {head}
          </div>
        </div>
        <div ref={box} className="list-box" role="rowgroup" tabIndex={0} aria-label={`${label}, rows`} onScroll={onScroll}>
          <div className="list-space" role="presentation" style={{ height: length * ROW_PIXELS }}>
            {shown.map(([index, value]) => (
              <div
                key={index}
                className="list-row"
                role="row"
                aria-rowindex={index + 2}
                style={{ transform: `translateY(${index * ROW_PIXELS}px)` }}
              >
                {value === null ? <span role="cell">…</span> : row(value)}
              </div>
            ))}
          </div>
        </div>
      </div>
      <p className="quiet list-foot" role="status">
        {failed ? (
          <button type="button" className="button button-small" onClick={() => setFailed(false)}>
            Some rows did not come: try again
          </button>
        ) : length === 0 ? (
          "Loading …"
        ) : isEnd ? (
          `All ${count(length)} are here`
        ) : total != null ? (
          `${count(length)} of ${count(total)} so far: more come as you scroll`
        ) : (
          `${count(length)} so far: more come as you scroll`
        )}
      </p>
    </div>
  );
}

function forget<Row>(parts: Part<Row>[], from: number) {
  const current = parts.findIndex(({ first, length }) => first + length > from);
  parts.forEach((part, index) => {
    if (Math.abs(index - current) > KEPT_PARTS) {
      part.rows = null;
    }
  });
}

function visibleRows<Row>(parts: Part<Row>[], { from, to }: { from: number; to: number }): [number, Row | null][] {
  const rows: [number, Row | null][] = [];
  for (const part of parts) {
    const end = Math.min(to, part.first + part.length);
    for (let index = Math.max(from, part.first); index < end; index += 1) {
      rows.push([index, part.rows?.[index - part.first] ?? null]);
    }
  }
  return rows;
}
