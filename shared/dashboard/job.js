// One job: its state, what its last error means, its loads, and how its columns changed.

import { get, part } from "./api.js";
import { badge, moment, stamp } from "./badges.js";
import { jobState, knownJobs, loadJobs, sourceOf } from "./catalogue.js";
import { barChart } from "./charts.js";
import { h } from "./dom.js";
import { errorPanel, warningPanel } from "./errors.js";
import { bytes, duration, firstSentence, number } from "./format.js";
import { actionButton, facts, runLink } from "./links.js";
import { readOlder, withOlder } from "./older.js";
import { waitingJob, workingJob } from "./progress.js";
import { readResolved, resolvedFacts, resolvedSection } from "./resolved.js";
import { table } from "./table.js";

const PAGE = 100;
const CHARTED = 30;

const COLUMNS = [
  { name: "start", title: "Started (UTC)", value: (load) => load.start_time, cell: (load) => stamp(load.start_time) },
  { name: "status", title: "State", value: (load) => load.status, cell: (load) => badge(load.status) },
  {
    name: "rows",
    title: "Rows",
    numeric: true,
    value: (load) => load.rows_extracted,
    cell: (load) => number(load.rows_extracted),
  },
  {
    name: "bytes",
    title: "Size",
    numeric: true,
    value: (load) => load.bytes_written,
    cell: (load) => bytes(load.bytes_written),
  },
  {
    name: "seconds",
    title: "Time",
    numeric: true,
    value: (load) => load.duration_seconds,
    cell: (load) => duration(load.duration_seconds),
  },
  {
    name: "attempt",
    title: "Attempt",
    numeric: true,
    value: (load) => load.attempt,
    cell: (load) => number(load.attempt),
  },
  {
    name: "watermark",
    title: "Watermark after",
    cell: (load) => h("span", { class: "value" }, load.watermark_after ?? "–"),
  },
  { name: "run", title: "Run", cell: (load) => runLink(load.run_id) },
  { name: "error", title: "What happened", cell: (load) => h("span", { class: "wide" }, whatHappened(load)) },
];

export const jobView = {
  title: (jobId) => jobId,
  seconds: () => 10,

  async load(parameters, jobId) {
    const history = get(`jobs/${part(jobId)}/history`, { limit: PAGE });
    const [newest, detail] = await Promise.all([history, readResolved(jobId), loadJobs()]);
    return { newest, detail, job: knownJobs().get(jobId) };
  },

  render({ newest, detail, job }, parameters, jobId) {
    const { rows: loads, continuation } = withOlder(`history-${jobId}`, rowsOf(newest));
    const last = loads[0];
    return [
      h("p", { class: "trail" }, h("a", { href: "#/jobs" }, "Jobs")),
      h(
        "div",
        { class: "row" },
        h("h1", null, jobId),
        job && badge(jobState(job)),
        job?.overdue_since && badge("OVERDUE"),
        job && buttons(job, loads),
      ),
      !job && h("p", { class: "card" }, "This job is not in the active workbook."),
      job?.current.length > 0 && nowRunning(job),
      last?.status === "FAILED" && errorPanel("The last load failed", last.error_kind, last.error_message),
      last?.status === "SUCCESS" && last.warnings?.length > 0 && warningPanel(last.warnings),
      facts([...description(job, loads), ...resolvedFacts(detail)]),
      charts(loads),
      last && lastLoad(last),
      resolvedSection(jobId, detail),
      schemaChanges(loads),
      h(
        "section",
        { "aria-labelledby": "history" },
        h("h2", { id: "history" }, "History"),
        table(`history-${jobId}`, "Loads", COLUMNS, loads, {
          key: (load) => `${load.run_id}/${load.start_time}`,
          text: searched,
          empty: "It has never run.",
        }),
        continuation && actionButton("older", "Show older loads", { job: jobId }),
      ),
    ];
  },
};

export function showOlder(jobId) {
  return readOlder(`history-${jobId}`, async (continuation) =>
    rowsOf(await get(`jobs/${part(jobId)}/history`, { limit: PAGE, continuation })),
  );
}

function rowsOf({ loads, continuation }) {
  return { rows: loads, continuation };
}

function buttons({ job_id: jobId, current, load_type: loadType }, loads) {
  const watermark = loads.find((load) => load.watermark_after)?.watermark_after;
  return h(
    "span",
    { class: "actions" },
    actionButton("run", "Run", { job: jobId }, `Run ${jobId}`, "primary", current.length > 0),
    actionButton("dry-run", "Dry run", { job: jobId }, `Dry run of ${jobId}`),
    loadType === "INCREMENTAL" &&
      watermark &&
      actionButton("rewind", "Rewind", { job: jobId, watermark }, `Rewind ${jobId}`, null, current.length > 0),
  );
}

function nowRunning(job) {
  return h(
    "section",
    { class: "card running", "aria-labelledby": "now" },
    h("h2", { id: "now" }, "Now running"),
    job.current.map((attempt) => h("p", null, "In run ", runLink(attempt.run_id), ".")),
    h(
      "ul",
      { class: "working" },
      job.current.map((attempt) => (attempt.status === "WAITING" ? waitingJob(attempt) : workingJob(attempt, job))),
    ),
  );
}

function description(job, loads) {
  const watermark = loads.find((load) => load.status === "SUCCESS" && load.watermark_after)?.watermark_after;
  const success = job?.last_success;
  return [
    ["Source", job && `${sourceOf(job)} (${job.source_type})`],
    ["Load", job && `${job.load_type}, ${job.table_format}`],
    [
      "Watermark",
      watermark &&
        h("span", { class: "value" }, job?.watermark_column ? `${job.watermark_column} = ${watermark}` : watermark),
    ],
    ["Schedule", job && (job.schedule ? `${job.schedule} (UTC)` : "every tick of the timer")],
    ["Next start", job?.next_due && moment(job.next_due)],
    [
      "Last good load",
      success && [
        moment(success.end_time),
        `, ${number(success.rows_extracted)} rows in ${duration(success.duration_seconds)}`,
      ],
    ],
    ["Overdue since", job?.overdue_since && moment(job.overdue_since)],
    ["Workbook row", job && number(job.row)],
    ["Masked columns", masked(loads)],
    ["Tags", job?.tags.join(", ")],
  ];
}

// Of the last load that has masked any: one without new rows of an API has seen none.
function masked(loads) {
  const last = loads.find((load) => load.status === "SUCCESS" && load.masked_columns?.length);
  return last && [last.masked_columns.join(", "), last.mask_key_version && `, key ${last.mask_key_version}`];
}

function charts(loads) {
  const newest = loads.slice(0, CHARTED).reverse();
  return (
    newest.length > 0 &&
    h(
      "div",
      { class: "charts" },
      barChart("Rows per load", newest, "rows_extracted", number),
      barChart("Time per load", newest, "duration_seconds", duration),
    )
  );
}

// Every figure that the app records of a load, by its own name: one that is new in the app is shown without a change here.
function lastLoad(load) {
  return h(
    "details",
    null,
    h("summary", null, "The last load in full"),
    facts(
      Object.entries(load)
        .filter(([name]) => !name.startsWith("error_"))
        .map(([name, value]) => [name.replaceAll("_", " "), plain(value)]),
    ),
  );
}

function plain(value) {
  if (typeof value === "number") return number(value);
  return h("span", { class: "value" }, typeof value === "object" ? JSON.stringify(value) : String(value));
}

function schemaChanges(loads) {
  const changed = loads.filter((load) => load.schema_changes?.length);
  return (
    changed.length > 0 &&
    h(
      "section",
      { "aria-labelledby": "schema" },
      h("h2", { id: "schema" }, "Changes of its columns"),
      h(
        "ul",
        { class: "changes" },
        changed
          .slice(0, 20)
          .map((load) =>
            h("li", { "data-key": load.run_id }, stamp(load.start_time), " ", [load.schema_changes].flat().join("; ")),
          ),
      ),
    )
  );
}

function whatHappened(load) {
  if (load.error_message) return firstSentence(load.error_message);
  return [...(load.warnings ?? []), ...[load.schema_changes ?? []].flat()].join("; ");
}

function searched(load) {
  return [load.run_id, load.status, load.error_kind, load.error_message, load.start_time].join(" ");
}
