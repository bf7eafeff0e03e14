// The first view: what runs, what needs attention, what ran last.

import { get, part } from "./api.js";
import { badge, moment } from "./badges.js";
import { jobsAreKnown, jobState, knownJobs, loadJobs, warningsOf } from "./catalogue.js";
import { h } from "./dom.js";
import { firstSentence, number } from "./format.js";
import { actionButton, jobLink } from "./links.js";
import { runningRun } from "./progress.js";
import { runsTable } from "./runs.js";

const LAST_RUNS = 10;
const MOST_TROUBLES = 6;

export const overview = {
  title: "Overview",
  seconds: (data) => (data.running.length ? 2 : 10),

  async load() {
    const [active, last] = await Promise.all([get("runs", { status: "RUNNING" }), get("runs", { limit: LAST_RUNS })]);
    const described = await Promise.all(
      active.runs.map((run) => get(`runs/${part(run.run_id)}`, { job_status: "RUNNING,WAITING" })),
    );
    return { running: described.filter((run) => run.status === "RUNNING"), last: last.runs };
  },

  // The jobs come after what runs: there may be many.
  complete: () => loadJobs(),

  render({ running, last }) {
    const jobs = [...knownJobs().values()];
    const failed = jobs.filter((job) => jobState(job) === "FAILED");
    const overdue = jobs.filter((job) => job.overdue_since);
    const warned = jobs.filter((job) => warningsOf(job).length > 0);
    const amount = (some) => (jobsAreKnown() ? some.length : null);
    return [
      h("h1", null, "Overview"),
      h(
        "div",
        { class: "tiles" },
        tile("Running runs", running.length, "#/runs", running.length ? "busy" : null),
        tile("Jobs whose last run failed", amount(failed), "#/jobs?show=failed", failed.length ? "bad" : null),
        tile("Jobs overdue", amount(overdue), "#/jobs?show=overdue", overdue.length ? "warn" : null),
        tile("Jobs with warnings", amount(warned), "#/jobs?show=warned", warned.length ? "warn" : null),
        tile("Jobs enabled", amount(jobs.filter((job) => job.enabled)), "#/jobs", null),
      ),
      h(
        "section",
        { "aria-labelledby": "now" },
        h(
          "div",
          { class: "row" },
          h("h2", { id: "now" }, "Now running"),
          actionButton("run", "Run all enabled jobs", {}, null, "primary"),
          actionButton("dry-run", "Dry run", {}, "Dry run of all enabled jobs"),
        ),
        running.length
          ? running.map((run) => runningRun(run, knownJobs()))
          : h("p", { class: "empty" }, "Nothing is running."),
      ),
      failed.length + overdue.length + warned.length > 0 &&
        troubles([...new Set([...failed, ...overdue, ...warned])]),
      h("section", { "aria-labelledby": "last" }, h("h2", { id: "last" }, "Last runs"), runsTable("last-runs", last)),
    ];
  },
};

function tile(text, amount, href, look) {
  return h(
    "a",
    { class: `tile ${look ?? ""}`, href },
    h("strong", null, amount === null ? "…" : number(amount)),
    h("span", null, text),
  );
}

function troubles(jobs) {
  return h(
    "section",
    { "aria-labelledby": "troubles", "data-key": "troubles" },
    h("h2", { id: "troubles" }, "Needs attention"),
    h(
      "ul",
      { class: "troubles" },
      jobs
        .slice(0, MOST_TROUBLES)
        .map((job) =>
          h(
            "li",
            { "data-key": job.job_id },
            jobLink(job.job_id),
            jobState(job) === "FAILED" && badge("FAILED"),
            job.overdue_since && badge("OVERDUE"),
            warningsOf(job).length > 0 && badge("WARNING"),
            h("span", { class: "quiet" }, whatIsWrong(job)),
          ),
        ),
    ),
    jobs.length > MOST_TROUBLES &&
      h(
        "p",
        { class: "quiet" },
        `and ${number(jobs.length - MOST_TROUBLES)} more in `,
        h("a", { href: "#/jobs" }, "Jobs"),
      ),
  );
}

function whatIsWrong(job) {
  if (jobState(job) === "FAILED") return firstSentence(job.last_result.error_message ?? "");
  if (job.overdue_since) return ["since ", moment(job.overdue_since)];
  return firstSentence(warningsOf(job)[0]);
}
