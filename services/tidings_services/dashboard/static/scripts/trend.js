// The chosen company's sentiment: the mean of each minute with its 95 % interval, over the messages' number.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { colour, makeChart, timeAxis, tint, valueAxis } from "./charts.js";
import { byId, element, setAttribute, setText } from "./dom.js";
import { ARROWS, count, minute, percent, sign, signed } from "./format.js";

const head = byId("trend-head");
const ticker = element("p", { class: "ticker" });
const entity = element("p", { class: "entity" });
const facts = {};
head.append(ticker, entity, element("dl", {}, fact("when", "Minute"), fact("mean", "Mean"), fact("interval", "95 %"), fact("messages", "Messages"), fact("shares", "▲ / ▼")));

let chart = null;
let trend = null;

function fact(name, title) {
  facts[name] = element("dd");
  return element("div", {}, element("dt", {}, title), facts[name]);
}

/** Draw a company's trend. */
export function drawTrend(chosen) {
  trend = chosen;
  head.hidden = false;
  byId("trend-chart").hidden = false;
  setText(ticker, trend.ticker);
  setText(entity, trend.entity ?? "");
  const column = (name) => trend.points.map((point) => point[name]);
  const data = [column("start"), column("high"), column("low"), column("mean"), column("messages")];
  if (chart === null) chart = make(data);
  else chart.setData(data);
  showFacts(chart.cursor.idx);
  const latest = trend.points[trend.points.length - 1];
  setAttribute(byId("trend-chart"), "aria-label", `Sentiment of ${trend.entity ?? trend.ticker}: latest minute ${signed(latest.mean)}, mean ${signed(trend.mean)}`);
}

function make(data) {
  return makeChart(
    byId("trend-chart"),
    {
      series: [
        {},
        { width: 0, points: { show: false } },
        { width: 0, points: { show: false } },
        { stroke: bySign(1), width: 2, points: { show: true, size: 4.5, width: 0, fill: bySign(1) } },
        { scale: "messages", fill: () => tint("neutral", 0.28), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.6, 14], align: 1 }) },
      ],
      bands: [{ series: [1, 2], fill: bySign(0.16) }],
      axes: [timeAxis(), valueAxis((value) => (value === null ? "" : signed(value).replace(/0$/, "")), [0.5])],
      scales: {
        x: { range: (_, low, high) => [low === high ? low - 600 : low - 15, high + 15] },
        y: { range: [-1, 1] },
        messages: { range: (_, __, high) => [0, Math.max(5, high * 6)] },
      },
      hooks: { drawAxes: [drawZero], setCursor: [(self) => showFacts(self.cursor.idx)] },
    },
    data,
  );
}

/** A vertical gradient that is one colour above zero and the other below. */
function bySign(opacity) {
  return (self) => {
    const { top, height } = self.bbox;
    if (!height) return tint("positive", opacity);
    const gradient = self.ctx.createLinearGradient(0, top, 0, top + height);
    const zero = Math.min(1, Math.max(0, (self.valToPos(0, "y", true) - top) / height));
    gradient.addColorStop(0, tint("positive", opacity));
    gradient.addColorStop(zero, tint("positive", opacity));
    gradient.addColorStop(zero, tint("negative", opacity));
    gradient.addColorStop(1, tint("negative", opacity));
    return gradient;
  };
}

function drawZero(self) {
  const { left, width } = self.bbox;
  const y = Math.round(self.valToPos(0, "y", true)) + 0.5;
  self.ctx.save();
  self.ctx.strokeStyle = colour("line-strong");
  self.ctx.lineWidth = 1.5 * devicePixelRatio;
  self.ctx.beginPath();
  self.ctx.moveTo(left, y);
  self.ctx.lineTo(left + width, y);
  self.ctx.stroke();
  self.ctx.restore();
}

function showFacts(index) {
  if (trend === null || !trend.points.length) return;
  const point = trend.points[index ?? trend.points.length - 1] ?? trend.points[trend.points.length - 1];
  setText(facts.when, minute(point.start));
  setText(facts.mean, `${ARROWS[sign(point.mean)]} ${signed(point.mean)}`);
  facts.mean.className = "signed";
  setAttribute(facts.mean, "data-sign", sign(point.mean));
  setText(facts.interval, `${signed(point.low)} to ${signed(point.high)}`);
  setText(facts.messages, count(point.messages));
  setText(facts.shares, `${percent(point.share_positive, 0)} / ${percent(point.share_negative, 0)}`);
}
