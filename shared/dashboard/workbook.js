// The active workbook: its version, what it changed, its warnings and orders, earlier versions, refused uploads.

import { get } from "./api.js";
import { badge, moment, stamp } from "./badges.js";
import { h } from "./dom.js";
import { count, number, words } from "./format.js";
import { facts, jobLink } from "./links.js";
import { table } from "./table.js";

const LISTS = ["added", "removed", "enabled", "disabled", "requests"];
const MOST_NAMES = 200; // of one list

const CHANGE_COLUMNS = [
  {
    name: "row",
    title: "Row",
    value: (change) => change.row,
    cell: (change) => (change.sheet === "SourceConfig" ? jobLink(change.row) : `${change.sheet}: ${change.row}`),
  },
  {
    name: "column",
    title: "Column",
    value: (change) => change.column,
    cell: (change) => h("code", null, change.column),
  },
  { name: "before", title: "Before", cell: (change) => h("del", { class: "value" }, written(change.before)) },
  { name: "after", title: "After", cell: (change) => h("ins", { class: "value" }, written(change.after)) },
  { name: "effect", title: "For a job that has loaded", cell: (change) => h("span", { class: "wide" }, change.effect) },
];

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
      active
        ? [
            facts([
              ["Version", h("code", null, active.sha256.slice(0, 12))],
              ["Active since", moment(active.activated_at)],
              ["Uploaded", [moment(active.uploaded_at), active.uploaded_by && ` by ${active.uploaded_by}`]],
              ["Jobs", `${count(active.jobs, "job")}, ${number(active.jobs_enabled)} enabled`],
              ["Changed", active.changes],
            ]),
            diff(active.diff),
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

function section(id, title, ...content) {
  return h("section", { "aria-labelledby": id, "data-key": id }, h("h2", { id }, title), content);
}

function diff(changes) {
  const lists = LISTS.filter((name) => changes[name]?.length);
  const changed = changes.changed ?? [];
  return section(
    "diff",
    "What it changed",
    !lists.length && !changed.length && h("p", { class: "empty" }, "Nothing but the file."),
    lists.map((name) =>
      h(
        "details",
        { "data-key": name, open: changes[name].length <= 20 },
        h("summary", null, `${words(name)} (${number(changes[name].length)})`),
        names(changes[name], name === "added" || name === "enabled" || name === "disabled"),
      ),
    ),
    changed.length > 0 &&
      table("changed", "Changed cells", CHANGE_COLUMNS, changed, {
        key: (change) => `${change.sheet}/${change.row}/${change.column}`,
        text: (change) => `${change.row} ${change.column}`,
      }),
  );
}

function names(all, linked) {
  return h(
    "ul",
    { class: "names" },
    all.slice(0, MOST_NAMES).map((name) => h("li", null, linked ? jobLink(name) : name)),
    all.length > MOST_NAMES && h("li", { class: "quiet" }, `and ${number(all.length - MOST_NAMES)} more`),
  );
}

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
    upload.refused_folder &&
      h(
        "p",
        { class: "quiet" },
        "All of them, and the workbook with the problems at their cells: ",
        h("code", null, upload.refused_folder),
      ),
  );
}

function written(value) {
  if (value === null || value === undefined || value === "") return "blank";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
