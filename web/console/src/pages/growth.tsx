/** How a repository grew, version by version. */
import { Section } from "../parts/page";
import { count } from "../text";
import type { Version } from "./versions";

const WIDTH = 600;
const HEIGHT = 100;

/** How many units each version has, the oldest first. */
export function Growth({ versions }: { versions: Version[] }) {
  const sizes = versions.map(({ summary }) => summary.present);
  const most = Math.max(1, ...sizes);
  const points = sizes.map((size, index) => {
    const x = (index / (sizes.length - 1)) * WIDTH;
    return `${x.toFixed(1)},${(HEIGHT - 4 - (size / most) * (HEIGHT - 8)).toFixed(1)}`;
  });
  const [first, last] = [versions[0]!, versions.at(-1)!];
  return (
    <Section title="Units by version" aside={`at most ${count(most)}`}>
      <svg
        className="chart"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`From ${count(sizes[0]!)} units in version ${first.number} to ${count(sizes.at(-1)!)} in version ${last.number}`}
      >
        <polygon className="chart-area" points={`0,${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}`} />
        <polyline className="chart-line" points={points.join(" ")} />
      </svg>
      <div className="chart-ends quiet">
        <span>Version {count(first.number)}</span>
        <span>Version {count(last.number)}</span>
      </div>
    </Section>
  );
}
