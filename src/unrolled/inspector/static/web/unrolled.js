// The unrolled network as boxes: input tokens, states, predictions, and the gradient flowing back.

import { ServerError, attempt, fetchJson, latest } from "./api.js";
import { byteOf, visible } from "./colours.js";
import { brief, byId, drawn, fixed, make, onKeys, percent, within } from "./dom.js";
import { onScheme, picture } from "./pictures.js";
import { bars } from "./tip.js";
import { recurrence, run } from "./units.js";

const [COLUMN, WIDE, TALL, LAYER, TOP, LEFT] = [104, 72, 44, 104, 92, 74];     // sizes in pixels
const DECADES = 8;                              // the most orders of magnitude of gradients to show
const fetching = latest();
let result = null, chosen = [0, 0], started = false; // chosen: row (0: predictions, 1: top layer, …), step

const depth = () => result.steps[0]?.layers.length ?? 0;
const left = (t) => LEFT + t * COLUMN;
const top = (row) => row === 0 ? TOP - 52 : TOP + 26 + (row - 1) * LAYER;
const layerOf = (row) => depth() - row;         // the first layer is at the bottom
const spelled = (token) => token === null ? "" : visible(token);

// A picture of a state as a data URL, for the SVG.
function pictured(values) {
  const canvas = make("canvas"), columns = Math.ceil(Math.sqrt(values.length * WIDE / TALL));
  const most = values.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  picture(canvas, Uint8Array.from(values, (x) => byteOf({ low: -most, high: most }, x)), columns);
  return canvas.toDataURL();
}

const label = (x, y, text, more = {}) => drawn("text", { x, y, "text-anchor": "middle", ...more }, text);
const arrow = (x1, y1, x2, y2) => drawn("line", { x1, y1, x2, y2, class: "flow", "marker-end": "url(#head)" });

const box = (row, t, name, ...children) => drawn("g", { class: "cell", role: "button", tabindex: -1, "aria-label": name,
  "data-row": row, "data-step": t }, ...children);

function prediction(step, t) {
  const x = left(t), y = top(0), verdict = step.right === null ? "" : step.right ? "right" : "wrong";
  const target = step.target === null ? "?" : `${spelled(step.target)} ${step.right ? "✓" : "✗"}`;
  return [
    label(x + WIDE / 2, y - 12, target, { class: `target ${verdict}` }),
    box(0, t, `after “${spelled(step.x)}”: predicted “${spelled(step.guess)}”, ${percent(step.p_guess)}`
      + `${verdict && `, ${verdict}`}${step.target === null ? "" : `; the next token is “${spelled(step.target)}”`}`,
      drawn("rect", { x, y, width: WIDE, height: TALL, class: `guess ${verdict}` }),
      label(x + WIDE / 2, y + 20, spelled(step.guess), { class: "symbol" }),
      label(x + WIDE / 2, y + 37, percent(step.p_guess), { class: "small" })),
  ];
}

// The length of a bar, from 0 to 1, on a common logarithmic scale of all gradients shown.
function logScale() {
  const norms = result.steps.flatMap((step) => step.layers.map((layer) => layer.grad_norm)).filter((x) => x > 0);
  if (!norms.length) return { low: -1, high: 0, length: () => 0 };
  const logs = norms.map(Math.log10), high = Math.ceil(Math.max(...logs));
  const low = Math.max(high - DECADES, Math.min(high - 1, Math.floor(Math.min(...logs))));
  return { low, high, length: (x) => x > 0 ? within(0, (Math.log10(x) - low) / (high - low), 1) : 0 };
}

function state(layer, row, t, scale) {
  const x = left(t), y = top(row), long = WIDE * scale.length(layer.grad_norm), under = y + TALL + 11;
  const name = recurrence(layer.recurrence)?.label ?? layer.recurrence;
  return [
    box(row, t, `${name} after “${spelled(result.steps[t].x)}”: norm of h ${brief(layer.h_norm)}, of the gradient `
      + brief(layer.grad_norm),
      drawn("image", { href: pictured(layer.h), x, y, width: WIDE, height: TALL, preserveAspectRatio: "none" }),
      drawn("rect", { x, y, width: WIDE, height: TALL, class: "frame" })),
    ...(long > 0 ? [drawn("path", { class: "gradient",
      d: `M${x + WIDE} ${under - 3}h${-Math.max(0, long - 6)}v-3l-6 6 6 6v-3h${Math.max(0, long - 6)}z` })] : []),
    label(x + WIDE, under + 17, brief(layer.grad_norm), { class: "small", "text-anchor": "end" }),
  ];
}

function draw() {
  if (!result) return;
  const parts = [], rows = depth(), scale = logScale(), bottom = top(rows) + LAYER - 12;
  result.steps.forEach((step, t) => {
    const middle = left(t) + 14;                // upward arrows pass beside the gradient's value
    parts.push(...prediction(step, t), arrow(left(t) + WIDE / 2, top(1) - 3, left(t) + WIDE / 2, top(0) + TALL + 4));
    for (let row = 1; row <= rows; row++) {
      const y = top(row) + TALL / 2;
      parts.push(...state(step.layers[layerOf(row)], row, t, scale));
      parts.push(arrow(middle, top(row) + LAYER - (row === rows ? 16 : 3), middle, top(row) + TALL + 21));
      if (t + 1 < result.steps.length) parts.push(arrow(left(t) + WIDE + 2, y, left(t + 1) - 4, y));
    }
    parts.push(label(middle, bottom + 14, spelled(step.x), { class: "symbol" }));
  });
  const names = [["target", top(0) - 12], ["predicted", top(0) + TALL / 2 + 5], ["input", bottom + 14]];
  for (let row = 1; row <= rows; row++) {
    const layer = recurrence(result.steps[0].layers[layerOf(row)].recurrence);
    names.push([layer?.label ?? "", top(row) + TALL / 2 + 5], ["∂L/∂h", top(row) + TALL + 15]);
  }
  parts.push(...names.map(([name, y]) => drawn("text", { x: 0, y, class: "small dim" }, name)));
  const size = { width: left(result.steps.length - 1) + WIDE + 12, height: bottom + 26 };
  const head = drawn("marker", { id: "head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 6, markerHeight: 6,
    orient: "auto-start-reverse" }, drawn("path", { d: "M0 0 8 4 0 8z", class: "head" }));
  byId("unrolled-scroll").replaceChildren(drawn("svg", { ...size, viewBox: `0 0 ${size.width} ${size.height}` },
    drawn("defs", {}, head), ...parts));
  byId("unrolled-result").textContent = `loss ${fixed(result.loss, 3)} nats; gradient bars from `
    + `10${raised(scale.low)} (empty) to 10${raised(scale.high)} (full)`;
  choose(Math.min(chosen[0], rows), Math.min(chosen[1], result.steps.length - 1), false);
}

const raised = (n) => [...String(n)].map((c) => c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("");
const cell = (row, t) => byId("unrolled-scroll").querySelector(`[data-row="${row}"][data-step="${t}"]`);

function choose(row, t, focus = true) {
  const before = byId("unrolled-scroll").querySelector(".cell.chosen"), element = cell(row, t);
  before?.classList.remove("chosen");
  before?.setAttribute("tabindex", -1);
  if (!element) return;
  chosen = [row, t];
  element.classList.add("chosen");
  element.setAttribute("tabindex", 0);
  if (focus && document.activeElement !== element) element.focus();
  if (row === 0) showPrediction(result.steps[t], t);
  else showState(result.steps[t].layers[layerOf(row)], t);
}

function showPrediction(step, t) {
  const list = make("ol", { class: "bars" });
  bars(list, step.top);
  const note = step.target === null ? "The next token is unknown."
    : `The next token is “${spelled(step.target)}”, p = ${percent(step.p_target)}: ${fixed(step.loss, 3)} nats.`;
  const head = make("h2", {}, `Prediction after “${spelled(step.x)}”, step ${t + 1}`);
  byId("numbers").replaceChildren(head, make("p", {}, note), list);
}

let order = "unit";                             // the column that the table of values is sorted by
function showState(layer, t) {
  const columns = ["h", ...(layer.c ? ["c"] : []), "grad"], heads = { unit: "unit", h: "h", c: "c", grad: "∂L/∂h" };
  const rows = layer.h.map((_, n) => n);
  if (columns.includes(order)) rows.sort((a, b) => Math.abs(layer[order][b]) - Math.abs(layer[order][a]));
  const head = (name) => {
    const button = make("button", { type: "button", class: "plain",
      title: name === "unit" ? "sort by index" : "sort by magnitude" }, heads[name]);
    button.addEventListener("click", () => {
      order = name;
      showState(layer, t);
      byId("numbers").querySelector("[aria-sort] button").focus();
    });
    return make("th", { scope: "col", class: "number",
      "aria-sort": order === name ? (name === "unit" ? "ascending" : "descending") : null }, button);
  };
  const formatted = (name, n) => name === "grad" ? brief(layer.grad[n]) : fixed(layer[name][n]);
  const body = rows.map((n) => make("tr", {}, make("th", { scope: "row", class: "number" }, String(n)),
    ...columns.map((name) => make("td", { class: "number" }, formatted(name, n)))));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...["unit", ...columns].map(head))),
    make("tbody", {}, ...body));
  const name = recurrence(layer.recurrence)?.label ?? layer.recurrence;
  byId("numbers").replaceChildren(make("h2", {}, `${name} after “${spelled(result.steps[t].x)}”, step ${t + 1}`),
    make("p", {}, `‖h‖ = ${brief(layer.h_norm)}, ‖∂L/∂h‖ = ${brief(layer.grad_norm)}`),
    make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The units’ values" }, table));
}

// The initial text: “hello”, or the first characters of the inspected text if the vocabulary lacks those letters.
async function first(signal) {
  try {
    return await fetchSteps("hello", signal);
  } catch (error) {
    if (!(error instanceof ServerError) || error.status !== 422 || !run.text.characters) throw error;
    const params = { begin: 0, end: Math.min(40, run.text.characters) };
    const { text } = await fetchJson("/api/text", { params, signal });
    const beginning = text.trimStart().slice(0, 12) || text;
    byId("unrolled-text").value = beginning;
    return fetchSteps(beginning, signal);
  }
}

const fetchSteps = (text, signal) =>
  fetchJson("/api/unrolled", { body: { text, last_only: byId("last-only").checked }, signal });

function load() {
  const text = byId("unrolled-text").value, fresh = !started && text === "hello";
  byId("unrolled-result").textContent = "computing …";
  return attempt("unrolled", async () => {
    try {
      const answer = await fetching((signal) => fresh ? first(signal) : fetchSteps(text, signal));
      if (!answer) return;
      started = true;
      result = answer;
      draw();
    } catch (error) {
      byId("unrolled-result").textContent = result ? "the picture shows the previous text" : "";
      throw error;
    }
  });
}

export function startUnrolled() {
  byId("unrolled-text").value = "hello";
  byId("unrolled-form").addEventListener("submit", (event) => { event.preventDefault(); load(); });
  byId("last-only").addEventListener("change", load);
  const area = byId("unrolled-scroll");
  const boxAt = (event) => event.target.closest?.(".cell")?.dataset;
  for (const kind of ["click", "focusin"]) {
    area.addEventListener(kind, (event) => {
      const at = boxAt(event);
      if (at) choose(Number(at.row), Number(at.step), kind === "click");
    });
  }
  const move = (rows, steps) => () => {
    if (!result) return;
    choose(within(0, chosen[0] + rows, depth()), within(0, chosen[1] + steps, result.steps.length - 1));
  };
  onKeys(area, {
    ArrowLeft: move(0, -1), ArrowRight: move(0, 1), ArrowUp: move(-1, 0), ArrowDown: move(1, 0),
    Home: move(0, -Infinity), End: move(0, Infinity), Enter: move(0, 0), " ": move(0, 0),
  });
  onScheme(draw);
}

export function openUnrolled() { if (!started) load(); }
