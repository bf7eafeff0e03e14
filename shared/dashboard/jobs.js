// All jobs: state, freshness, last load, and a chart of each row that is in sight.

import { get } from "./api.js";
import { badge, moment } from "./badges.js";
import { jobState, knownJobs, loadJobs, sourceOf, warningsOf } from "./catalogue.js";
import { sparkline } from "./charts.js";
import { h } from "./dom.js";
import { duration, number } from "./format.js";
import { actionButton, jobLink } from "./links.js";
import { currentState } from "./progress.js";
import { table, visibleRows } from "./table.js";

const ID = "jobs";
const SHOWN = {
  all: ["All", () => true],
  running: ["Running", (job) => job.current.length > 0],
  failed: ["Failed", (job) => jobState(job) === "FAILED"],
  overdue: ["Overdue", (job) => Boolean(job.overdue_since)],
  warned: ["With warnings", (job) => warningsOf(job).length > 0],
  disabled: ["Disabled", (job) => !job.enabled],
};
const REQUEST_JOBS = 25; // whose loads are asked for at once
const loads = new Map(); // the loads that a chart shows, by job id, with the run that was the last when they were read

const COLUMNS = [
  {
    name: "job",
    title: "Job",
    value: (job) => job.job_id,
    cell: (job) => [jobLink(job.job_id), h("span", { class: "quiet below" }, sourceOf(job))],
  },
  {
    name: "state",
    title: "State",
    value: jobState,
    cell: (job) => [
      badge(jobState(job)),
      warningsOf(job).length > 0 && badge("WARNING"),
      job.current.map((attempt) => h("span", { class: "quiet below" }, currentState(attempt))),
    ],
  },
  { name: "fresh", title: "Last good load", value: (job) => job.last_success?.end_time, cell: freshness },
  {
    name: "rows",
    title: "Rows",
    numeric: true,
    value: (job) => job.last_success?.rows_extracted,
    cell: (job) => number(job.last_success?.rows_extracted),
  },
  {
    name: "seconds",
    title: "Time",
    numeric: true,
    value: (job) => job.last_success?.duration_seconds,
    cell: (job) => duration(job.last_success?.duration_seconds),
  },
  { name: "chart", title: "Last 30 loads", hint: legend, cell: (job) => sparkline(loads.get(job.job_id)?.loads) },
  { name: "actions", title: "Actions", cell: actions },
];

export const jobsView = {
  title: "Jobs",
  seconds: () => 15,

  async load() {
    await loadJobs();
    return {};
  },

  render(data, parameters) {
    const show = SHOWN[parameters.get("show")] ? parameters.get("show") : "all";
    const rows = [...knownJobs().values()].filter(SHOWN[show][1]);
    return [
      h("h1", null, "Jobs"),
      h(
        "nav",
        { class: "chips", "aria-label": "Which jobs" },
        Object.entries(SHOWN).map(([name, [text]]) =>
          h(
            "a",
            { href: name === "all" ? "#/jobs" : `#/jobs?show=${name}`, "aria-current": name === show ? "page" : null },
            text,
          ),
        ),
      ),
      table(ID, "Jobs", COLUMNS, rows, { key: (job) => job.job_id, text: searched, empty: "No such job." }),
    ];
  },

  // Read the loads of the rows in sight, many jobs at once; true when there are new ones to show.
  async complete(data, parameters) {
    const show = SHOWN[parameters.get("show")] ?? SHOWN.all;
    const rows = visibleRows(ID, COLUMNS, [...knownJobs().values()].filter(show[1]), searched);
    const wanted = rows.filter((job) => loads.get(job.job_id)?.run !== lastRun(job));
    if (!wanted.length) return false;
    const parts = Array.from({ length: Math.ceil(wanted.length / REQUEST_JOBS) }, (_, place) =>
      wanted.slice(place * REQUEST_JOBS, (place + 1) * REQUEST_JOBS),
    );
    await Promise.all(parts.map(readLoads));
    return true;
  },
};

async function readLoads(wanted) {
  const found = (await get("loads", { job_ids: wanted.map((job) => job.job_id).join(",") })).loads;
  for (const job of wanted) loads.set(job.job_id, { run: lastRun(job), loads: found[job.job_id] ?? [] });
}

function legend() {
  return h(
    "span",
    { class: "legend" },
    h("span", { class: "of-rows" }, "rows"),
    h("span", { class: "of-time" }, "time"),
    h("span", { class: "of-failures" }, "failed"),
    h("span", { class: "of-others" }, "skipped"),
  );
}

function searched(job) {
  return [job.job_id, sourceOf(job), jobState(job), job.load_type, ...job.tags].join(" ");
}

function lastRun(job) {
  return job.last_result?.run_id ?? "";
}

function freshness(job) {
  return [
    moment(job.last_success?.end_time),
    " ",
    job.overdue_since && badge("OVERDUE"),
    h(
      "span",
      { class: "quiet below" },
      job.overdue_since ? ["since ", moment(job.overdue_since)] : job.next_due ? ["next ", moment(job.next_due)] : "",
    ),
  ];
}

function actions(job) {
  return h(
    "span",
    { class: "actions" },
    actionButton("run", "Run", { job: job.job_id }, `Run ${job.job_id}`, null, job.current.length > 0),
    actionButton("dry-run", "Dry run", { job: job.job_id }, `Dry run of ${job.job_id}`),
  );
}
