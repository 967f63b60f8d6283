// Horizontal bars: intents, queues, reasons.

import { element, sentence, setAttribute, setChildren, setText } from "./dom.js";
import { count, words } from "./format.js";

/**
 * Draw rows {label, count, triaged?} into a list; where there are none, say `empty`.
 * A row's triaged part follows its bar in the colour of triage.
 */
export function drawBars(list, rows, { empty }) {
  if (!rows.length) {
    if (list.dataset.empty !== empty) {
      list.dataset.empty = empty;
      list.replaceChildren(element("li", { class: "empty" }, ...sentence(empty)));
    }
    return;
  }
  if (list.dataset.empty) {
    delete list.dataset.empty;
    list.replaceChildren();
  }
  const known = new Map([...list.children].map((item) => [item.dataset.label, item]));
  const largest = Math.max(...rows.map((row) => row.count + (row.triaged ?? 0)));
  setChildren(list, rows.map((row) => drawBar(known.get(row.label) ?? bar(row.label), row, largest)));
}

function bar(label) {
  return element(
    "li",
    { "data-label": label },
    element("span", { class: "name", title: label }, words(label)),
    element("span", { class: "track" }, element("span", { class: "fill" }), element("span", { class: "rest", hidden: "" })),
    element("span", { class: "count" }),
  );
}

function drawBar(item, row, largest) {
  const [, track, number] = item.children;
  const [fill, rest] = track.children;
  fill.style.width = `${(row.count / largest) * 100}%`;
  rest.style.width = `${((row.triaged ?? 0) / largest) * 100}%`;
  rest.hidden = !row.triaged;
  setText(number, count(row.count));
  setAttribute(track, "title", row.triaged ? `${count(row.triaged)} more went to triage` : null);
  return item;
}
