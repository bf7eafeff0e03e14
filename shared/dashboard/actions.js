// What the buttons do that change something: run, retry, cancel; and the dry run, which changes nothing.

import { part, post } from "./api.js";
import { ask } from "./dialog.js";
import { h } from "./dom.js";
import { hint } from "./errors.js";
import { count, number } from "./format.js";
import { facts, runLink } from "./links.js";
import { notice } from "./notices.js";

const MOST_EXAMINED = 50; // jobs of a dry run that are shown, those with errors first

export async function startRun({ job }) {
  const answer = await ask({
    title: job ? `Run ${job}` : "Run all enabled jobs",
    confirm: "Run",
    content: [
      h(
        "p",
        null,
        job
          ? "The job starts at once, regardless of its schedule."
          : "Every enabled job starts, regardless of its schedule.",
      ),
      h(
        "label",
        { class: "check" },
        h("input", { type: "checkbox", name: "full_refresh" }),
        " Full refresh: forget the watermark and load everything again",
      ),
    ],
  });
  if (!answer) return;
  const started = await post("runs", { ...named(job), full_refresh: answer.full_refresh === "on" });
  notice("Started run ", runLink(started.run_id), ".");
}

export async function cancelRun({ run }) {
  const answer = await ask({
    title: `Cancel run ${run}`,
    confirm: "Cancel the run",
    danger: true,
    content: h(
      "p",
      null,
      "Running jobs end without a load, waiting ones do not start. Completed loads stay.",
    ),
  });
  if (!answer) return;
  await post(`runs/${part(run)}/cancel`);
  notice("Run ", runLink(run), " is being cancelled.");
}

export async function retryRun({ run }) {
  const answer = await ask({
    title: `Retry run ${run}`,
    confirm: "Retry",
    content: h("p", null, "A new run loads only the jobs that failed in this one or were cancelled."),
  });
  if (!answer) return;
  const started = await post(`runs/${part(run)}/retry`);
  notice("Started run ", runLink(started.run_id), ".");
}

export async function dryRun({ job }) {
  notice("The dry run queries the sources; that takes up to 90 seconds.");
  const plan = await post("runs", { ...named(job), dry_run: true });
  await ask({
    title: job ? `Dry run of ${job}` : "Dry run",
    content: [
      h("p", null, `${count(plan.jobs.length, "job")} in ${count(plan.lanes.length, "lane")}. Nothing was loaded.`),
      [...plan.jobs]
        .sort((a, b) => Boolean(b.error) - Boolean(a.error))
        .slice(0, MOST_EXAMINED)
        .map(examined),
      plan.jobs.length > MOST_EXAMINED &&
        h("p", { class: "quiet" }, `and ${number(plan.jobs.length - MOST_EXAMINED)} more`),
    ],
  });
}

function named(job) {
  return job ? { job_ids: [job] } : {};
}

function examined(job) {
  const { error } = job;
  return h(
    "section",
    { class: "card", "aria-label": job.job_id },
    h("h3", null, job.job_id),
    error &&
      h(
        "div",
        { class: "notice bad" },
        h("p", null, error.message),
        h("p", null, h("strong", null, "What to do: "), hint(error.kind)),
      ),
    facts([
      ["Secret found", answer(job.secret_found)],
      ["Source reached", answer(job.reachable)],
      ["Rows expected", job.rows_estimated === undefined ? null : `about ${number(job.rows_estimated)}`],
      ["Watermark", job.watermark],
      ["Worth a look", job.warnings?.join(" ") || null],
      [
        "Columns",
        job.columns &&
          Object.entries(job.columns)
            .map(([name, type]) => `${name} ${type}`)
            .join(", "),
      ],
    ]),
    job.sql && h("pre", { tabindex: 0, "aria-label": "Query" }, job.sql),
  );
}

function answer(value) {
  return value === undefined ? null : value ? "yes" : "no";
}
