// What the two uPlot charts have in common: colours from the style sheet, axes, and the size of their box.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { minute } from "./format.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

/** A colour of the style sheet, by its custom property's name. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** A colour of the style sheet, at an opacity (0..1). */
export const tint = (name, opacity) => `color-mix(in srgb, ${colour(name)} ${opacity * 100}%, transparent)`;

const FONT = "11.5px Inter, system-ui, sans-serif";

/** A time axis in the reader's time zone. */
export function timeAxis() {
  return {
    stroke: () => colour("ink-3"),
    font: FONT,
    size: 24,
    space: 70,
    incrs: [60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400],
    grid: { show: false },
    ticks: { show: false },
    values: (_, splits) => splits.map((seconds) => (seconds === null ? "" : minute(seconds))),
  };
}

/** A value axis on the left with faint lines, at steps of one of `incrs`. */
export function valueAxis(values, incrs) {
  return {
    incrs,
    stroke: () => colour("ink-3"),
    font: FONT,
    size: 42,
    gap: 6,
    space: 44,
    grid: { stroke: () => colour("line"), width: 1 },
    ticks: { show: false },
    values: (_, splits) => splits.map(values),
  };
}

/** Make a chart that fills `box` and follows its size and the colour scheme. */
export function makeChart(box, options, data) {
  const chart = new uPlot(
    {
      ...size(box),
      legend: { show: false },
      cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
      padding: [10, 22, 0, 0],
      ...options,
    },
    data,
    box,
  );
  new ResizeObserver(() => {
    const wanted = size(box);
    if (wanted.width && (wanted.width !== chart.width || wanted.height !== chart.height)) chart.setSize(wanted);
  }).observe(box);
  dark.addEventListener("change", () => chart.redraw(false));
  document.fonts?.ready.then(() => chart.redraw(false, true));
  return chart;
}

const size = (box) => ({ width: box.clientWidth, height: box.clientHeight });

/** Curves that do not overshoot. */
export const smooth = uPlot.paths.spline();
