// Where the time of a run went: a bar for each lane, what its jobs did in it, and what that took of instances.

import { h, s } from "./dom.js";
import { clock, duration, number } from "./format.js";

const KINDS = ["reading", "writing", "starting", "trying", "waiting"];
const WIDTH = 1000;
const LANE = 22;
const BAR = 14;

export function timelineSection(timeline) {
  const { spans } = timeline;
  if (!spans.length) return null;
  const shown = spans.filter((span) => span.what !== "waiting" || span.attempt > 1); // else it waits for others of its lane
  const first = Math.min(...spans.map((span) => Date.parse(span.start_time)));
  const last = Math.max(...spans.map((span) => Date.parse(span.end_time)), first + 1);
  const lanes = [...new Set(spans.map((span) => span.lane))].sort((a, b) => a - b);
  const place = (iso) => ((Date.parse(iso) - first) / (last - first)) * WIDTH;
  const height = lanes.length * LANE;
  return h(
    "section",
    { class: "timeline", "aria-labelledby": "timeline", "data-key": "timeline" },
    h("h2", { id: "timeline" }, "Timeline"),
    h(
      "figure",
      { class: "chart" },
      legend(spans),
      s(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${height}`, height, role: "img", "aria-label": summary(spans), preserveAspectRatio: "none" },
        lanes.map((_, row) => s("line", { x1: 0, x2: WIDTH, y1: (row + 0.5) * LANE, y2: (row + 0.5) * LANE })),
        shown.map((span) =>
          s(
            "rect",
            {
              class: span.what,
              x: place(span.start_time).toFixed(1),
              width: Math.max(place(span.end_time) - place(span.start_time), 1).toFixed(1),
              y: lanes.indexOf(span.lane) * LANE + (LANE - BAR) / 2,
              height: BAR,
            },
            s("title", null, described(span)),
          ),
        ),
      ),
      h(
        "p",
        { class: "scale" },
        h("span", null, clock(new Date(first).toISOString())),
        h("span", null, `${number(lanes.length)} lane${lanes.length === 1 ? "" : "s"}, ${duration((last - first) / 1000)}`),
      ),
    ),
  );
}

// What a run or a job took: instance seconds, and money if the app knows the price.
export function cost({ instance_seconds: seconds, price }, currency) {
  const took = `${duration(seconds)} of an instance`;
  return price === null || price === undefined ? took : `${took}, ${price.toPrecision(2)} ${currency}`;
}

function legend(spans) {
  return h(
    "figcaption",
    { class: "legend" },
    totals(spans).map(([kind, total]) => h("span", { class: `of-${kind}` }, `${kind} ${duration(total)}`)),
  );
}

function summary(spans) {
  return totals(spans)
    .map(([kind, total]) => `${kind} ${duration(total)}`)
    .join(", ");
}

// The seconds of each kind that there was.
function totals(spans) {
  const total = (kind) => spans.filter((span) => span.what === kind).reduce((sum, span) => sum + seconds(span), 0);
  return KINDS.map((kind) => [kind, total(kind)]).filter(([, sum]) => sum > 0);
}

function described(span) {
  const again = span.attempt > 1 ? `, attempt ${span.attempt}` : "";
  return `${span.job_id}: ${span.what} ${duration(seconds(span))} from ${clock(span.start_time)}${again}`;
}

function seconds(span) {
  return (Date.parse(span.end_time) - Date.parse(span.start_time)) / 1000;
}
