// What one version of the workbook changes in another: jobs that come and go, and cells before and after.

import { h } from "./dom.js";
import { number, words } from "./format.js";
import { jobLink, section } from "./links.js";
import { table } from "./table.js";

const LISTS = ["added", "removed", "enabled", "disabled", "requests"];
const LINKED = ["added", "enabled", "disabled"];
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

// `id` names the section; `linked` says whether jobs that came have a page already.
export function diff(id, title, changes, linked = true) {
  const lists = LISTS.filter((name) => changes[name]?.length);
  const changed = changes.changed ?? [];
  return section(
    id,
    title,
    !lists.length && !changed.length && h("p", { class: "empty" }, "Nothing but the file."),
    lists.map((name) =>
      h(
        "details",
        { "data-key": `${id}-${name}`, open: changes[name].length <= 20 },
        h("summary", null, `${words(name)} (${number(changes[name].length)})`),
        names(changes[name], linked && LINKED.includes(name)),
      ),
    ),
    changed.length > 0 &&
      table(`${id}-cells`, "Changed cells", CHANGE_COLUMNS, changed, {
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

function written(value) {
  if (value === null || value === undefined || value === "") return "blank";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
