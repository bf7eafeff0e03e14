// A new workbook: it is checked first, with what it would change, and becomes active by a button of its own.

import { download, sendFile } from "./api.js";
import { diff } from "./changes.js";
import { h } from "./dom.js";
import { count } from "./format.js";
import { actionButton, section } from "./links.js";
import { notice } from "./notices.js";
import { table } from "./table.js";

const CONFLICT = 409;
const SAVED_FOR_MS = 60_000;
const PROBLEM_COLUMNS = [
  { name: "cell", title: "Cell", cell: (problem) => h("code", null, place(problem)) },
  { name: "column", title: "Column", value: (problem) => problem.column, cell: (problem) => problem.column },
  { name: "message", title: "What is wrong", cell: (problem) => h("span", { class: "wide" }, problem.message) },
];

let checked = null; // { name, content, report } of the file that waits for its activation

export function chooseWorkbook() {
  document.getElementById("workbook-file").click();
}

// Have the app check files that were chosen or dropped: one of them, for there is one workbook.
export async function checkFiles(files) {
  if (files.length !== 1) {
    notice("Give one workbook at a time.");
    return;
  }
  const [{ name }] = files;
  notice(`Checking ${name} …`);
  await check(name, new Blob([await files[0].arrayBuffer()])); // the file may change while its check is read
  notice(checked.report.valid ? `${name} is valid.` : `${name} has ${count(checked.report.problems.length, "problem")}.`);
}

async function check(name, content) {
  checked = { name, content, report: await sendFile("POST", "config/validate", content) };
}

export async function activateChecked() {
  const { name, content, report } = checked;
  let answer;
  try {
    answer = await sendFile("PUT", `config?replaces=${report.active_sha256}`, content);
  } catch (error) {
    if (error.status === CONFLICT) await check(name, content);
    throw error;
  }
  if (answer.outcome === "REFUSED") {
    checked.report = { ...answer, valid: false };
    notice(`${name} was refused.`);
    return;
  }
  checked = null;
  const version = answer.sha256.slice(0, 12);
  notice(answer.outcome === "UNCHANGED" ? `${name} was active already.` : `${name} is active: version ${version}.`);
}

export async function saveCheckedCopy() {
  const { name, content } = checked;
  save(await download("POST", "config/validate?annotated=1", content), `checked-${name}`);
}

export async function saveRefusedCopy({ route }) {
  save(await download("GET", route.replace("/api/", "")), "refused.xlsx");
}

export function discardChecked() {
  checked = null;
}

export function uploadSection() {
  return section(
    "upload",
    "Upload",
    h(
      "div",
      { class: "drop card row" },
      h("span", null, "Drop a workbook (.xlsx) anywhere on this page. It is checked first."),
      actionButton("choose-workbook", "Choose a workbook", {}),
    ),
    checked && report(checked),
  );
}

function report({ name, report: { valid, problems, warnings, changes, jobs } }) {
  return h(
    "section",
    { class: `card ${valid ? "" : "error"}`, "aria-label": `Check of ${name}`, "data-key": "checked" },
    h(
      "div",
      { class: "row" },
      h("h3", null, valid ? `${name} is valid and not active yet` : `${name} cannot become active`),
      h(
        "span",
        { class: "actions" },
        valid && actionButton("activate-workbook", "Make it active", {}, null, "primary"),
        problems.length + warnings.length > 0 &&
          actionButton("checked-copy", "Download with the problems marked", {}),
        actionButton("discard-workbook", "Discard", {}),
      ),
    ),
    problems.length > 0 && problemTable("Problems", problems),
    warnings.length > 0 && problemTable("Warnings", warnings),
    valid && !changes && h("p", { class: "empty" }, `It is the first version, with ${count(jobs.length, "job")}.`),
    changes && diff("checked-diff", "What it would change", changes, false),
  );
}

function problemTable(title, problems) {
  return table(title.toLowerCase(), title, PROBLEM_COLUMNS, problems, { key: (problem) => place(problem) + problem.message });
}

function place({ sheet, cell }) {
  return cell ? `${sheet}!${cell}` : sheet;
}

function save(content, name) {
  const address = URL.createObjectURL(content);
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), SAVED_FOR_MS);
}
