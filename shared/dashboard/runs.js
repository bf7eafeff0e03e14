// The runs, newest first, and one run with its jobs.

import { get, part } from "./api.js";
import { badge, moment, stamp } from "./badges.js";
import { knownJobs, loadJobs } from "./catalogue.js";
import { h } from "./dom.js";
import { errorPanel, hint } from "./errors.js";
import { bytes, count, duration, number, secondsSince, triggerName, words } from "./format.js";
import { actionButton, facts, jobLink, runLink } from "./links.js";
import { readOlder, withOlder } from "./older.js";
import { runningRun } from "./progress.js";
import { table } from "./table.js";
import { cost, timelineSection } from "./timeline.js";

const PAGE = 100;
const timelines = new Map(); // as last read, by run
let seen = { runId: null, jobs: new Map(), asOf: null }; // the run that is shown
const STATES = ["", "RUNNING", "SUCCEEDED", "PARTLY_FAILED", "FAILED", "CANCELLED", "SKIPPED"];

// A run that an operator has suspended in Durable Functions goes on, in principle; nothing of it does.
const state = (run) => (run.stage === "suspended" ? "SUSPENDED" : run.status);

const RUN_COLUMNS = [
  { name: "run", title: "Run", cell: (run) => runLink(run.run_id) },
  { name: "status", title: "State", cell: (run) => badge(state(run)) },
  { name: "start", title: "Started (UTC)", cell: (run) => stamp(run.start_time) },
  { name: "trigger", title: "Trigger", cell: (run) => triggerName(run.trigger) },
  { name: "jobs", title: "Jobs", numeric: true, cell: (run) => number(run.jobs_total) },
  { name: "failed", title: "Failed", numeric: true, cell: (run) => number(run.jobs_failed) },
  { name: "rows", title: "Rows", numeric: true, cell: (run) => number(run.rows_written) },
  { name: "seconds", title: "Time", numeric: true, cell: (run) => duration(lasted(run)) },
];

const JOB_COLUMNS = [
  { name: "job", title: "Job", value: (job) => job.job_id, cell: (job) => jobLink(job.job_id) },
  { name: "status", title: "State", value: (job) => job.status, cell: (job) => badge(job.status) },
  {
    name: "rows",
    title: "Rows",
    numeric: true,
    value: (job) => job.rows_extracted,
    cell: (job) => number(job.rows_extracted),
  },
  {
    name: "bytes",
    title: "Size",
    numeric: true,
    value: (job) => job.bytes_written,
    cell: (job) => bytes(job.bytes_written),
  },
  {
    name: "seconds",
    title: "Time",
    numeric: true,
    value: (job) => job.duration_seconds,
    cell: (job) => duration(job.duration_seconds),
  },
  { name: "attempt", title: "Attempt", numeric: true, value: (job) => job.attempt, cell: (job) => number(job.attempt) },
  { name: "error", title: "What happened", cell: trouble },
];

export function runsTable(id, runs) {
  return table(id, "Runs", RUN_COLUMNS, runs, { key: (run) => run.run_id, empty: "Nothing has run yet." });
}

export const runsView = {
  title: "Runs",
  seconds: () => 10,

  async load(parameters) {
    return get("runs", { status: parameters.get("status"), limit: PAGE });
  },

  render(newest, parameters) {
    const status = parameters.get("status") ?? "";
    const { rows, continuation } = withOlder(`runs-${status}`, rowsOf(newest));
    return [
      h("h1", null, "Runs"),
      h(
        "nav",
        { class: "chips", "aria-label": "Which runs" },
        STATES.map((state) =>
          h(
            "a",
            { href: state ? `#/runs?status=${state}` : "#/runs", "aria-current": state === status ? "page" : null },
            state ? words(state) : "All",
          ),
        ),
      ),
      runsTable(`runs-${status}`, rows),
      continuation && actionButton("older-runs", "Show older runs", { status }),
    ];
  },
};

export function showOlderRuns(status) {
  return readOlder(`runs-${status}`, async (continuation) =>
    rowsOf(await get("runs", { status, limit: PAGE, continuation })),
  );
}

function rowsOf({ runs, continuation }) {
  return { rows: runs, continuation };
}

export const runView = {
  title: (runId) => `Run ${runId}`,
  seconds: (run) => (run.status === "RUNNING" ? 2 : 30),

  async load(parameters, runId) {
    const [run] = await Promise.all([readRun(runId), loadJobs()]);
    return run;
  },

  // Where its time went comes after the rest.
  async complete(run) {
    run.timeline = await get(`runs/${part(run.run_id)}/timeline`);
    timelines.set(run.run_id, run.timeline);
    return true;
  },

  render(run) {
    const failed = run.progress.jobs_failed > 0 || run.status === "FAILED" || run.status === "CANCELLED";
    const timeline = run.timeline ?? timelines.get(run.run_id);
    const costs = new Map(timeline?.jobs.map((job) => [job.job_id, job]));
    const took = (job) => costs.get(job.job_id)?.instance_seconds;
    const columns = [...JOB_COLUMNS];
    columns.splice(-1, 0, {
      name: "cost",
      title: "Cost",
      numeric: true,
      value: took,
      cell: (job) => (costs.has(job.job_id) ? cost(costs.get(job.job_id), timeline.currency) : "–"),
    });
    return [
      h("p", { class: "trail" }, h("a", { href: "#/runs" }, "Runs")),
      h(
        "div",
        { class: "row" },
        h("h1", null, `Run ${run.run_id}`),
        badge(state(run)),
        run.status !== "RUNNING" &&
          failed &&
          actionButton("retry", run.status === "CANCELLED" ? "Retry the rest" : "Retry what failed", { run: run.run_id }, null, "primary"),
      ),
      run.error && errorPanel("The run failed", run.error_kind, run.error),
      run.status === "RUNNING" && runningRun(run, knownJobs()),
      facts([
        ["Trigger", triggerName(run.trigger)],
        ["Started", run.start_time && stamp(run.start_time)],
        ["Ended", run.end_time && stamp(run.end_time)],
        ["Time", duration(lasted(run))],
        [
          "Jobs",
          `${count(run.progress.jobs_total, "job")}, ${number(run.progress.jobs_done)} done, ${number(run.progress.jobs_failed)} failed`,
        ],
        ["Rows", number(run.progress.rows)],
        ["Cost", timeline && cost(timeline, timeline.currency)],
        ["Workbook", run.config_sha256 && h("code", null, run.config_sha256.slice(0, 12))],
      ]),
      timeline && timelineSection(timeline),
      h(
        "section",
        { "aria-labelledby": "of-run" },
        h("h2", { id: "of-run" }, "Jobs"),
        table(`jobs-of-${run.run_id}`, "Jobs of the run", columns, run.jobs, {
          key: (job) => job.job_id,
          text: (job) => [job.job_id, job.status, job.error_kind, job.error_message].join(" "),
          empty: "No job has started.",
        }),
      ),
    ];
  },
};

// The run, of whose jobs only what has changed since the last reading is read.
async function readRun(runId) {
  if (seen.runId !== runId) seen = { runId, jobs: new Map(), asOf: null };
  const path = `runs/${part(runId)}`;
  const run = await get(path, { since: seen.asOf });
  for (let page = run; page; page = page.continuation && (await get(path, { continuation: page.continuation })))
    for (const job of page.jobs) seen.jobs.set(job.job_id, job);
  seen.asOf = run.as_of;
  return { ...run, jobs: [...seen.jobs.values()].sort((a, b) => (a.job_id < b.job_id ? -1 : 1)) };
}

function lasted(run) {
  return run.start_time && run.end_time ? secondsSince(run.start_time, new Date(run.end_time)) : null;
}

function trouble(job) {
  if (job.warnings?.length) return h("span", { class: "wide" }, job.warnings.join(" "));
  return (
    job.error_message &&
    h(
      "details",
      null,
      h("summary", null, h("span", { class: "kind" }, words(job.error_kind ?? "error")), " ", job.error_message),
      h("p", null, h("strong", null, "What to do: "), hint(job.error_kind)),
    )
  );
}
