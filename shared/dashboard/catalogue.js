// The jobs of the active workbook. They change seldom, so the views share what was read a moment ago.

import { get, Refusal } from "./api.js";

const FRESH_MS = 15000;
let readAt = 0;
let jobs = new Map();
let known = false;

// Read the jobs unless that was a moment ago; true when there may be news.
export async function loadJobs() {
  if (Date.now() - readAt < FRESH_MS) return false;
  try {
    jobs = new Map((await get("jobs")).jobs.flatMap(withTables).map((job) => [job.job_id, job]));
  } catch (error) {
    if (!(error instanceof Refusal && error.status === 404)) throw error;
    jobs = new Map(); // no workbook is active yet
  }
  readAt = Date.now();
  known = true;
  return true;
}

// False until the jobs have been read for the first time.
export function jobsAreKnown() {
  return known;
}

export function forgetJobs() {
  readAt = 0;
}

export function knownJobs() {
  return jobs;
}

export function jobState(job) {
  if (!job.enabled) return "DISABLED";
  return job.last_result?.status ?? "NEVER_RAN";
}

// What the last load warns of, if it succeeded.
export function warningsOf(job) {
  return job.enabled ? (job.last_result?.warnings ?? []) : [];
}

export function sourceOf(job) {
  const path = job.api_endpoint ?? [job.schema_name, job.table_name].filter(Boolean).join(".");
  return `${job.source_name} ${path}`;
}

// A wildcard's tables are below it as jobs of their own; when they run is the wildcard's affair.
function withTables(job) {
  const tables = Object.entries(job.tables ?? {});
  return [
    job,
    ...tables.map(([jobId, result]) => ({
      ...job,
      job_id: jobId,
      table_name: jobId.slice(job.job_id.length + 1),
      last_result: result,
      last_success: result.status === "SUCCESS" ? result : null,
      next_due: null,
      overdue_since: null,
      tables: undefined,
    })),
  ];
}
