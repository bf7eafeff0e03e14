// Small charts of a job's loads: bars for rows, a line for seconds, a mark where a load failed.

import { h, s } from "./dom.js";
import { clock, count, duration, number, shortNumber, words } from "./format.js";

const LOADS = 30;
const STEP = 5;
const HEIGHT = 26;

// Rows and seconds of up to 30 loads, oldest first, on a scale of their own each.
export function sparkline(loads) {
  if (!loads) return h("span", { class: "sparkline waiting" });
  if (!loads.length) return h("span", { class: "quiet" }, "no loads");
  const most = greatest(loads, "rows_extracted");
  const longest = greatest(loads, "duration_seconds");
  const offset = (LOADS - loads.length) * STEP;
  const bars = loads.map((load, place) => bar(load, offset + place * STEP, STEP - 1, HEIGHT, most));
  const points = loads.map((load, place) => {
    const y = HEIGHT - 2 - ((load.duration_seconds ?? 0) / longest) * (HEIGHT - 4);
    return `${offset + place * STEP + 2},${y.toFixed(1)}`;
  });
  return s(
    "svg",
    { class: "sparkline", viewBox: `0 0 ${LOADS * STEP} ${HEIGHT}`, role: "img", "aria-label": summary(loads) },
    bars,
    s("polyline", { points: points.join(" ") }),
  );
}

// One measure of the loads with a scale, for the page of a job.
export function barChart(title, loads, name, unit) {
  const width = LOADS * 12;
  const height = 90;
  const most = greatest(loads, name);
  const offset = (LOADS - loads.length) * 12;
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", null, title),
    s(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        role: "img",
        "aria-label": `${title}: ${range(loads, name, unit)}`,
        preserveAspectRatio: "none",
      },
      s("line", { x1: 0, x2: width, y1: height, y2: height }),
      loads.map((load, place) => bar(load, offset + place * 12, 10, height, most, name, unit)),
    ),
    h(
      "p",
      { class: "scale" },
      h("span", null, loads.length ? clock(loads[0].start_time) : ""),
      h("span", null, `highest ${unit(most)}`),
    ),
  );
}

function bar(load, x, width, height, most, name = "rows_extracted", unit = number) {
  const failed = load.status !== "SUCCESS";
  const look = load.status === "FAILED" ? "failed" : "unloaded"; // skipped and cancelled ones are no failures
  const share = failed ? 0.16 : Math.max((load[name] ?? 0) / most, 0.04);
  const title = `${clock(load.start_time)}: ${failed ? words(load.status) : unit(load[name] ?? 0)}`;
  const size = share * (height - 1);
  return s(
    "rect",
    { class: failed ? look : "bar", x, width, y: (height - size).toFixed(1), height: size.toFixed(1) },
    s("title", null, title),
  );
}

function summary(loads) {
  const failed = loads.filter((load) => load.status !== "SUCCESS").length;
  const parts = [count(loads.length, "load"), `rows ${range(loads, "rows_extracted", shortNumber)}`];
  parts.push(`time ${range(loads, "duration_seconds", duration)}`);
  if (failed) parts.push(`${number(failed)} without success`);
  return parts.join("; ");
}

function range(loads, name, unit) {
  const values = loads.map((load) => load[name]).filter((value) => typeof value === "number");
  if (!values.length) return "none";
  return `${unit(Math.min(...values))} to ${unit(Math.max(...values))}, last ${unit(values.at(-1))}`;
}

function greatest(loads, name) {
  return Math.max(...loads.map((load) => load[name] ?? 0), 1e-9);
}
