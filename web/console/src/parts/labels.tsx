/** Labels: short texts by their keys. */
import { Name } from "./name";

export function Labels({ labels }: { labels: unknown }) {
  const entries = Object.entries((labels ?? {}) as Record<string, string>);
  return entries.length === 0 ? (
    <span className="quiet">none</span>
  ) : (
    <span className="labels">
      {entries.map(([key, value]) => (
        <span key={key} className="label">
          <Name text={value ? `${key}: ${value}` : key} />
        </span>
      ))}
    </span>
  );
}
