// What a job's cells come to: the page's facts of where it writes, and a table of all values with their origin.

import { get, part, Refusal } from "./api.js";
import { h } from "./dom.js";
import { actionButton } from "./links.js";
import { table } from "./table.js";

const COLUMNS = [
  { name: "column", title: "Column", value: (cell) => cell.column, cell: (cell) => h("code", null, cell.column) },
  { name: "value", title: "Value", cell: (cell) => h("span", { class: "value" }, text(cell.value)) },
  { name: "origin", title: "From", value: (cell) => cell.origin, cell: (cell) => cell.origin ?? "its own row" },
];

// What `GET /api/jobs/{job_id}` says; null for a job that is not in the workbook, such as a table of a wildcard.
export async function readResolved(jobId) {
  try {
    return await get(`jobs/${part(jobId)}`);
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
}

export function resolvedFacts(detail) {
  const cells = detail?.cells ?? {};
  return [
    ["Writes to", detail && h("span", { class: "value" }, detail.target)],
    ["Keys", cells.primary_key && text(cells.primary_key)],
    ["Filter", cells.query_filter && h("code", null, cells.query_filter)],
  ];
}

export function resolvedSection(jobId, detail) {
  if (!detail) return null;
  const rows = Object.entries(detail.cells).map(([column, value]) => ({ column, value, origin: detail.origins[column] }));
  return h(
    "details",
    { "data-key": "resolved" },
    h("summary", null, "What its cells come to, and its query"),
    h(
      "p",
      null,
      actionButton("dry-run", "Show the query", { job: jobId }, `Show the query of ${jobId} by a dry run`),
    ),
    table(`cells-${jobId}`, "Cells", COLUMNS, rows, { key: (cell) => cell.column }),
  );
}

function text(value) {
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}
