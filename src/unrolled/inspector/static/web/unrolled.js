// The Unrolled pane: a short text through the network, step by step, with the numbers of the selected box.

import { address, keep } from "./address.js";
import { ServerError, attempt, fetchJson, latest } from "./api.js";
import { showKey } from "./colours.js";
import { brief, byId, count, debounced, fixed, make, onKeys, percent, within } from "./dom.js";
import { drawing, layerName, lanesOf, spelled, valuesOf } from "./drawing.js";
import { onScheme } from "./pictures.js";
import { bars } from "./tip.js";
import { run } from "./units.js";

const fetching = latest();
let result = null, chosen = [0, 0], started = false; // chosen: row (0: predictions, 1: top layer, …), step

const depth = () => result.steps[0]?.layers.length ?? 0;
const layerOf = (row) => depth() - row;         // the first layer is at the bottom

// The gates and states beside h that the network has, and those that are shown.
const LANES = () => [...new Set(run.recurrences.flatMap(({ gates }) => gates))].filter((gate) => gate !== "h");
const lanes = () => [...byId("lanes").querySelectorAll("input:checked")].map(({ value }) => value);
const needGates = () => lanes().some((lane) => lane !== "c");

function draw() {
  const area = byId("unrolled-scroll");
  if (!result || !area.clientWidth) return;
  const size = { width: area.clientWidth - 24, height: area.clientHeight - 24 };
  area.replaceChildren(...drawing(result.steps, lanes(), size));
  byId("unrolled-result").textContent = result.loss === null ? "one token: nothing to predict"
    : byId("last-only").checked ? `last step: loss ${fixed(result.loss, 3)} nats`
      : `mean loss ${fixed(result.loss, 3)} nats per token`;
  choose(Math.min(chosen[0], depth()), Math.min(chosen[1], result.steps.length - 1), false);
}

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
  const listed = step.target === null || step.top.some(({ symbol }) => symbol === step.target);
  bars(list, listed ? step.top : [...step.top.slice(0, -1), { symbol: step.target, p: step.p_target }]);
  const note = step.target === null ? "The next token is unknown."
    : `The next token is “${spelled(step.target)}”, p = ${percent(step.p_target)}: ${fixed(step.loss, 3)} nats.`;
  const head = make("h2", {}, `Prediction after “${spelled(step.x)}”, step ${t + 1}`);
  byId("numbers").replaceChildren(head, make("p", {}, note), list);
}

let order = "unit";                             // the column that the table of values is sorted by
function showState(layer, t) {
  const columns = [...lanesOf(layer, layer.c ? ["c", ...lanes().filter((lane) => lane !== "c")] : lanes()), "grad"];
  const heads = { grad: "∂L/∂h" }, all = (name) => name === "grad" ? layer.grad : valuesOf(layer, name);
  const rows = layer.h.map((_, n) => n);
  if (columns.includes(order)) rows.sort((a, b) => Math.abs(all(order)[b]) - Math.abs(all(order)[a]));
  const head = (name) => {
    const button = make("button", { type: "button", class: "plain",
      title: name === "unit" ? "sort by index" : "sort by magnitude" }, heads[name] ?? name);
    button.addEventListener("click", () => {
      order = name;
      showState(layer, t);
      byId("numbers").querySelector("[aria-sort] button").focus();
    });
    return make("th", { scope: "col", class: "number",
      "aria-sort": order === name ? (name === "unit" ? "ascending" : "descending") : null }, button);
  };
  const formatted = (name, n) => name === "grad" ? brief(layer.grad[n]) : n in all(name) ? fixed(all(name)[n]) : "";
  const body = rows.map((n) => make("tr", {}, make("th", { scope: "row", class: "number" }, String(n)),
    ...columns.map((name) => make("td", { class: "number" }, formatted(name, n)))));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...["unit", ...columns].map(head))),
    make("tbody", {}, ...body));
  const name = layerName(layer);
  byId("numbers").replaceChildren(make("h2", {}, `${name} after “${spelled(result.steps[t].x)}”, step ${t + 1}`),
    make("p", {}, `norm of h: ${brief(layer.h_norm)}; norm of its gradient ∂L/∂h: ${brief(layer.grad_norm)}`),
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
  fetchJson("/api/unrolled", { body: { text, last_only: byId("last-only").checked, gates: needGates() }, signal });

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
  showKey(byId("unrolled-key"), "h: −1 (blue)", "1 (red); c: to its largest value in the box; gates: 0 to 1");
  byId("unrolled-text").value = "hello";
  byId("unrolled-form").addEventListener("submit", (event) => { event.preventDefault(); load(); });
  byId("last-only").addEventListener("change", load);
  byId("unrolled-limit").textContent = `at most ${count(run.limits.unrolled)} tokens`;
  const shown = (address.lanes ?? "").split(",");
  byId("lanes").append(...LANES().map((lane) => make("label", {}, make("input", { type: "checkbox", value: lane,
    checked: shown.includes(lane) }), ` ${lane}`)));
  byId("lanes").hidden = !LANES().length;
  byId("lanes").addEventListener("change", () => {
    keep({ lanes: lanes().join(",") });
    if (needGates() && result && !result.steps[0]?.layers.some((layer) => layer.gates)) load();
    else draw();
  });
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
  addEventListener("resize", debounced(100, draw));
}

export function openUnrolled() { if (started) draw(); else load(); }
