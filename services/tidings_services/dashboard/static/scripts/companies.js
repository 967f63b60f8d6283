// The companies as cards, busiest first; choosing one enlarges its trend.

import { byId, element, sentence, setAttribute, setChildren, setText } from "./dom.js";
import { ARROWS, plural, sign, signed } from "./format.js";
import { drawSparkline, sparkline } from "./sparkline.js";
import { drawTrend } from "./trend.js";

const WAITING = "Waiting for windows on `sentiment-trends`. Start the sentiment monitor with `tidings run sentiment`.";
const NO_COMPANY = "A company appears here with its first minute of messages.";
const ORDER_MS = 10_000;

const list = byId("cards");
const cards = new Map();
let chosen = null;
let order = [];
let orderedAt = -Infinity;
let latest = {};

list.addEventListener("click", (event) => {
  const card = event.target.closest(".card");
  if (card === null) return;
  chosen = card.dataset.ticker;
  drawCompanies(latest);
});

/** Draw the cards and the chosen company's trend; until one is chosen, the busiest is shown. */
export function drawCompanies(parts) {
  latest = parts;
  const { known, shown } = parts.tickers;
  const empty = !shown.length;
  byId("trend-empty").hidden = !empty;
  byId("companies-empty").hidden = !empty;
  if (empty) {
    if (!byId("trend-empty").childNodes.length) byId("trend-empty").append(...sentence(WAITING));
    setText(byId("companies-empty"), NO_COMPANY);
    setText(byId("companies-aside"), "");
    return;
  }
  setText(byId("companies-aside"), `${known > shown.length ? `${shown.length} busiest of ${known}` : plural(known, "ticker")}, mean of 5 minutes`);
  arrange(shown);
  if (!shown.includes(chosen)) chosen = shown[0];
  for (const ticker of shown) drawCard(parts[`trend.${ticker}`]);
  setChildren(list, order.map((ticker) => cards.get(ticker).item));
  for (const ticker of [...cards.keys()]) if (!shown.includes(ticker)) cards.delete(ticker);
  drawTrend(parts[`trend.${chosen}`]);
}

/** Keep the order while somebody points at the cards, and for a while in any case. */
function arrange(shown) {
  const same = shown.length === order.length && shown.every((ticker) => order.includes(ticker));
  const held = list.matches(":hover, :focus-within") || performance.now() - orderedAt < ORDER_MS;
  if (same && held) return;
  order = [...shown];
  orderedAt = performance.now();
}

function drawCard(trend) {
  const card = cards.get(trend.ticker) ?? makeCard(trend.ticker);
  const way = sign(trend.recent);
  setText(card.entity, trend.entity ?? "");
  setText(card.value, `${ARROWS[way]} ${signed(trend.recent)}`);
  setAttribute(card.button, "data-sign", way);
  setAttribute(card.button, "aria-pressed", String(trend.ticker === chosen));
  setText(card.volume, plural(trend.messages, "message"));
  const points = trend.points.slice(-60).map((point) => [point.start, point.mean]);
  drawSparkline(card.spark, points, { low: -1, high: 1, base: 0, zero: true });
}

function makeCard(ticker) {
  const card = {
    entity: element("span", { class: "entity" }),
    value: element("span", { class: "signed" }),
    volume: element("span", { class: "volume" }),
    spark: sparkline(),
  };
  card.button = element("button", { type: "button", class: "card", "data-ticker": ticker }, element("span", { class: "ticker" }, ticker), card.value, card.entity, card.volume, card.spark);
  card.item = element("li", {}, card.button);
  cards.set(ticker, card);
  return card;
}
