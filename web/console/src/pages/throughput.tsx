/** How many tasks ended in the last hour, five minutes a bar. */
import { count } from "../text";

interface Minute {
  completed: number;
  failed: number;
  canceled: number;
}

const BARS = 12;
const HEIGHT = 32;
const WIDTH = 10;
const GAP = 2;

export function Throughput({ minutes }: { minutes: Minute[] }) {
  const size = Math.max(1, Math.ceil(minutes.length / BARS));
  const bars = Array.from({ length: BARS }, (_, bar) => minutes.slice(bar * size, (bar + 1) * size));
  const done = bars.map((part) => sum(part.map(({ completed }) => completed)));
  const failed = bars.map((part) => sum(part.map((minute) => minute.failed)));
  const most = Math.max(1, ...done.map((number, bar) => number + failed[bar]!));
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

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
