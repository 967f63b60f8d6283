// A small line without axes.

import { svg, setAttribute } from "./dom.js";

const WIDTH = 100;
const HEIGHT = 30;

/** Make an empty sparkline. */
export function sparkline() {
  return svg(
    "svg",
    { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("line", { x1: 0, x2: WIDTH, visibility: "hidden" }),
    svg("polygon"),
    svg("polyline"),
  );
}

/** Draw points [x, y]; `low` and `high` bound y; the area is filled from `base`, where a line is drawn if `zero`. */
export function drawSparkline(node, points, { low, high, base, zero = false }) {
  const [line, area, curve] = node.children;
  if (points.length < 2) {
    setAttribute(area, "points", "");
    const at = points.length ? scale(points[0][1]) : 0;
    setAttribute(curve, "points", points.length ? `${WIDTH - 3},${at} ${WIDTH},${at}` : "");
  } else {
    const first = points[0][0];
    const span = points[points.length - 1][0] - first || 1;
    const path = points.map(([x, y]) => `${(((x - first) / span) * WIDTH).toFixed(1)},${scale(y)}`).join(" ");
    setAttribute(curve, "points", path);
    setAttribute(area, "points", `0,${scale(base)} ${path} ${WIDTH},${scale(base)}`);
  }
  setAttribute(line, "y1", scale(base));
  setAttribute(line, "y2", scale(base));
  setAttribute(line, "visibility", zero ? "visible" : "hidden");

  function scale(y) {
    return (HEIGHT - ((y - low) / (high - low || 1)) * HEIGHT).toFixed(1);
  }
}
