// The running page: which view the address names, reading it again and again, and what clicks and typing do.

import { cancelRun, dryRun, retryRun, startRun } from "./actions.js";
import { get } from "./api.js";
import { forgetJobs } from "./catalogue.js";
import { rewindJob, rollBack } from "./changing.js";
import { dialogIsOpen } from "./dialog.js";
import { h, render } from "./dom.js";
import { jobView, showOlder } from "./job.js";
import { jobsView } from "./jobs.js";
import { askForKey, forgetKey, hasKey } from "./key.js";
import { actionButton } from "./links.js";
import { showRefusal } from "./notices.js";
import { overview } from "./overview.js";
import { forgetRefusal } from "./refusal.js";
import { runView, runsView, showOlderRuns } from "./runs.js";
import { filterBy, sortBy, turnTo } from "./table.js";
import { applyTheme, toggleTheme } from "./theme.js";
import {
  activateChecked,
  checkFiles,
  chooseWorkbook,
  discardChecked,
  saveCheckedCopy,
  saveRefusedCopy,
} from "./upload.js";
import { workbookView } from "./workbook.js";

const VIEWS = { "": overview, jobs: jobsView, runs: runsView, workbook: workbookView };
const VIEWS_OF_ONE = { jobs: jobView, runs: runView };
const RETRY_SECONDS = 5;
const TYPING_MS = 300;
const CONTENT = document.getElementById("content");

let place = null; // { view, name, parameters } of the address
let data = null; // what the view has read
let timer = null;
let typing = null;
let opened = false; // whether the app has answered
let reading = 0; // counts readings, so that an answer that comes too late is left alone
let readingFailed = false; // the next one that does not takes back what is said of it

function addressed() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [section, name] = path.split("/").map(decoded);
  const view = (name ? VIEWS_OF_ONE[section] : VIEWS[section]) ?? overview;
  return { view, name, section, parameters: new URLSearchParams(query) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // no address that this page made
  }
}

function titleOf({ view, name }) {
  return typeof view.title === "function" ? view.title(name) : view.title;
}

function show() {
  const { view, name, parameters } = place;
  if (data) render(CONTENT, view.render(data, parameters, name));
}

async function read() {
  clearTimeout(timer);
  const mine = ++reading;
  const { view, name, parameters } = place;
  try {
    if (!opened && !hasKey()) await get("runs", { limit: 1 }); // one refusal instead of one of each request
    opened = true;
    const found = await view.load(parameters, name);
    if (mine !== reading) return;
    data = found;
    if (readingFailed) showRefusal(null);
    readingFailed = false;
    document.getElementById("updated").textContent = `Updated ${new Date().toISOString().slice(11, 19)} UTC`;
    show();
    complete(mine);
  } catch (error) {
    await failed(error, mine);
  }
}

// What may come later than the rest, and the next reading.
async function complete(mine) {
  const { view, parameters } = place;
  try {
    if ((await view.complete?.(data, parameters)) && mine === reading) show();
    again(view.seconds(data), mine);
  } catch (error) {
    await failed(error, mine);
  }
}

async function failed(error, mine) {
  if (mine !== reading) return;
  if (error.status === 401) await unlock();
  else {
    if (!data) render(CONTENT, h("h1", null, titleOf(place)), h("p", { class: "empty" }, "Nothing to show."));
    report(error);
    readingFailed = true;
    again(RETRY_SECONDS, mine);
  }
}

function again(seconds, mine) {
  if (mine === reading && !document.hidden) timer = setTimeout(read, seconds * 1000);
}

async function unlock() {
  const refused = hasKey();
  forgetKey();
  showKey();
  if (await askForKey(refused)) {
    showKey();
    await read();
  } else {
    data = null;
    render(
      CONTENT,
      h("h1", null, "Locked"),
      h("p", null, "The app answers only with a function key."),
      actionButton("key", "Enter the key", {}, null, "primary"),
    );
  }
}

// Go where the address says.
async function go() {
  place = addressed();
  data = null;
  showRefusal(null);
  const { section } = place;
  document.title = `${titleOf(place)} · Excel to lake`;
  for (const link of document.querySelectorAll("header nav a")) {
    if (link.hash === `#/${section ?? ""}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  render(CONTENT, h("h1", null, titleOf(place)), h("p", { class: "empty" }, "Reading …"));
  CONTENT.setAttribute("aria-busy", "true");
  await read();
  CONTENT.removeAttribute("aria-busy");
}

// Follow a link: the content takes the focus, so that a screen reader begins there.
async function follow() {
  await go();
  if (!dialogIsOpen()) CONTENT.focus({ preventScroll: true });
  scrollTo(0, 0);
}

// Other rows are in sight: read what belongs to them.
async function completeNow() {
  clearTimeout(timer);
  if (data) await complete(++reading);
}

function showKey() {
  document.getElementById("key-button").textContent = hasKey() ? "Forget key" : "Key";
}

function report(error) {
  readingFailed = false;
  if (error.status === undefined) console.error(error);
  showRefusal(error);
}

async function toggleKey() {
  if (hasKey()) forgetKey();
  else await askForKey(false);
  opened = false;
  showKey();
}

const CHANGING = {
  run: startRun,
  "dry-run": dryRun,
  cancel: cancelRun,
  retry: retryRun,
  rewind: rewindJob,
  rollback: rollBack,
  key: toggleKey,
  "activate-workbook": activateChecked,
};
const READING = {
  older: ({ job }) => showOlder(job),
  "older-runs": ({ status }) => showOlderRuns(status),
  "choose-workbook": chooseWorkbook,
  "checked-copy": saveCheckedCopy,
  "refused-copy": saveRefusedCopy,
};
const SHOWING = {
  sort: ({ table, column }) => sortBy(table, column),
  page: ({ table, page }) => turnTo(table, Number(page)),
  theme: toggleTheme,
  dismiss: () => showRefusal(null),
  "discard-workbook": discardChecked,
  skip: () => CONTENT.focus(),
};

const working = new WeakSet(); // buttons whose click is not done with; disabled ones would lose the focus

// Do what the user asked for; what goes wrong is said. `origin` starts nothing else meanwhile.
async function attempt(origin, work) {
  if (working.has(origin)) return;
  working.add(origin);
  try {
    await work();
  } catch (error) {
    // A key that only reads is refused here and is good all the same; one that opens nothing fails the next reading.
    if (error.status === 401 && !hasKey()) await unlock();
    else {
      show();
      report(error);
    }
  } finally {
    working.delete(origin);
  }
}

async function change(work) {
  showRefusal(null);
  await work();
  forgetJobs();
  forgetRefusal();
  await read();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-action]");
  if (!button) return;
  event.preventDefault();
  const { action, ...given } = button.dataset;
  if (SHOWING[action]) {
    SHOWING[action](given);
    show();
    await completeNow();
  } else if (READING[action]) {
    await attempt(button, async () => {
      await READING[action](given);
      show();
    });
  } else await attempt(button, () => change(() => CHANGING[action](given)));
});

document.addEventListener("change", async (event) => {
  const { id, files } = event.target;
  if (id !== "workbook-file") return;
  const chosen = [...files];
  event.target.value = ""; // so that the same file, once corrected, can be chosen again
  await attempt(CONTENT, () => change(() => checkFiles(chosen)));
});

// Files are taken on the page of the workbook; elsewhere a browser would leave the page for them.
document.addEventListener("dragover", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  const isTaken = place.view === workbookView;
  event.dataTransfer.dropEffect = isTaken ? "copy" : "none";
  CONTENT.classList.toggle("dropping", isTaken);
});

document.addEventListener("dragleave", (event) => !event.relatedTarget && CONTENT.classList.remove("dropping"));

document.addEventListener("drop", async (event) => {
  const dropped = [...event.dataTransfer.files];
  if (!dropped.length || place.view !== workbookView) return;
  event.preventDefault();
  CONTENT.classList.remove("dropping");
  await attempt(CONTENT, () => change(() => checkFiles(dropped)));
});

document.addEventListener("input", (event) => {
  const { filter } = event.target.dataset;
  if (filter === undefined) return;
  filterBy(filter, event.target.value);
  show();
  clearTimeout(typing);
  typing = setTimeout(completeNow, TYPING_MS);
});

document.addEventListener("visibilitychange", () => !document.hidden && read());
addEventListener("hashchange", follow);
applyTheme();
showKey();
go();
