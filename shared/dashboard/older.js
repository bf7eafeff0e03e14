// Lists that the app gives a page at a time, the newest rows first. The newest page is read again and again; below it
// stay the rows that the reader has asked for.

const shown = new Map(); // by list: its rows, each with a run_id, as last shown, and where the next page begins
const extended = new Set(); // the lists of which the reader has asked for more than the newest page

// What is shown of a list when its newest page is this: { rows, continuation }.
export function withOlder(list, newest) {
  const before = extended.has(list) ? shown.get(list) : null;
  const last = newest.rows.at(-1)?.run_id;
  const place = before ? before.rows.findIndex((row) => row.run_id === last) : -1;
  if (place < 0) extended.delete(list); // nothing older, or so much is new that rows between are not known
  const now =
    place < 0
      ? newest
      : { rows: [...newest.rows, ...before.rows.slice(place + 1)], continuation: before.continuation };
  shown.set(list, now);
  return now;
}

// Read the next page of a list by `read(continuation)`; `withOlder` shows it from then on.
export async function readOlder(list, read) {
  const { rows, continuation } = shown.get(list);
  const page = await read(continuation);
  shown.set(list, { rows: [...rows, ...page.rows], continuation: page.continuation });
  extended.add(list);
}
