// The active workbook: its version, what it changed, its warnings and orders, earlier versions, refused uploads, and a new one.

import { get } from "./api.js";
import { badge, moment, stamp } from "./badges.js";
import { diff } from "./changes.js";
import { h } from "./dom.js";
import { count, number } from "./format.js";
import { actionButton, copyButton, facts, section } from "./links.js";
import { table } from "./table.js";
import { uploadSection } from "./upload.js";

const VERSION_COLUMNS = [
  {
    name: "at",
    title: "Activated (UTC)",
    value: (version) => version.activated_at,
    cell: (version) => stamp(version.activated_at),
  },
  { name: "sha", title: "Version", cell: (version) => h("code", null, version.sha256.slice(0, 12)) },
  { name: "by", title: "By", value: (version) => version.uploaded_by, cell: (version) => version.uploaded_by ?? "–" },
  {
    name: "jobs",
    title: "Jobs",
    numeric: true,
    value: (version) => version.jobs,
    cell: (version) => number(version.jobs),
  },
  { name: "summary", title: "Changes", cell: (version) => version.summary },
  {
    name: "back",
    title: "Actions",
    cell: (version) => actionButton("rollback", "Roll back", { sha: version.sha256 }, `Roll back to ${version.sha256.slice(0, 12)}`),
  },
];

export const workbookView = {
  title: "Workbook",
  seconds: () => 20,

  async load() {
    const [config, history] = await Promise.all([get("config"), get("config/history")]);
    return { active: config.active, ...history };
  },

  render({ active, versions, refused }) {
    return [
      h("h1", null, "Workbook"),
      uploadSection(),
      active
        ? [
            facts([
              ["Version", h("code", null, active.sha256.slice(0, 12))],
              ["Active since", moment(active.activated_at)],
              ["Uploaded", [moment(active.uploaded_at), active.uploaded_by && ` by ${active.uploaded_by}`]],
              ["Jobs", `${count(active.jobs, "job")}, ${number(active.jobs_enabled)} enabled`],
              ["Changed", active.changes],
            ]),
            diff("diff", "What it changed", active.diff),
            active.warnings.length > 0 &&
              section(
                "warnings",
                "Warnings",
                h(
                  "ul",
                  null,
                  active.warnings.map((warning) => h("li", null, warning)),
                ),
              ),
          ]
        : h("p", { class: "empty" }, "No workbook is active yet."),
      section(
        "refused",
        "Refused uploads",
        refused.length ? refused.map(refusal) : h("p", { class: "empty" }, "No upload was refused."),
      ),
      section(
        "versions",
        "Earlier versions",
        table("versions", "Versions", VERSION_COLUMNS, versions, { key: (version) => version.blob }),
      ),
    ];
  },
};

function refusal(upload) {
  const hidden = upload.problem_count - upload.problems.length;
  return h(
    "details",
    { class: "card", "data-key": `${upload.time}-${upload.sha256}` },
    h(
      "summary",
      null,
      badge("REFUSED"),
      " ",
      stamp(upload.time),
      ` UTC, ${count(upload.problem_count, "problem")}`,
      upload.uploaded_by && ` by ${upload.uploaded_by}`,
    ),
    h(
      "ul",
      { class: "problems" },
      upload.problems.map((problem) => h("li", null, problem)),
    ),
    hidden > 0 && h("p", { class: "quiet" }, `and ${number(hidden)} more`),
    upload.annotated && copyButton(upload.annotated, upload.time),
  );
}
