// The jobs of the active workbook. They change seldom, so the views share what was read a moment ago.

import { get, Refusal } from "./api.js";

const FRESH_MS = 15000;
let readAt = 0;
let asOf = null; // what has changed since then is all that is read
let jobs = new Map();
let known = false;

// Read the jobs unless that was a moment ago; true when there may be news.
export async function loadJobs() {
  if (Date.now() - readAt < FRESH_MS) return false;
  try {
    await readJobs();
  } catch (error) {
    asOf = null;
    if (error instanceof Refusal && error.status === 409) return loadJobs(); // another version became active meanwhile
    if (!(error instanceof Refusal && error.status === 404)) throw error;
    jobs = new Map(); // no workbook is active yet
  }
  readAt = Date.now();
  known = true;
  return true;
}

async function readJobs() {
  const first = await get("jobs", { since: asOf });
  const found = new Map();
  if (first.only_changes) for (const [jobId, job] of jobs) found.set(jobId, { ...job, current: [] });
  for (let page = first; page; page = page.continuation && (await get("jobs", { continuation: page.continuation })))
    for (const job of page.jobs.flatMap(withTables)) found.set(job.job_id, job);
  jobs = found;
  asOf = first.as_of;
}

// How many jobs there are of each kind, before all of them have been read; null if no workbook is active.
export async function countJobs() {
  try {
    return (await get("jobs", { limit: 0 })).counts;
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
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
  if (job.current.length) return job.current[0].status;
  if (!job.enabled) return "DISABLED";
  return job.last_result?.status ?? "NEVER_RAN";
}

// What the last load warns of, if it succeeded.
export function warningsOf(job) {
  return job.enabled && !job.current.length ? (job.last_result?.warnings ?? []) : [];
}

export function sourceOf(job) {
  const path = job.api_endpoint ?? [job.schema_name, job.table_name].filter(Boolean).join(".");
  return `${job.source_name} ${path}`;
}

// A wildcard's tables are below it as jobs of their own; when they run is the wildcard's affair.
function withTables(job) {
  const running = job.current.filter((attempt) => attempt.job_id !== job.job_id).map((attempt) => [attempt.job_id, null]);
  const tables = Object.entries({ ...Object.fromEntries(running), ...job.tables });
  return [
    { ...job, current: job.current.filter((attempt) => attempt.job_id === job.job_id) },
    ...tables.map(([jobId, result]) => ({
      ...job,
      job_id: jobId,
      table_name: jobId.slice(job.job_id.length + 1),
      last_result: result,
      last_success: result?.status === "SUCCESS" ? result : null,
      next_due: null,
      overdue_since: null,
      current: job.current.filter((attempt) => attempt.job_id === jobId),
      tables: undefined,
    })),
  ];
}
