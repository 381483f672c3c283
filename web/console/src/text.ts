/** Numbers, sizes and times as people read them. */

const number = new Intl.NumberFormat("en");
const decimal = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function count(value: number): string {
  return number.format(value);
}

/** Return a count with its noun: `counted(1, "unit")` is "1 unit". */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

export function bytes(value: number): string {
  let unit = 0;
  let rest = value;
  while (rest >= 1024 && unit < UNITS.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${count(value)} B` : `${decimal.format(rest)} ${UNITS[unit]}`;
}

/** Return a length of time in its two largest units. */
export function duration(seconds: number): string {
  if (seconds < 0.95) {
    return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  }
  if (seconds < 9.95) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  if (whole < 3600) {
    return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  }
  if (whole < 86_400) {
    return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  }
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

export function moment(iso: string): string {
  return when.format(new Date(iso));
}

/** Return how long ago it was, or how soon it will be. */
export function relative(iso: string, now: number): string {
  const seconds = (now - Date.parse(iso)) / 1000;
  if (Math.abs(seconds) < 2) {
    return "now";
  }
  const size = Math.abs(seconds);
  const largest =
    size < 60 ? `${Math.floor(size)} s`
    : size < 3600 ? `${Math.floor(size / 60)} min`
    : size < 86_400 ? `${Math.floor(size / 3600)} h`
    : `${Math.floor(size / 86_400)} d`;
  return seconds > 0 ? `${largest} ago` : `in ${largest}`;
}

/** Return a name of the API as words: `downloadConcurrency` is "Download concurrency", `ON_DEMAND` is "On demand". */
export function words(name: string): string {
  const spaced = name.includes("_") || name === name.toUpperCase()
    ? name.replaceAll("_", " ").toLowerCase()
    : name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, " ").toLowerCase();
  const text = spaced.replace(/\b(url|tls|id|ids|sha256|http|https)\b/g, (word) => (word === "ids" ? "ids" : word.toUpperCase()));
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Return what a progress report counts: items or bytes. */
export function amount(value: number, unit: "ITEMS" | "BYTES"): string {
  return unit === "BYTES" ? bytes(value) : count(value);
}

/** Whether a field of this name holds what nobody should read over a shoulder. */
export function isSecret(name: string): boolean {
  return /password|secret|token/i.test(name);
}
