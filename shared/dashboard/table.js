// A table with a filter box, sorting by any column, and pages: however many rows there are, few are in the page.

import { h } from "./dom.js";
import { number } from "./format.js";

const PAGE_ROWS = 50;
const shown = new Map(); // how each table is shown now, by its id

export function tableState(id) {
  if (!shown.has(id)) shown.set(id, { filter: "", sort: null, descending: false, page: 0 });
  return shown.get(id);
}

// columns: { name, title, cell(row), value(row) to sort by, numeric, hint }; key(row): what names a row;
// text(row): what the filter box looks in, null for a table without one; total: of all rows, where more can be had.
export function table(id, caption, columns, rows, { key, text = null, empty = "Nothing here yet.", total = null }) {
  const state = tableState(id);
  const found = sorted(filtered(rows, text, state.filter), columns, state);
  const pages = Math.max(1, Math.ceil(found.length / PAGE_ROWS));
  state.page = Math.min(state.page, pages - 1);
  const visible = found.slice(state.page * PAGE_ROWS, (state.page + 1) * PAGE_ROWS);
  return h(
    "div",
    { class: "table", "data-key": id },
    text && filterBox(id, caption, found.length, total ?? rows.length),
    h(
      "div",
      { class: "scroll", tabindex: visible.length ? 0 : null, role: "region", "aria-label": caption },
      h(
        "table",
        { role: "table" },
        h("caption", { class: "unseen" }, caption),
        h(
          "thead",
          { role: "rowgroup" },
          h(
            "tr",
            { role: "row" },
            columns.map((column) => heading(id, column, state)),
          ),
        ),
        h(
          "tbody",
          { role: "rowgroup" },
          visible.map((row) =>
            h(
              "tr",
              { role: "row", "data-key": key(row) },
              columns.map((column) =>
                h(
                  "td",
                  { role: "cell", class: column.numeric ? "numeric" : null, "data-label": column.title },
                  column.cell(row),
                ),
              ),
            ),
          ),
        ),
      ),
    ),
    !visible.length && h("p", { class: "empty" }, state.filter ? "Nothing fits the filter." : empty),
    pages > 1 && pager(id, caption, state.page, pages),
  );
}

// The rows that `table` shows with the same arguments.
export function visibleRows(id, columns, rows, text) {
  const state = tableState(id);
  return sorted(filtered(rows, text, state.filter), columns, state).slice(
    state.page * PAGE_ROWS,
    (state.page + 1) * PAGE_ROWS,
  );
}

export function sortBy(id, column) {
  const state = tableState(id);
  Object.assign(state, { descending: state.sort === column && !state.descending, sort: column, page: 0 });
}

export function turnTo(id, page) {
  tableState(id).page = page;
}

export function filterBy(id, filter) {
  Object.assign(tableState(id), { filter, page: 0 });
}

function filtered(rows, text, filter) {
  const wanted = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return text && wanted.length
    ? rows.filter((row) => wanted.every((word) => text(row).toLowerCase().includes(word)))
    : rows;
}

function sorted(rows, columns, state) {
  const value = columns.find((column) => column.name === state.sort)?.value;
  if (!value) return rows;
  const direction = state.descending ? -1 : 1;
  const keyed = rows.map((row) => [value(row) ?? null, row]);
  keyed.sort(([a], [b]) => (a === null) - (b === null) || direction * (a < b ? -1 : a > b ? 1 : 0)); // none is last
  return keyed.map(([, row]) => row);
}

function filterBox(id, caption, found, total) {
  const box = h("input", {
    type: "search",
    id: `${id}-filter`,
    "data-filter": id,
    autocomplete: "off",
    spellcheck: "false",
  });
  box.value = tableState(id).filter;
  return h(
    "div",
    { class: "filter" },
    h("label", { for: box.id }, `Filter ${caption.toLowerCase()}`),
    box,
    h("span", { class: "quiet", "aria-live": "polite" }, `${number(found)} of ${number(total)}`),
  );
}

function heading(id, column, state) {
  if (!column.value)
    return h("th", { role: "columnheader", scope: "col", class: column.numeric ? "numeric" : null }, column.title, column.hint?.());
  const active = state.sort === column.name;
  const order = active ? (state.descending ? "descending" : "ascending") : "none";
  return h(
    "th",
    { role: "columnheader", scope: "col", "aria-sort": order, class: column.numeric ? "numeric" : null },
    h(
      "button",
      { type: "button", class: "sort", "data-action": "sort", "data-table": id, "data-column": column.name },
      column.title,
    ),
  );
}

function pager(id, caption, page, pages) {
  const to = (target, text) =>
    h(
      "button",
      {
        type: "button",
        "data-action": "page",
        "data-table": id,
        "data-page": target,
        "data-key": text,
        disabled: target < 0 || target >= pages,
      },
      text,
    );
  return h(
    "nav",
    { class: "pager", "aria-label": `Pages of ${caption.toLowerCase()}` },
    to(page - 1, "Previous"),
    h("span", null, `Page ${page + 1} of ${pages}`),
    to(page + 1, "Next"),
  );
}
