// Records a second of the last five minutes, stacked by outcome.

import { colour, makeChart, smooth, timeAxis, tint, valueAxis } from "./charts.js";
import { byId, element, setText } from "./dom.js";
import { rate, time } from "./format.js";

// From the bottom up: what needs a person stands on the ground line, where its height can be read.
const OUTCOMES = [
  ["dead", "Dead letters"],
  ["triaged", "Triage"],
  ["routed", "Routed"],
  ["scored", "Scored"],
];

const legend = Object.fromEntries(
  OUTCOMES.toReversed().map(([name, title]) => {
    const value = element("b", {}, "–");
    byId("throughput-legend").append(element("li", { "data-outcome": name }, element("span", { class: "swatch" }), title, value));
    return [name, value];
  }),
);
const at = element("li", {}, "");
byId("throughput-legend").append(at);

let chart = null;
let content = null;

/** Draw the throughput part; the current rates are shown while nothing is pointed at. */
export function drawThroughput(throughput, totals) {
  content = { throughput, totals };
  const { end, seconds, step, outcomes } = throughput;
  const times = outcomes.routed.map((_, index) => end - seconds + (index + 1) * step);
  let below = times.map(() => 0);
  const stacked = OUTCOMES.map(([name]) => (below = below.map((value, index) => value + outcomes[name][index])));
  const data = [times, ...stacked];
  if (chart === null) chart = make(data);
  else chart.setData(data);
  showLegend(chart.cursor.idx);
}

function make(data) {
  const series = OUTCOMES.map(([name], index) => ({
    stroke: () => colour(name),
    width: name === "dead" ? 0 : 1.25,
    paths: smooth,
    points: { show: false },
    fill: index === 0 ? () => tint(name, 0.85) : undefined,
  }));
  const bands = OUTCOMES.slice(1).map(([name], index) => ({ series: [index + 2, index + 1], fill: () => tint(name, 0.36) }));
  return makeChart(
    byId("throughput-chart"),
    {
      series: [{}, ...series],
      bands,
      axes: [timeAxis(), valueAxis((value) => (value === null ? "" : rate(value).replace(".0", "")), [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000])],
      scales: { y: { range: (_, __, high) => [0, Math.max(2, high * 1.12)] } },
      hooks: { setCursor: [(self) => showLegend(self.cursor.idx)] },
    },
    data,
  );
}

function showLegend(index) {
  if (content === null) return;
  const { throughput, totals } = content;
  const pointed = index !== null && index !== undefined;
  for (const [name] of OUTCOMES) {
    setText(legend[name], rate(pointed ? throughput.outcomes[name][index] : totals.outcomes[name].per_second));
  }
  const steps = throughput.outcomes.routed.length;
  setText(at, pointed ? `at ${time(throughput.end - (steps - index - 1) * throughput.step)}` : "");
}
