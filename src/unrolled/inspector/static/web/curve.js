// Line plots over training steps: axes with few ticks, labels at the line ends, a cursor for pointer and keys.

import { brief, count, drawn, fixed, within } from "./dom.js";

const [TALL, LEFT, RIGHT, TOP, BOTTOM] = [250, 52, 104, 24, 34];

// About `most` round numbers between `low` and `high`.
function ticks(low, high, most) {
  const rough = (high - low) / most, size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * size).find((size) => size >= rough), all = [];
  for (let x = Math.ceil(low / step) * step; x <= high + step / 1e6; x += step) all.push(Number(x.toPrecision(12)));
  return all;
}

function decades(low, high) {
  const all = [];
  for (let x = 10 ** Math.floor(Math.log10(low)); x <= high; x *= 10) if (x >= low) all.push(x);
  return all;
}

// The most of the y axis without the high losses of the first steps: what nine tenths of the points reach, unless that
// is nearly all. Every point of a line with few points (`whole`) from its second on stays inside.
function robust(lines, y0, y1) {
  const ys = lines.flatMap(({ points }) => points.map(([, y]) => y)).sort((a, b) => a - b);
  const kept = lines.filter(({ whole }) => whole).flatMap(({ points }) => points.slice(1).map(([, y]) => y));
  const most = Math.max(ys[Math.floor(0.9 * (ys.length - 1))], ...kept);
  return (most - y0) * 1.5 < y1 - y0 && most > y0 ? most : y1;
}

// The height of a label at `x` near `y` that is over the fewest points of the lines.
function freeHeight(points, x, y) {
  const near = points.filter(([at]) => Math.abs(at - x) < 48);
  const heights = [-14, 24, -34, 44, -54, -74].map((by) => y + by).filter((at) => at > TOP + 10 && at < TALL - BOTTOM);
  const over = heights.map((at) => near.filter(([, other]) => other > at - 16 && other < at + 6).length);
  return heights[over.indexOf(Math.min(...over))] ?? Math.max(TOP + 10, y - 14);
}

// Draws `lines` ([{name, kind, whole, points: [[x, y], …]}]); returns the SVG, the map from steps to pixels, the cursors,
// and whether the axis is cropped.
export function curves(lines, { wide, unit, log, all: everything, marks, steps = [] }) {
  const all = lines.flatMap((line) => line.points), xs = all.map(([x]) => x), ys = all.map(([, y]) => y);
  const [x0, x1] = [Math.max(log ? 1 : 0, Math.min(...xs)), Math.max(...xs, Math.min(...xs) + 1)];
  const [y0, highest] = [Math.min(...ys), Math.max(...ys)], y1 = everything ? highest : robust(lines, y0, highest);
  const pad = (y1 - y0 || 1) * 0.04, cropped = y1 < highest;
  const place = log ? Math.log : (x) => x;
  const toX = (x) => LEFT + (place(Math.max(x, x0)) - place(x0)) / (place(x1) - place(x0)) * (wide - LEFT - RIGHT);
  const toY = (y) => TALL - BOTTOM - (y - y0 + pad) / (y1 - y0 + 2 * pad || 1) * (TALL - TOP - BOTTOM);
  const text = (x, y, label, anchor, kind = "small dim") =>
    drawn("text", { x, y, "text-anchor": anchor, class: kind }, label);
  const parts = [drawn("path", { class: "axis", d: `M${LEFT - 8} ${toY(y1)}V${toY(y0)}` }),
    drawn("path", { class: "axis", d: `M${toX(x0)} ${TALL - BOTTOM + 6}H${toX(x1)}` }),
    drawn("clipPath", { id: "inside" }, drawn("rect", { x: 0, y: TOP - 3, width: wide, height: TALL - TOP - BOTTOM + 8 }))];
  for (const y of ticks(y0, y1, 5)) {
    parts.push(drawn("path", { class: "axis", d: `M${LEFT - 12} ${toY(y)}h4` }),
      text(LEFT - 16, toY(y) + 4, brief(y), "end"));
  }
  for (const x of log ? decades(x0, x1) : ticks(x0, x1, Math.max(2, Math.floor(wide / 140)))) {
    parts.push(drawn("path", { class: "axis", d: `M${toX(x)} ${TALL - BOTTOM + 6}v4` }),
      text(toX(x), TALL - BOTTOM + 24, count(x), "middle"));
  }
  const above = cropped ? ` (values up to ${brief(highest)} are cut)` : "";
  parts.push(text(LEFT, 10, `${unit}${above}`, "start"), text(toX(x1) + 28, TALL - BOTTOM + 24, "step", "start"));
  for (const x of steps) {
    parts.push(drawn("path", { class: "milestone", d: `M${toX(x).toFixed(1)} ${TALL - BOTTOM + 6}v-8` }));
  }
  const ends = [];
  for (const { name, kind, points } of lines) {
    if (!points.length) continue;
    const places = points.map(([x, y]) => `${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`);
    parts.push(drawn("path", { class: `curve ${kind}`, d: `M${places.join("L")}`, "clip-path": "url(#inside)" }));
    for (const [x, y] of kind === "dots" ? points.filter(([, y]) => y <= y1) : []) {
      parts.push(drawn("circle", { class: "dot", cx: toX(x), cy: toY(y), r: 3 }));
    }
    ends.push({ name, kind, x: toX(points.at(-1)[0]) + 8, y: toY(Math.min(points.at(-1)[1], y1)) + 4 });
  }
  ends.sort((a, b) => a.y - b.y);
  ends.forEach((end, n) => { if (n) end.y = Math.max(end.y, ends[n - 1].y + 15); });
  for (const { name, kind, x, y } of ends) parts.push(text(x, y, name, "start", `small named-${kind}`));
  const drawnAt = all.map(([x, y]) => [toX(x), toY(Math.min(y, y1))]);
  for (const { x, y, label } of marks) {
    if (y > y1) continue;
    const at = within(LEFT + 60, toX(x), wide - RIGHT - 40);
    parts.push(drawn("circle", { class: "best", cx: toX(x), cy: toY(y), r: 6 }),
      text(at, freeHeight(drawnAt, at, toY(y)), label, "middle", "small"));
  }
  const cursor = drawn("path", { class: "cursor", d: "" }), preview = drawn("path", { class: "preview", d: "" });
  const line = (x) => x === null ? "" : `M${toX(x).toFixed(1)} ${TOP}V${TALL - BOTTOM + 6}`;
  const svg = drawn("svg", { width: wide, height: TALL, viewBox: `0 0 ${wide} ${TALL}`, role: "presentation" },
    preview, ...parts, cursor);
  return {
    svg,
    cropped,
    toX,
    point: (x) => cursor.setAttribute("d", line(x)),
    mark: (x) => preview.setAttribute("d", line(x)),
  };
}

export const figure = (x) => fixed(x, Math.abs(x) < 0.1 ? 4 : 3);
