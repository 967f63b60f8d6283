// The tiles: what an operator looks at first.

import { byId, element, setAttribute, setText } from "./dom.js";
import { count, duration, percent, rate } from "./format.js";
import { drawSparkline, sparkline } from "./sparkline.js";

const OUTCOMES = ["routed", "triaged", "scored", "dead"];

const tiles = Object.fromEntries(
  [
    ["rate", "Records a second", null],
    ["routed", "Routed", "routed"],
    ["triaged", "Handed to a person", "triaged"],
    ["scored", "Sentiments scored", "scored"],
    ["dead", "Dead letters", "dead"],
    ["age", "Event to decision", null],
  ].map(([name, title, outcome]) => [name, tile(name, title, outcome)]),
);
const trace = sparkline();
tiles.rate.node.append(trace);

function tile(name, title, outcome) {
  const value = element("p", { class: "value" }, "–");
  const unit = element("small");
  const note = element("p", { class: "note" });
  const swatch = outcome ? element("span", { class: "swatch" }) : null;
  const node = element("article", { class: "tile", id: `tile-${name}`, "data-outcome": outcome }, element("h2", {}, swatch, title), value, note);
  byId("tiles").append(node);
  return { node, value, unit, note };
}

/** Draw the tiles from the parts of the picture. */
export function drawTiles({ totals, throughput, triage, labels, ages }) {
  const { routed, triaged, scored, dead } = totals.outcomes;
  const all = OUTCOMES.reduce((sum, outcome) => sum + totals.outcomes[outcome].total, 0);
  const now = OUTCOMES.reduce((sum, outcome) => sum + totals.outcomes[outcome].per_second, 0);

  show("rate", rate(now), `${count(all)} in all`);
  show("routed", count(routed.total), `${rate(routed.per_second)} a second`);
  const decided = `${count(triaged.total)} of ${count(triage.decided)}`;
  show("triaged", triage.share === null ? "–" : percent(triage.share), triage.decided ? decided : "no message yet");
  show("scored", count(scored.total), mood(labels.rows) ?? `${rate(scored.per_second)} a second`);
  show("dead", count(dead.total), all ? `${percent(dead.total / all, 2)} of all records` : "none");
  show("age", ...age(ages));

  const last = throughput.outcomes.routed.map((_, step) => OUTCOMES.reduce((sum, name) => sum + throughput.outcomes[name][step], 0));
  const points = last.slice(-60).map((value, step) => [step, value]);
  drawSparkline(trace, points.some(([, y]) => y > 0) ? points : [], { low: 0, high: Math.max(1, ...points.map(([, y]) => y)), base: 0 });
}

function show(name, value, note) {
  setText(tiles[name].value, value);
  setText(tiles[name].note, note);
  setAttribute(tiles[name].note, "title", note);
}

function mood(rows) {
  const total = rows.reduce((sum, row) => sum + row.count, 0);
  if (!total) return null;
  const share = (label) => (rows.find((row) => row.label === label)?.count ?? 0) / total;
  return `▲ ${percent(share("positive"), 0)}  ▼ ${percent(share("negative"), 0)}`;
}

function age({ intents, sentiment }) {
  if (intents.p50 === null && sentiment.p50 === null) return ["–", "in the last minute"];
  const [main, other, name] = intents.p50 === null ? [sentiment, intents, "messages"] : [intents, sentiment, "news"];
  const more = other.p50 === null ? "" : ` · ${name} ${duration(other.p50)}`;
  return [duration(main.p50), `p95 ${duration(main.p95)}${more}`];
}
