// The last upload that was refused, as long as nothing came after it. It is asked for less often than what runs.

import { get } from "./api.js";
import { moment } from "./badges.js";
import { h } from "./dom.js";
import { number } from "./format.js";
import { copyButton, section } from "./links.js";

const FRESH_MS = 20_000;
const MOST_PROBLEMS = 20;

let known = { at: 0, refusal: null };

export async function newestRefusal() {
  if (Date.now() - known.at > FRESH_MS) {
    const { last_refusal } = await get("config");
    known = { at: Date.now(), refusal: last_refusal?.is_newest ? last_refusal : null };
  }
  return known.refusal;
}

export function forgetRefusal() {
  known = { at: 0, refusal: null };
}

export function refusedUpload({ uploaded_at, uploaded_by, problems, annotated }) {
  const hidden = problems.length - MOST_PROBLEMS;
  return section(
    "refused-upload",
    "The last upload was refused",
    h(
      "div",
      { class: "card error" },
      h("p", null, "Uploaded ", moment(uploaded_at), uploaded_by && ` by ${uploaded_by}`, ". The version before it stays active."),
      h(
        "ul",
        { class: "problems" },
        problems.slice(0, MOST_PROBLEMS).map((problem) => h("li", null, problem)),
      ),
      hidden > 0 && h("p", { class: "quiet" }, `and ${number(hidden)} more`),
      copyButton(annotated, uploaded_at),
      h("p", null, h("a", { href: "#/workbook" }, "Upload a corrected workbook")),
    ),
  );
}
