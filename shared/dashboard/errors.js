// An error as text, with what to do about it.

import { h } from "./dom.js";

const HINTS = JSON.parse(document.getElementById("hints").textContent);

export function hint(kind) {
  return Object.hasOwn(HINTS, kind) ? HINTS[kind] : HINTS.unexpected;
}

export function warningPanel(warnings) {
  return h(
    "section",
    { class: "card", "aria-label": "The last load warns" },
    h("h2", null, "The last load warns"),
    warnings.map((warning) => h("p", { class: "message" }, warning)),
  );
}

export function errorPanel(title, kind, message) {
  return h(
    "section",
    { class: "card error", "aria-label": title },
    h("h2", null, title),
    h("p", { class: "message" }, message ?? "No text was left."),
    h("p", null, h("strong", null, "What to do: "), hint(kind)),
    kind && h("p", { class: "quiet" }, `Kind: ${kind}`),
  );
}
