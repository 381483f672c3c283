/** How a repository grew, version by version. */
import { Section } from "../parts/page";
import { Ago } from "../parts/time";
import { bytes, count, counted } from "../text";
import type { Version } from "./versions";

const WIDTH = 600;
const HEIGHT = 100;

/** How many units each version has, and how many bytes; the oldest first, two at least. */
export function Growth({ versions }: { versions: Version[] }) {
  return (
    <div className="columns">
      <Chart title="Units over time" versions={versions} of={({ present }) => present} words={(units) => counted(units, "unit")} />
      <Chart title="Size over time" versions={versions} of={({ size }) => size} words={bytes} />
    </div>
  );
}

interface ChartProps {
  title: string;
  versions: Version[];
  of: (summary: Version["summary"]) => number;
  words: (value: number) => string;
}

/** A value of each version, from its time to that of the next one. */
function Chart({ title, versions, of, words }: ChartProps) {
  const values = versions.map(({ summary }) => of(summary));
  const most = Math.max(...values);
  const [first, last] = [versions[0]!, versions.at(-1)!];
  const places = placed(versions);
  const steps = values.map((value, index) => {
    const [from, to] = [places[index]!, places[index + 1] ?? WIDTH];
    const y = (HEIGHT - 4 - (value / Math.max(1, most)) * (HEIGHT - 8)).toFixed(1);
    return `${from.toFixed(1)},${y} ${to.toFixed(1)},${y}`;
  });
  return (
    <Section title={title} aside={`at most ${words(most)}`}>
      <svg
        className="chart"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`From ${words(values[0]!)} in version ${first.number} to ${words(values.at(-1)!)} in version ${last.number}`}
      >
        <polygon className="chart-area" points={`0,${HEIGHT} ${steps.join(" ")} ${WIDTH},${HEIGHT}`} />
        <polyline className="chart-line" points={steps.join(" ")} />
      </svg>
      <div className="chart-ends quiet">
        <span>
          Version {count(first.number)}, <Ago at={first.createdAt} />
        </span>
        <span>
          Version {count(last.number)}, <Ago at={last.createdAt} />
        </span>
      </div>
    </Section>
  );
}

/** Where each version begins; the last one is as wide as they are on average. */
function placed(versions: Version[]): number[] {
  let time = -Infinity;
  // Nothing goes back where the server's clock was set back.
  const times = versions.map(({ createdAt }) => (time = Math.max(time, Date.parse(createdAt))));
  const [begin, span] = [times[0]!, time - times[0]!];
  const width = WIDTH * (1 - 1 / versions.length);
  // Versions of one moment lie side by side.
  return times.map((at, index) => width * (span > 0 ? (at - begin) / span : index / (versions.length - 1)));
}
