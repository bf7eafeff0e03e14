// What is running now, with bars.

import { h } from "./dom.js";
import { badge, moment } from "./badges.js";
import { actionButton, jobLink, runLink } from "./links.js";
import { clock, count, duration, number, secondsSince, triggerName } from "./format.js";

const MOST_JOBS = 20; // of one run, shown at once

// A running run: its jobs done, and a bar for each running job.
export function runningRun(run, jobs) {
  const { jobs_total: total, jobs_done: done, jobs_failed: failed } = run.progress;
  const working = run.jobs.filter((job) => job.status === "RUNNING");
  const waiting = run.jobs.filter((job) => job.status === "WAITING");
  const id = `run-${run.run_id}`;
  return h(
    "section",
    { class: "card running", "data-key": run.run_id, "aria-labelledby": id },
    h(
      "div",
      { class: "row" },
      h("h3", { id }, runLink(run.run_id)),
      badge(run.status),
      h("span", { class: "quiet" }, `${triggerName(run.trigger)}, started `, moment(run.start_time)),
      actionButton("cancel", "Cancel", { run: run.run_id }, `Cancel run ${run.run_id}`),
    ),
    h(
      "div",
      { class: "bar-line" },
      h("progress", { max: Math.max(total, 1), value: done, "aria-label": `Jobs done of run ${run.run_id}` }),
      h("span", null, `${number(done)} of ${count(total, "job")}${failed ? `, ${number(failed)} failed` : ""}`),
    ),
    h(
      "ul",
      { class: "working" },
      working.slice(0, MOST_JOBS).map((job) => workingJob(job, jobs.get(job.job_id))),
      waiting.slice(0, MOST_JOBS).map(waitingJob),
    ),
    working.length > MOST_JOBS && h("p", { class: "quiet" }, `and ${count(working.length - MOST_JOBS, "job")} more`),
  );
}

// One running job. Without an earlier load to measure by, its bar only moves.
export function workingJob(job, known) {
  const usual = known?.last_success;
  const elapsed = secondsSince(job.start_time);
  const share = expectedShare(job, known?.load_type, usual, elapsed);
  const rows =
    known?.load_type === "FULL" && usual?.rows_extracted
      ? `${number(job.rows_extracted ?? 0)} of about ${count(usual.rows_extracted, "row")}`
      : count(job.rows_extracted ?? 0, "row");
  return h(
    "li",
    { "data-key": job.job_id },
    h("span", { class: "name" }, jobLink(job.job_id)),
    h("progress", { max: 1, value: share, "aria-label": `Progress of ${job.job_id}` }),
    h("span", { class: "quiet" }, [
      `${job.stage ?? "running"}, ${rows}, ${duration(elapsed)}`,
      usual && ` (last time ${duration(usual.duration_seconds)})`,
      job.attempt > 1 && `, attempt ${job.attempt}`,
    ]),
  );
}

// In a few words how far a running job has come, or what a waiting one waits for.
export function currentState(job) {
  return job.status === "WAITING"
    ? `attempt ${job.next_attempt} ${job.next_attempt_at ? `at ${clock(job.next_attempt_at)} UTC` : "next"}`
    : `${job.stage ?? "running"}, ${count(job.rows_extracted ?? 0, "row")}, ${duration(secondsSince(job.start_time))}`;
}

// One job between two attempts.
export function waitingJob(job) {
  return h(
    "li",
    { "data-key": job.job_id },
    h("span", { class: "name" }, jobLink(job.job_id)),
    badge(job.status),
    h("span", { class: "quiet" }, [currentState(job), job.reason && `: ${job.reason}`]),
  );
}

// How much of a load is done, by what the last one read or took; null where nothing is known. It never says all.
function expectedShare(job, loadType, usual, elapsed) {
  if (!usual) return null;
  if (job.stage === "load") return 0.95;
  const byRows = loadType === "FULL" && usual.rows_extracted ? (job.rows_extracted ?? 0) / usual.rows_extracted : 0;
  const byTime = usual.duration_seconds ? elapsed / usual.duration_seconds : 0;
  return Math.min(Math.max(byRows, byRows ? 0 : byTime), 0.9).toFixed(3);
}
