// Addresses within the page, and the buttons that do something.

import { h } from "./dom.js";
import { clock } from "./format.js";

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

// The button that saves the copy of a refused upload; the time names it where there are several.
export function copyButton(route, time) {
  const label = `Download the workbook refused ${clock(time)} with its problems marked`;
  return h("p", { class: "row" }, actionButton("refused-copy", "Download with the problems marked", { route }, label));
}

export function section(id, title, ...content) {
  return h("section", { "aria-labelledby": id, "data-key": id }, h("h2", { id }, title), content);
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
