// The network through time as a drawing: input tokens, states and gates, predictions, and the norms of the gradients.

import { byteOf, visible } from "./colours.js";
import { brief, drawn, make, percent, within } from "./dom.js";
import { picture } from "./pictures.js";
import { recurrence } from "./units.js";

const LEFT = 92, GAP = 26, GUESS = 46, INPUT = 30, AXIS = 74;   // sizes in pixels
const [NARROW, WIDE] = [84, 240], [LOW, HIGH] = [34, 220];      // the least and the most of a column and of a box
const LANE = 0.55;                              // the height of a gate, as a share of the height of h
const DECADES = 8;                              // the most orders of magnitude of gradients to show

export const layerName = (layer) => recurrence(layer.recurrence)?.label ?? layer.recurrence;
export const spelled = (token) => token === null ? "" : visible(token);
export const valuesOf = (layer, lane) => lane === "h" || lane === "c" ? layer[lane] : layer.gates?.[lane];

// The lanes of a layer from the top: h, then the others that are shown and that the layer has.
export const lanesOf = (layer, shown) => ["h", ...shown.filter((lane) => valuesOf(layer, lane))];

// A picture of values as a data URL: a gate from 0 to 1, all others from −most to most.
function pictured(values, lane, wide, tall) {
  const canvas = make("canvas"), columns = Math.max(1, Math.ceil(Math.sqrt(values.length * wide / tall)));
  const gate = lane !== "h" && lane !== "c" && values.every((x) => x >= 0 && x <= 1);
  const most = values.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  const scale = gate ? { low: 0, high: 1 } : { low: -most, high: most };
  picture(canvas, Uint8Array.from(values, (x) => byteOf(scale, x)), columns);
  return canvas.toDataURL();
}

const label = (x, y, text, more = {}) => drawn("text", { x, y, "text-anchor": "middle", ...more }, text);
const arrow = (x1, y1, x2, y2) => drawn("line", { x1, y1, x2, y2, class: "flow", "marker-end": "url(#head)" });
const box = (row, t, name, ...children) => drawn("g", { class: "cell", role: "button", tabindex: -1, "aria-label": name,
  "data-row": row, "data-step": t }, ...children);
const raised = (n) => [...String(n)].map((c) => c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("");

// The common logarithmic axis of all gradients shown: its decades, and the height of a norm from 0 to 1.
function gradientAxis(steps) {
  const norms = steps.flatMap((step) => step.layers.map((layer) => layer.grad_norm)).filter((x) => x > 0);
  if (!norms.length) return { low: -1, high: 0, share: () => 0 };
  const logs = norms.map(Math.log10), high = Math.ceil(Math.max(...logs));
  const low = Math.max(high - DECADES, Math.min(high - 1, Math.floor(Math.min(...logs) - 0.05)));
  return { low, high, share: (x) => x > 0 ? within(0, (Math.log10(x) - low) / (high - low), 1) : 0 };
}

// Where everything is, for an area of this size.
function layout(steps, shown, area) {
  const layers = [...steps[0].layers].reverse();        // the last layer is at the top
  const lanes = layers.map((layer) => lanesOf(layer, shown));
  const column = within(NARROW, Math.floor((area.width - LEFT - 10) / steps.length), WIDE);
  const units = lanes.reduce((sum, names) => sum + 1 + LANE * (names.length - 1), 0);
  const fixed = 24 + GUESS + (layers.length + 1) * GAP + INPUT + 32 + layers.length * AXIS;
  const tall = within(LOW, Math.floor((area.height - fixed) / units), HIGH), small = Math.round(tall * LANE);
  const rows = [];
  let y = 24 + GUESS + GAP;
  for (const names of lanes) {
    rows.push(names.map((name, n) => ({ name, y: y + (n ? tall + (n - 1) * small : 0), tall: n ? small : tall })));
    y += tall + small * (names.length - 1) + GAP;
  }
  const charts = layers.map((_, n) => y + INPUT + 32 + n * AXIS);
  return { layers, rows, charts, column, wide: column - 26, input: y, bottom: charts.at(-1) + AXIS - 6 };
}

function prediction(step, t, x, wide) {
  const verdict = step.right === null ? "" : step.right ? "right" : "wrong", y = 24;
  const target = step.target === null ? "?" : `${spelled(step.target)} ${step.right ? "✓" : "✗"}`;
  return [
    label(x + wide / 2, y - 9, target, { class: `target ${verdict}` }),
    box(0, t, `after “${spelled(step.x)}”: predicted “${spelled(step.guess)}”, ${percent(step.p_guess)}`
      + `${verdict && `, ${verdict}`}${step.target === null ? "" : `; the next token is “${spelled(step.target)}”`}`,
      drawn("rect", { x, y, width: wide, height: GUESS, class: `guess ${verdict}` }),
      label(x + wide / 2, y + 20, spelled(step.guess), { class: "symbol" }),
      label(x + wide / 2, y + 38, percent(step.p_guess), { class: "small" })),
  ];
}

function state(layer, lanes, row, t, x, wide, token) {
  const first = lanes[0], tall = lanes.reduce((sum, lane) => sum + lane.tall, 0);
  return box(row, t, `${layerName(layer)} after “${token}”: norm of h ${brief(layer.h_norm)}, of the gradient `
    + brief(layer.grad_norm),
    ...lanes.map(({ name, y, tall }) => drawn("image", { href: pictured(valuesOf(layer, name), name, wide, tall), x, y,
      width: wide, height: tall, preserveAspectRatio: "none" })),
    ...lanes.slice(1).map(({ y }) => drawn("path", { class: "flow", d: `M${x} ${y}h${wide}` })),
    drawn("rect", { x, y: first.y, width: wide, height: tall, class: "frame" }));
}

// The norms of a layer's gradients as bars on the logarithmic axis.
function bar(norm, axis, x, y, wide) {
  const most = AXIS - 32, tall = Math.round(most * axis.share(norm)), width = Math.min(34, wide / 2);
  return [
    ...(norm > 0 ? [drawn("rect", { class: "gradient", x: x + (wide - width) / 2, y: y + most - tall, width,
      height: Math.max(1, tall) })] : []),
    label(x + wide / 2, y + most + 14, brief(norm), { class: "small" }),
  ];
}

function ticks(axis, y, from, to) {
  const most = AXIS - 32, every = Math.ceil((axis.high - axis.low) / 3), parts = [];
  for (let power = axis.high; power >= axis.low; power -= every) {
    const at = y + most - most * (power - axis.low) / (axis.high - axis.low);
    parts.push({ power, at, line: drawn("path", { class: "rule", d: `M${from} ${at}H${to}` }) });
  }
  return parts;
}

// Draws the steps; returns the names of the rows, which stay in view, and the columns, which scroll.
export function drawing(steps, shown, area) {
  const at = layout(steps, shown, area), axis = gradientAxis(steps), parts = [], names = [];
  const width = at.column * steps.length, last = at.rows.length - 1;
  const name = (text, y, more = {}) => names.push(drawn("text", { x: 0, y, class: "small dim", ...more }, text));
  const tick = (text, y) => name(text, y, { x: LEFT - 12, "text-anchor": "end" });
  const middle = ({ y, tall }) => y + tall / 2;
  name("true next", 15);
  name("predicted", 24 + GUESS / 2 + 5);
  name("input", at.input + 17);
  at.rows.forEach((lanes, n) => {
    name(layerName(at.layers[n]), middle(lanes[0]) + 4);
    for (const lane of lanes) tick(lane.name, middle(lane) + 4);
  });
  at.charts.forEach((y, n) => {
    name("norm of ∂L/∂h", y - 13, n ? { visibility: "hidden" } : {});
    name(layerName(at.layers[n]), y + 24);
    for (const { power, at: where, line } of ticks(axis, y, 0, width)) {
      tick(`10${raised(power)}`, where + 4);
      parts.push(line);
    }
  });
  steps.forEach((step, t) => {
    const x = t * at.column + 4, centre = x + at.wide / 2;
    parts.push(...prediction(step, t, x, at.wide), arrow(centre, at.rows[0][0].y - 3, centre, 24 + GUESS + 4));
    at.rows.forEach((lanes, n) => {
      const layer = step.layers[last - n], end = lanes.at(-1).y + lanes.at(-1).tall;
      parts.push(state(layer, lanes, n + 1, t, x, at.wide, spelled(step.x)));
      parts.push(arrow(centre, (n === last ? at.input : at.rows[n + 1][0].y) - 3, centre, end + 4));
      for (const lane of t + 1 < steps.length ? lanes.filter(({ name }) => name === "h" || name === "c") : []) {
        parts.push(arrow(x + at.wide + 2, middle(lane), x + at.column - 3, middle(lane)));
      }
      parts.push(...bar(layer.grad_norm, axis, x, at.charts[n], at.wide));
    });
    parts.push(label(centre, at.input + 17, spelled(step.x), { class: "symbol" }));
  });
  const head = drawn("marker", { id: "head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 6, markerHeight: 6,
    orient: "auto-start-reverse" }, drawn("path", { d: "M0 0 8 4 0 8z", class: "head" }));
  const svg = (wide, kind, ...children) => drawn("svg", { width: wide, height: at.bottom, class: kind,
    viewBox: `0 0 ${wide} ${at.bottom}` }, ...children);
  return [svg(LEFT, "names", ...names), svg(width, "columns", drawn("defs", {}, head), ...parts)];
}
