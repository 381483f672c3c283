/** How many tasks ended in the last hour, five minutes a bar. */
import { count } from "../text";

interface Ended {
  state: string;
  finishedAt?: string | null;
}

const BARS = 12;
const BAR_MILLISECONDS = 300_000;
const HEIGHT = 32;
const WIDTH = 10;
const GAP = 2;

export function Throughput({ tasks }: { tasks: Ended[] }) {
  const done = new Array<number>(BARS).fill(0);
  const failed = new Array<number>(BARS).fill(0);
  const now = Date.now();
  for (const { state, finishedAt } of tasks) {
    const bar = BARS - 1 - Math.floor((now - Date.parse(finishedAt ?? "")) / BAR_MILLISECONDS);
    if (bar >= 0 && bar < BARS) {
      const bars = state === "FAILED" ? failed : done;
      bars[bar]! += 1;
    }
  }
  const most = Math.max(1, ...done.map((number, bar) => number + failed[bar]!));
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
  const text = `${count(sum(done))} completed, ${count(sum(failed))} failed`;
  return (
    <div className="figure figure-wide">
      <dt>Last hour</dt>
      <dd>
        <svg
          className="spark"
          viewBox={`0 0 ${BARS * (WIDTH + GAP)} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`Tasks that ended in the last hour: ${text}`}
        >
          {done.map((number, bar) => {
            const high = (number / most) * (HEIGHT - 2);
            const bad = (failed[bar]! / most) * (HEIGHT - 2);
            const x = bar * (WIDTH + GAP);
            return (
              <g key={bar}>
                <rect className="spark-base" x={x} y={HEIGHT - 1} width={WIDTH} height={1} />
                <rect className="spark-good" x={x} y={HEIGHT - high - bad} width={WIDTH} height={high} />
                <rect className="spark-bad" x={x} y={HEIGHT - bad} width={WIDTH} height={bad} />
              </g>
            );
          })}
        </svg>
        <span className="figure-note">{text}</span>
      </dd>
    </div>
  );
}
