// Addresses within the page, and the buttons that do something.

import { h } from "./dom.js";

export function jobLink(jobId) {
  return h("a", { href: `#/jobs/${encodeURIComponent(jobId)}` }, jobId);
}

export function runLink(runId) {
  return h("a", { href: `#/runs/${encodeURIComponent(runId)}` }, runId);
}

// A button for `actions.js`; `data` names what it is about, `label` what a screen reader says where the text is short.
export function actionButton(action, text, data, label = null, look = null, disabled = false) {
  const attributes = Object.fromEntries(Object.entries(data).map(([name, value]) => [`data-${name}`, value]));
  return h(
    "button",
    { type: "button", class: look, "data-action": action, "aria-label": label, title: label, disabled, ...attributes },
    text,
  );
}

export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs
      .filter(([, value]) => value !== null && value !== undefined && value !== "")
      .map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))),
  );
}
