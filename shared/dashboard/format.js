// Values as people read them. Times are shown in UTC, as the schedules are.

const NUMBER = new Intl.NumberFormat("en");
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const SPANS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export const NONE = "–";

export function number(value) {
  return value === null || value === undefined ? NONE : NUMBER.format(value);
}

export function shortNumber(value) {
  return value === null || value === undefined ? NONE : SHORT.format(value);
}

export function bytes(value) {
  if (value === null || value === undefined) return NONE;
  let rest = value;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (rest < 1000) return `${rest < 10 && unit !== "B" ? rest.toFixed(1) : Math.round(rest)} ${unit}`;
    rest /= 1000;
  }
  return `${rest.toFixed(1)} TB`;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds); // before it is divided, or there would be 60 s in a minute
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function clock(iso) {
  return iso ? new Date(iso).toISOString().slice(0, 16).replace("T", " ") : NONE;
}

export function ago(iso, now = Date.now()) {
  const seconds = Math.round((new Date(iso) - now) / 1000);
  const [unit, size] = SPANS.find(([, span]) => Math.abs(seconds) >= span) ?? ["second", 1];
  return RELATIVE.format(Math.trunc(seconds / size), unit);
}

export function secondsSince(iso, now = Date.now()) {
  return Math.max(0, (now - new Date(iso)) / 1000);
}

export function count(amount, word) {
  return `${number(amount)} ${word}${amount === 1 ? "" : "s"}`;
}

// "PARTLY_FAILED" as "Partly failed".
export function words(name) {
  const text = name.replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function triggerName(trigger) {
  return { timer: "Timer", http: "HTTP", blob: "Workbook" }[trigger] ?? NONE;
}

export function firstSentence(text) {
  return /^.*?[.](?=\s|$)/s.exec(text)?.[0] ?? text;
}
