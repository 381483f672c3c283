/** A progress report as a bar. A total that is not known looks so: the bar has no end, and nobody says per cent. */
import type { ReportFragment } from "../../typed/graphql";
import { amount, duration } from "../text";
import { visible } from "./name";

export function ReportBar({ report }: { report: ReportFragment }) {
  const { done, total, totalKind, unit, state } = report;
  const isOpen = state === "RUNNING" || state === "WAITING";
  const known = total !== null && total !== undefined && totalKind !== "UNKNOWN" ? total : null;
  const share = known === null ? (isOpen ? null : Math.sign(done)) : known === 0 ? 1 : Math.min(1, done / known);
  const rate = Math.round(report.rate ?? 0);
  const left = report.etaSeconds ?? 0;
  const label = visible(report.message);
  const figures = known === null ? amount(done, unit) : `${amount(done, unit)} of ${totalKind === "ESTIMATED" ? "about " : ""}${amount(known, unit)}`;
  return (
    <div className="report" data-code={report.code}>
      <div className="report-head">
        <span className="report-label">
          <bdi>{label}</bdi>
        </span>
        <span className="report-figures">
          {figures}
          {report.suffix && <bdi> {visible(report.suffix)}</bdi>}
        </span>
      </div>
      <Bar label={label} state={state.toLowerCase()} share={share} isOpen={isOpen} isEstimated={totalKind === "ESTIMATED"} text={figures} />
      {state === "RUNNING" && (
        <div className="report-foot">
          <span>{rate > 0 ? `${amount(rate, unit)}/s` : "\u00a0"}</span>
          <span>{known === null ? "No total known yet" : left >= 1 ? `${duration(left)} left` : "\u00a0"}</span>
        </div>
      )}
    </div>
  );
}

interface BarProps {
  label: string;
  state: string;
  /** From 0 to 1; null when nobody knows. */
  share: number | null;
  isOpen: boolean;
  isEstimated?: boolean;
  text: string;
}

export function Bar({ label, state, share, isOpen, isEstimated = false, text }: BarProps) {
  const isUnknown = share === null && isOpen;
  const classes = ["bar", `bar-${state}`, isUnknown && "bar-unknown", isEstimated && isOpen && "bar-estimated"];
  return (
    <div
      className={classes.filter(Boolean).join(" ")}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={isUnknown ? undefined : Math.round((share ?? 1) * 100)}
      aria-valuetext={text}
    >
      <div className="bar-fill" style={{ transform: `scaleX(${share ?? 1})` }} />
    </div>
  );
}
