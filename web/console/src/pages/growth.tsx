/** How a repository grew, version by version. */
import { Section } from "../parts/page";
import { Ago } from "../parts/time";
import { count } from "../text";
import type { Version } from "./versions";

const WIDTH = 600;
const HEIGHT = 100;

/** How many units each version has, from its time to that of the next one; the oldest first, two at least. */
export function Growth({ versions }: { versions: Version[] }) {
  const sizes = versions.map(({ summary }) => summary.present);
  const most = Math.max(1, ...sizes);
  const [first, last] = [versions[0]!, versions.at(-1)!];
  const steps = sizes.map((size, index) => {
    const [from, to] = [place(versions, index), place(versions, index + 1)];
    const y = (HEIGHT - 4 - (size / most) * (HEIGHT - 8)).toFixed(1);
    return `${from.toFixed(1)},${y} ${to.toFixed(1)},${y}`;
  });
  return (
    <Section title="Units over time" aside={`at most ${count(most)}`}>
      <svg
        className="chart"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`From ${count(sizes[0]!)} units in version ${first.number} to ${count(sizes.at(-1)!)} in version ${last.number}`}
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

/** Where a version begins; the last one is as wide as they are on average. */
function place(versions: Version[], index: number): number {
  const steps = versions.length;
  if (index === steps) {
    return WIDTH;
  }
  const begin = Date.parse(versions[0]!.createdAt);
  const span = Date.parse(versions.at(-1)!.createdAt) - begin;
  // Versions of one moment, or of a clock that was set back, lie side by side.
  const passed = span > 0 ? (Date.parse(versions[index]!.createdAt) - begin) / span : index / (steps - 1);
  return ((passed * (steps - 1)) / steps) * WIDTH;
}
