// States in words, with a sign and a colour beside.

import { h, s } from "./dom.js";
import { ago, clock, words } from "./format.js";

const LOOKS = {
  SUCCESS: "good",
  SUCCEEDED: "good",
  RUNNING: "busy",
  PARTLY_FAILED: "warn",
  SUSPENDED: "warn",
  WAITING: "warn",
  OVERDUE: "warn",
  WARNING: "warn",
  FAILED: "bad",
  REFUSED: "bad",
};
const SIGNS = {
  good: "M3 8.5l3.5 3.5L13 4.5",
  busy: "M5 3.5v9l7-4.5z",
  warn: "M8 3v6M8 11.8v1",
  bad: "M4 4l8 8M12 4l-8 8",
  off: "M4 8h8",
};
const TEXTS = { SUCCESS: "Succeeded" };

export function badge(state) {
  const look = LOOKS[state] ?? "off";
  return h(
    "span",
    { class: `badge ${look}` },
    s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: SIGNS[look] })),
    TEXTS[state] ?? words(state),
  );
}

export function moment(iso) {
  return iso ? h("time", { datetime: iso, title: `${clock(iso)} UTC` }, ago(iso)) : "–";
}

export function stamp(iso) {
  return iso ? h("time", { datetime: iso, title: ago(iso) }, clock(iso)) : "–";
}
