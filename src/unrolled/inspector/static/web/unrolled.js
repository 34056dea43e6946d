// The network as boxes through time: symbols in, states, guesses out, and the gradient flowing back.

import { ServerError, ask, attempt, latest } from "./api.js";
import { byteOf, visible } from "./colours.js";
import { brief, byId, drawn, fixed, make, onKeys, percent, within } from "./dom.js";
import { onScheme, picture } from "./pictures.js";
import { bars } from "./tip.js";
import { recurrence, run } from "./units.js";

const [COLUMN, WIDE, TALL, LAYER, TOP, LEFT] = [104, 72, 44, 104, 92, 74];     // of the picture, in pixels
const DECADES = 8;                              // of gradients, at most
const asking = latest();
let got = null, chosen = [0, 0], begun = false; // chosen: row (0: guesses, 1: top layer, …), step

const depth = () => got.steps[0]?.layers.length ?? 0;
const left = (t) => LEFT + t * COLUMN;
const top = (row) => row === 0 ? TOP - 52 : TOP + 26 + (row - 1) * LAYER;
const layerOf = (row) => depth() - row;         // the first layer lies at the bottom
const symbol = (one) => one === null ? "" : visible(one);

// The picture of a state as an address that an SVG can show.
function pictured(values) {
  const canvas = make("canvas"), columns = Math.ceil(Math.sqrt(values.length * WIDE / TALL));
  const most = values.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  picture(canvas, Uint8Array.from(values, (x) => byteOf({ low: -most, high: most }, x)), columns);
  return canvas.toDataURL();
}

const label = (x, y, told, more = {}) => drawn("text", { x, y, "text-anchor": "middle", ...more }, told);
const arrow = (x1, y1, x2, y2) => drawn("line", { x1, y1, x2, y2, class: "flow", "marker-end": "url(#head)" });

const box = (row, t, name, ...children) => drawn("g", { class: "cell", role: "button", tabindex: -1, "aria-label": name,
  "data-row": row, "data-step": t }, ...children);

function guess(step, t) {
  const x = left(t), y = top(0), told = step.right === null ? "" : step.right ? "right" : "wrong";
  const target = step.target === null ? "?" : `${symbol(step.target)} ${step.right ? "✓" : "✗"}`;
  return [
    label(x + WIDE / 2, y - 12, target, { class: `target ${told}` }),
    box(0, t, `after “${symbol(step.x)}”: guess “${symbol(step.guess)}”, ${percent(step.p_guess)}${told && `, ${told}`}`
      + `${step.target === null ? "" : `; next comes “${symbol(step.target)}”`}`,
      drawn("rect", { x, y, width: WIDE, height: TALL, class: `guess ${told}` }),
      label(x + WIDE / 2, y + 20, symbol(step.guess), { class: "symbol" }),
      label(x + WIDE / 2, y + 37, percent(step.p_guess), { class: "small" })),
  ];
}

// The bar's length, from 0 to 1, on the scale of all gradients in the picture.
function logScale() {
  const norms = got.steps.flatMap((step) => step.layers.map((one) => one.grad_norm)).filter((x) => x > 0);
  if (!norms.length) return { low: -1, high: 0, length: () => 0 };
  const logs = norms.map(Math.log10), high = Math.ceil(Math.max(...logs));
  const low = Math.max(high - DECADES, Math.min(high - 1, Math.floor(Math.min(...logs))));
  return { low, high, length: (x) => x > 0 ? within(0, (Math.log10(x) - low) / (high - low), 1) : 0 };
}

function state(one, row, t, scale) {
  const x = left(t), y = top(row), long = WIDE * scale.length(one.grad_norm), under = y + TALL + 11;
  const its = recurrence(one.recurrence)?.label ?? one.recurrence;
  return [
    box(row, t, `${its} after “${symbol(got.steps[t].x)}”: length of h ${brief(one.h_norm)}, of the gradient `
      + brief(one.grad_norm),
      drawn("image", { href: pictured(one.h), x, y, width: WIDE, height: TALL, preserveAspectRatio: "none" }),
      drawn("rect", { x, y, width: WIDE, height: TALL, class: "frame" })),
    ...(long > 0 ? [drawn("path", { class: "gradient",
      d: `M${x + WIDE} ${under - 3}h${-Math.max(0, long - 6)}v-3l-6 6 6 6v-3h${Math.max(0, long - 6)}z` })] : []),
    label(x + WIDE, under + 17, brief(one.grad_norm), { class: "small", "text-anchor": "end" }),
  ];
}

function draw() {
  if (!got) return;
  const parts = [], rows = depth(), scale = logScale(), bottom = top(rows) + LAYER - 12;
  got.steps.forEach((step, t) => {
    const middle = left(t) + 14;                // arrows upwards pass beside the gradient's figures
    parts.push(...guess(step, t), arrow(left(t) + WIDE / 2, top(1) - 3, left(t) + WIDE / 2, top(0) + TALL + 4));
    for (let row = 1; row <= rows; row++) {
      const y = top(row) + TALL / 2;
      parts.push(...state(step.layers[layerOf(row)], row, t, scale));
      parts.push(arrow(middle, top(row) + LAYER - (row === rows ? 16 : 3), middle, top(row) + TALL + 21));
      if (t + 1 < got.steps.length) parts.push(arrow(left(t) + WIDE + 2, y, left(t + 1) - 4, y));
    }
    parts.push(label(middle, bottom + 14, symbol(step.x), { class: "symbol" }));
  });
  const names = [["next", top(0) - 12], ["guess", top(0) + TALL / 2 + 5], ["reads", bottom + 14]];
  for (let row = 1; row <= rows; row++) {
    const its = recurrence(got.steps[0].layers[layerOf(row)].recurrence);
    names.push([its?.label ?? "", top(row) + TALL / 2 + 5], ["∂L/∂h", top(row) + TALL + 15]);
  }
  parts.push(...names.map(([told, y]) => drawn("text", { x: 0, y, class: "small dim" }, told)));
  const size = { width: left(got.steps.length - 1) + WIDE + 12, height: bottom + 26 };
  const head = drawn("marker", { id: "head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 6, markerHeight: 6,
    orient: "auto-start-reverse" }, drawn("path", { d: "M0 0 8 4 0 8z", class: "head" }));
  byId("unrolled-scroll").replaceChildren(drawn("svg", { ...size, viewBox: `0 0 ${size.width} ${size.height}` },
    drawn("defs", {}, head), ...parts));
  byId("unrolled-said").textContent = `loss ${fixed(got.loss, 3)} nats; a full bar is 10${raised(scale.high)}, none `
    + `10${raised(scale.low)}`;
  choose(Math.min(chosen[0], rows), Math.min(chosen[1], got.steps.length - 1), false);
}

const raised = (n) => [...String(n)].map((c) => c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("");
const cell = (row, t) => byId("unrolled-scroll").querySelector(`[data-row="${row}"][data-step="${t}"]`);

function choose(row, t, focus = true) {
  const before = byId("unrolled-scroll").querySelector(".cell.chosen"), one = cell(row, t);
  before?.classList.remove("chosen");
  before?.setAttribute("tabindex", -1);
  if (!one) return;
  chosen = [row, t];
  one.classList.add("chosen");
  one.setAttribute("tabindex", 0);
  if (focus && document.activeElement !== one) one.focus();
  if (row === 0) showGuess(got.steps[t], t);
  else showState(got.steps[t].layers[layerOf(row)], t);
}

function showGuess(step, t) {
  const list = make("ol", { class: "bars" });
  bars(list, step.top);
  const told = step.target === null ? "What comes next is not known."
    : `Next comes “${symbol(step.target)}”, expected with ${percent(step.p_target)}: ${fixed(step.loss, 3)} nats.`;
  const head = make("h2", {}, `Guess after “${symbol(step.x)}”, step ${t + 1}`);
  byId("numbers").replaceChildren(head, make("p", {}, told), list);
}

let order = "unit";                             // of the table of numbers: a column's name
function showState(one, t) {
  const columns = ["h", ...(one.c ? ["c"] : []), "grad"], heads = { unit: "unit", h: "h", c: "c", grad: "∂L/∂h" };
  const rows = one.h.map((_, n) => n);
  if (columns.includes(order)) rows.sort((a, b) => Math.abs(one[order][b]) - Math.abs(one[order][a]));
  const head = (name) => {
    const button = make("button", { type: "button", class: "plain",
      title: name === "unit" ? "by number" : "largest first" }, heads[name]);
    button.addEventListener("click", () => {
      order = name;
      showState(one, t);
      byId("numbers").querySelector("[aria-sort] button").focus();
    });
    return make("th", { scope: "col", class: "number",
      "aria-sort": order === name ? (name === "unit" ? "ascending" : "descending") : null }, button);
  };
  const told = (name, n) => name === "grad" ? brief(one.grad[n]) : fixed(one[name][n]);
  const body = rows.map((n) => make("tr", {}, make("th", { scope: "row", class: "number" }, String(n)),
    ...columns.map((name) => make("td", { class: "number" }, told(name, n)))));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...["unit", ...columns].map(head))),
    make("tbody", {}, ...body));
  const its = recurrence(one.recurrence)?.label ?? one.recurrence;
  byId("numbers").replaceChildren(make("h2", {}, `${its} after “${symbol(got.steps[t].x)}”, step ${t + 1}`),
    make("p", {}, `‖h‖ = ${brief(one.h_norm)}, ‖∂L/∂h‖ = ${brief(one.grad_norm)}`),
    make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The units’ numbers" }, table));
}

// The text to begin with: “hello”, or the first characters of the text if the network cannot spell that.
async function first(signal) {
  try {
    return await fetchSteps("hello", signal);
  } catch (error) {
    if (!(error instanceof ServerError) || error.status !== 422 || !run.text.characters) throw error;
    const { text } = await ask("/api/text", { params: { begin: 0, end: Math.min(40, run.text.characters) }, signal });
    const some = text.trimStart().slice(0, 12) || text;
    byId("unrolled-text").value = some;
    return fetchSteps(some, signal);
  }
}

const fetchSteps = (text, signal) =>
  ask("/api/unrolled", { body: { text, last_only: byId("last-only").checked }, signal });

function load() {
  const text = byId("unrolled-text").value, fresh = !begun && text === "hello";
  byId("unrolled-said").textContent = "reading …";
  return attempt("unrolled", async () => {
    try {
      const answer = await asking((signal) => fresh ? first(signal) : fetchSteps(text, signal));
      if (!answer) return;
      begun = true;
      got = answer;
      draw();
    } catch (error) {
      byId("unrolled-said").textContent = got ? "the picture is of the text before" : "";
      throw error;
    }
  });
}

export function startUnrolled() {
  byId("unrolled-text").value = "hello";
  byId("unrolled-form").addEventListener("submit", (event) => { event.preventDefault(); load(); });
  byId("last-only").addEventListener("change", load);
  const area = byId("unrolled-scroll");
  const place = (event) => event.target.closest?.(".cell")?.dataset;
  for (const kind of ["click", "focusin"]) {
    area.addEventListener(kind, (event) => {
      const at = place(event);
      if (at) choose(Number(at.row), Number(at.step), kind === "click");
    });
  }
  const move = (rows, steps) => () => {
    if (!got) return;
    choose(within(0, chosen[0] + rows, depth()), within(0, chosen[1] + steps, got.steps.length - 1));
  };
  onKeys(area, {
    ArrowLeft: move(0, -1), ArrowRight: move(0, 1), ArrowUp: move(-1, 0), ArrowDown: move(1, 0),
    Home: move(0, -Infinity), End: move(0, Infinity), Enter: move(0, 0), " ": move(0, 0),
  });
  onScheme(draw);
}

export function openUnrolled() { if (!begun) load(); }
