// The latest decisions: filtered, held still while somebody reads, opened for their details.

import { byId, element, sentence, setAttribute, setChildren, setText } from "./dom.js";
import { plural } from "./format.js";
import { makeRow } from "./rows.js";

const SHOWN = 50;
const MOST_MARKED = 5; // where more arrive at once, marking them would be a flicker
const OUTCOMES = [
  [null, "All"],
  ["routed", "Routed"],
  ["triaged", "Triage"],
  ["scored", "Scored"],
  ["dead", "Dead letters"],
];
const WAITING = "Waiting for decisions on `routed-messages`, `triage-messages`, `scored-messages` and `dead-letters`.";

const body = byId("rows");
const rows = new Map();
const opened = new Set();
let outcome = null;
let wanted = "";
let latest = null;
let drawn = false;

for (const [name, title] of OUTCOMES) {
  const swatch = name ? element("span", { class: "swatch" }) : null;
  const button = element("button", { type: "button", "data-outcome": name, "aria-pressed": String(name === outcome) }, swatch, title);
  button.addEventListener("click", () => {
    outcome = name;
    for (const other of byId("outcomes").children) setAttribute(other, "aria-pressed", String(other === button));
    draw();
  });
  byId("outcomes").append(button);
}
byId("filter").addEventListener("input", (event) => {
  wanted = event.target.value.trim().toLowerCase();
  draw();
});
body.addEventListener("click", (event) => {
  const row = event.target.closest("tr.row");
  if (row === null || String(getSelection())) return;
  if (!opened.delete(row.dataset.id)) opened.add(row.dataset.id);
  draw();
});

/** Draw the newest decisions, unless somebody is reading them. */
export function drawDecisions(parts) {
  latest = parts;
  const reading = drawn && (body.matches(":hover") || opened.size > 0);
  if (reading) {
    const fresh = parts.decisions.some((id) => !rows.has(id) && fits(parts[`decision.${id}`]));
    setText(byId("decisions-aside"), fresh ? "Held while you read; newer ones wait" : "");
    return;
  }
  draw();
}

function draw() {
  if (latest === null) return;
  const held = [...rows.keys()].filter((id) => opened.has(id) && !latest[`decision.${id}`]);
  for (const id of held) opened.delete(id);
  const shown = latest.decisions.map((id) => latest[`decision.${id}`]).filter(fits).slice(0, SHOWN);
  const fresh = shown.filter((decision) => !rows.has(decision.id)).length <= MOST_MARKED;
  const kept = new Set(shown.map((decision) => decision.id));
  const nodes = shown.flatMap((decision) => {
    if (!rows.has(decision.id)) rows.set(decision.id, makeRow(decision, { fresh: drawn && fresh }));
    const row = rows.get(decision.id);
    row.open(opened.has(decision.id));
    return opened.has(decision.id) ? [row.summary, row.details()] : [row.summary];
  });
  setChildren(body, nodes);
  for (const id of [...rows.keys()]) {
    if (!kept.has(id)) {
      rows.delete(id);
      opened.delete(id);
    }
  }
  say(shown.length);
  drawn = drawn || latest.decisions.length > 0;
}

function say(number) {
  const any = latest.decisions.length > 0;
  setText(byId("decisions-aside"), any && (outcome || wanted) ? plural(number, "match").replace("matchs", "matches") : "");
  const empty = byId("decisions-empty");
  empty.hidden = number > 0;
  if (number === 0) empty.replaceChildren(...sentence(any ? "None of the latest decisions fits the filter." : WAITING));
}

function fits(decision) {
  if (outcome !== null && decision.outcome !== outcome) return false;
  if (!wanted) return true;
  const fields = [decision.text, decision.label, decision.label?.replaceAll("_", " "), decision.destination, decision.entity, decision.because, decision.channel];
  return fields.some((field) => field?.toLowerCase().includes(wanted));
}
