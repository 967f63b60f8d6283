// One decision as a row of the table, with its details.

import { element, setAttribute, svg } from "./dom.js";
import { bundle, probability, time, words } from "./format.js";

const TITLES = { routed: "Routed", triaged: "Triage", scored: "Scored", dead: "Dead letter" };
const SENTIMENTS = ["positive", "negative", "neutral"];

/** Make a row: {summary, details(), open(isOpen)}. */
export function makeRow(decision, { fresh }) {
  const more = element(
    "button",
    { type: "button", class: "more", "aria-expanded": "false", "aria-label": "Details" },
    svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: "M3.5 6 8 10.5 12.5 6" })),
  );
  const summary = element(
    "tr",
    { class: fresh ? "row new" : "row", "data-id": decision.id, "data-outcome": decision.outcome },
    element("td", { class: "when", title: new Date(decision.at * 1000).toLocaleString() }, time(decision.at)),
    element("td", { class: "text", dir: "auto" }, element("span", {}, decision.text)),
    label(decision),
    element("td", { class: "probability" }, meter(decision)),
    destination(decision),
    element("td", {}, more),
  );
  let details = null;
  return {
    summary,
    details: () => (details ??= element("tr", { class: "details" }, element("td", { colspan: "6" }, facts(decision)))),
    open: (isOpen) => {
      summary.classList.toggle("open", isOpen);
      setAttribute(more, "aria-expanded", String(isOpen));
    },
  };
}

function label(decision) {
  const sentiment = SENTIMENTS.includes(decision.label) ? decision.label : null;
  const name = decision.outcome === "dead" ? words(decision.because) : words(decision.label);
  const reason = decision.outcome === "triaged" ? words(decision.because) : null;
  const note = decision.outcome === "dead" ? "Dead letter" : reason ? `Triage: ${reason.toLowerCase()}` : null;
  return element(
    "td",
    { class: "label" },
    element("span", {}, element("span", { class: "swatch", "data-sign": sentiment }), element("span", { title: decision.label }, name)),
    note === null ? null : element("small", {}, note),
  );
}

function meter(decision) {
  if (decision.probability === null) return "";
  const fill = element("span", { class: "meter-fill", "data-sign": SENTIMENTS.includes(decision.label) ? decision.label : null });
  fill.style.display = "block";
  fill.style.width = `${decision.probability * 100}%`;
  return element("span", { class: "meter" }, element("span", {}, probability(decision.probability)), element("span", { class: "meter-track", "aria-hidden": "true" }, fill));
}

function destination(decision) {
  const priority = decision.priority && decision.priority !== "normal" ? `${decision.priority} priority` : null;
  const note = decision.entity ?? priority;
  const name = decision.outcome === "scored" ? (decision.destination ?? "No company") : (decision.destination ?? "");
  return element("td", { class: "destination" }, name, note === null ? null : element("small", {}, note));
}

function facts(decision) {
  const rows = [
    ["Outcome", TITLES[decision.outcome]],
    ["Why", decision.because],
    ["Message", decision.message_id],
    ["Channel", decision.channel],
    ["Priority", decision.priority],
    ["Bundle", decision.bundle && bundle(decision.bundle)],
    ["From", decision.source],
  ].filter(([, value]) => value);
  const about = element("dl", {}, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  const considered = decision.considered.map((other) => considerBar(other));
  return element(
    "div",
    { class: "facts", "data-outcome": decision.outcome },
    considered.length ? element("div", {}, element("h3", {}, "Labels considered"), element("ol", { class: "bars" }, ...considered)) : null,
    element("div", {}, element("h3", {}, "Where it comes from"), about),
  );
}

function considerBar(other) {
  const fill = element("span", { class: "fill" });
  fill.style.width = `${other.probability * 100}%`;
  return element(
    "li",
    {},
    element("span", { class: "name", title: other.label }, words(other.label)),
    element("span", { class: "track" }, fill),
    element("span", { class: "count" }, probability(other.probability)),
  );
}
