// The first view: what runs, what needs attention, what ran last.

import { get, part } from "./api.js";
import { badge, moment } from "./badges.js";
import { countJobs, jobsAreKnown, jobState, knownJobs, loadJobs, warningsOf } from "./catalogue.js";
import { h } from "./dom.js";
import { firstSentence, number } from "./format.js";
import { actionButton, jobLink } from "./links.js";
import { runningRun } from "./progress.js";
import { newestRefusal, refusedUpload } from "./refusal.js";
import { runsTable } from "./runs.js";

const LAST_RUNS = 10;
const MOST_TROUBLES = 6;

export const overview = {
  title: "Overview",
  seconds: (data) => (data.running.length ? 2 : 10),

  async load() {
    const [active, last, counts, refusal] = await Promise.all([
      get("runs", { status: "RUNNING" }),
      get("runs", { limit: LAST_RUNS }),
      jobsAreKnown() ? null : countJobs(),
      newestRefusal(),
    ]);
    const described = await Promise.all(
      active.runs.map((run) => get(`runs/${part(run.run_id)}`, { job_status: "RUNNING,WAITING" })),
    );
    return { running: described.filter((run) => run.status === "RUNNING"), last: last.runs, counts, refusal };
  },

  // The jobs come after what runs: there may be many.
  complete: () => loadJobs(),

  render({ running, last, counts, refusal }) {
    const jobs = [...knownJobs().values()];
    const failed = jobs.filter((job) => jobState(job) === "FAILED");
    const overdue = jobs.filter((job) => job.overdue_since);
    const warned = jobs.filter((job) => warningsOf(job).length > 0);
    const counted = jobsAreKnown()
      ? {
          failed: failed.length,
          overdue: overdue.length,
          warned: warned.length,
          enabled: jobs.filter((job) => job.enabled).length,
        }
      : (counts ?? { failed: 0, overdue: 0, warned: 0, enabled: 0 });
    return [
      h("h1", null, "Overview"),
      h(
        "div",
        { class: "tiles" },
        tile("Running runs", running.length, "#/runs", "busy"),
        tile("Jobs whose last run failed", counted.failed, "#/jobs?show=failed", "bad"),
        tile("Jobs overdue", counted.overdue, "#/jobs?show=overdue", "warn"),
        tile("Jobs with warnings", counted.warned, "#/jobs?show=warned", "warn"),
        tile("Jobs enabled", counted.enabled, "#/jobs"),
      ),
      refusal && refusedUpload(refusal),
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

function tile(text, amount, href, look = "") {
  return h(
    "a",
    { class: `tile ${amount ? look : ""}`, href },
    h("strong", null, number(amount)),
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
