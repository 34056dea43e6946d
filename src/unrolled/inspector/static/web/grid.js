// All units of a layer and gate, each as a strip of its values over the visible characters.

import { address, keep } from "./address.js";
import { attempt, latest } from "./api.js";
import { stretched } from "./colours.js";
import { byId, count, debounced, fixed, make, onKeys, within } from "./dom.js";
import { known, measured, onKnown, sortedBy } from "./hypotheses.js";
import { contrast, onContrast, shadeOf } from "./meaning.js";
import { onScheme, picture } from "./pictures.js";
import { gridOf, labelsOf } from "./slices.js";
import { bracket, leave, onMoved, point, view } from "./text.js";
import { choose, fillSelect, layers, onUnit, recurrence, run, same, unit } from "./units.js";

const SPAN = 300;                               // characters of a strip
const BEFORE = 100;                             // of them before the cursor, if it lies outside the strips
const RELOAD = 1500;                            // ms until provisional values are requested again
const fetching = latest();
const list = byId("units");
const truth = { row: make("div", { id: "truth-strip", "aria-hidden": "true", hidden: true }), name: make("span"),
  strip: make("canvas", { width: 1, height: 1 }) };
let rows = [], shown = null, labels = null, active = 0, waiting = 0;

const layer = () => byId("grid-layer").value;
const gate = () => byId("grid-gate").value;
const columns = () => shown.end - shown.begin;

// Rows are reused when the picture changes, so that nothing jumps and the focus stays.
function fitRows(n) {
  while (rows.length < n) {
    const parts = { name: make("span"), strip: make("canvas", { width: 1, height: 1 }), score: make("span") };
    const row = make("div", { role: "option", id: `row-${rows.length}`, "data-row": rows.length },
      ...Object.values(parts));
    rows.push({ row, ...parts });
    list.append(row);
  }
  for (const { row } of rows.splice(n)) row.remove();
}

function draw() {
  if (!shown) return;
  const wide = columns(), amount = contrast();
  const starred = known.hypotheses.find(({ name, found }) => name === sortedBy() && found)?.best[0];
  fitRows(shown.order.length);
  shown.order.forEach((index, n) => {
    const { row, name, strip, score } = rows[n], star = starred && same(starred, unitOf(n));
    picture(strip, shown.values.subarray(n * wide, (n + 1) * wide).map((byte) => stretched(byte, amount)));
    name.textContent = `${star ? "★ " : ""}${index}`;
    score.textContent = shown.scores?.[n] == null ? "" : fixed(shown.scores[n], 2);
    row.setAttribute("aria-label", `${shown.gate}[${index}]${score.textContent
      && `, ${measured(shown.measure)} ${score.textContent}`}${star ? ", found" : ""}`);
  });
  truth.row.hidden = !labels;
  if (labels) {
    truth.name.textContent = labels.binary ? "true" : "label";
    picture(truth.strip, shadeOf(labels), wide, "--focus");
  }
  showChosen();
  showCursor();
  const measure = shown.measure ? `, ${measured(shown.measure)}${known.sampled ? " of a sample" : ""} on the right` : "";
  const where = `characters ${count(shown.begin + 1)} to ${count(shown.end)}${measure}`;
  byId("grid-where").title = `${where}; the bar beside the text marks these characters${known.sampled
    ? `; scores beside the strips are of ${count(known.sampled)} characters, those in the table of the whole text` : ""}`;
  byId("grid-where").textContent = where;
}

const unitOf = (n) => ({ recurrence: shown.recurrence, gate: shown.gate, index: shown.order[n] });
const isChosen = (n) => same(unitOf(n), unit);
function showChosen() {
  if (!shown) return;
  rows.forEach(({ row }, n) => row.setAttribute("aria-selected", isChosen(n)));
  const at = rows.findIndex((_, n) => isChosen(n));
  if (at >= 0) activate(at, false);
}

function activate(at, follow = true) {
  rows[active]?.row.classList.remove("active");
  active = within(0, at, rows.length - 1);
  rows[active]?.row.classList.add("active");
  if (!rows[active]) return;
  list.setAttribute("aria-activedescendant", rows[active].row.id);
  if (follow) rows[active].row.scrollIntoView({ block: "nearest" });
}

// A hairline through all strips at the text cursor.
function showCursor() {
  const { now } = view(), strip = rows[0]?.strip, line = byId("hair");
  if (shown) bracket(shown.begin, shown.end);
  line.hidden = !shown || !strip || now < shown.begin || now >= shown.end;
  if (line.hidden) return;
  line.style.left = `${strip.offsetLeft + (now - shown.begin + 0.5) / columns() * strip.clientWidth}px`;
  line.style.height = `${rows.length * rows[0].row.offsetHeight + truth.row.offsetHeight}px`;
}

// Where the strips begin: at the first visible character, or before the cursor if it is further down.
function first() {
  const { begin, now } = view();
  if (now < begin || now < begin + SPAN) return begin;
  return shown && now >= shown.begin && now < shown.end && shown.begin >= begin ? shown.begin : now - BEFORE;
}

function load() {
  clearTimeout(waiting);
  const begin = first(), sort = sortedBy();
  const end = Math.min(begin + Math.min(SPAN, run.limits.grid), run.text.characters);
  if (end <= begin || !layer()) return undefined;
  const scale = byId("grid-common").checked ? "common" : "own";
  const params = { recurrence: layer(), gate: gate(), begin, end, scale, ...(sort ? { sort } : {}) };
  return attempt("grid", async () => {
    const both = await fetching((signal) => Promise.all(
      [gridOf(params, signal), sort ? labelsOf(sort, { begin, end }, signal) : null]));
    if (!both) return;
    const [reply] = both;
    labels = both[1];
    shown = { ...reply, recurrence: params.recurrence, gate: params.gate };
    list.removeAttribute("aria-busy");
    draw();
    if (reply.provisional) waiting = setTimeout(load, RELOAD);
  });
}
const soon = debounced(70, load);               // not for every character under the moving pointer

function showGates() {
  const { gates } = recurrence(layer()), previous = gate();
  fillSelect(byId("grid-gate"), gates.map((name) => [name, name]), gates.includes(previous) ? previous : gates[0]);
}

function showSorts() {
  const options = known.hypotheses.map(({ name }) => [name, name]);
  fillSelect(byId("grid-sort"), [["", "index"], ...options], sortedBy());
}

// Shows the layer and gate of a unit that was selected elsewhere.
function follow() {
  if (layer() !== unit.recurrence || gate() !== unit.gate) {
    byId("grid-layer").value = unit.recurrence;
    showGates();
    byId("grid-gate").value = unit.gate;
    soon();
  }
  showChosen();
}

// After another layer or gate: its unit with the same number, or its last.
function keepNumber() {
  list.scrollTop = 0;
  const index = Math.min(unit.index, recurrence(layer()).hidden_size - 1);
  choose({ recurrence: layer(), gate: gate(), index });
  load();
}

// Selects the previous or next unit in the order of the grid.
export function neighbour(by) {
  if (!shown) return;
  const at = Math.max(0, rows.findIndex((_, n) => isChosen(n)));
  const to = (at + by + rows.length) % rows.length;
  pick(to);
  rows[to].row.scrollIntoView({ block: "nearest" });
}

const pick = (n) => choose(unitOf(n));
const rowOf = (event) => event.target.closest?.("[data-row]");

export function startGrid() {
  truth.row.append(truth.name, truth.strip);
  list.append(truth.row);
  list.append(make("div", { id: "hair", hidden: true, "aria-hidden": "true" }));
  fillSelect(byId("grid-layer"), layers(), unit.recurrence);
  showGates();
  byId("grid-gate").value = unit.gate;
  showSorts();
  byId("grid-layer").addEventListener("change", () => { showGates(); keepNumber(); });
  byId("grid-common").addEventListener("change", load);
  onContrast(draw);
  byId("grid-gate").addEventListener("change", keepNumber);
  byId("grid-sort").addEventListener("change", (event) => {
    keep({ sort: event.target.value });
    list.scrollTop = 0;
    load();
  });
  list.addEventListener("click", (event) => {
    const row = rowOf(event);
    if (row) { pick(Number(row.dataset.row)); activate(Number(row.dataset.row), false); }
  });
  list.addEventListener("mousemove", (event) => {
    const row = rowOf(event);
    if (!row || event.target.tagName !== "CANVAS") { leave(); return; }
    point(shown.begin + within(0, Math.floor(event.offsetX / event.target.clientWidth * columns()), columns() - 1));
  });
  list.addEventListener("mouseleave", leave);
  onKeys(list, {
    ArrowDown: () => activate(active + 1), ArrowUp: () => activate(active - 1),
    PageDown: () => activate(active + 12), PageUp: () => activate(active - 12),
    Home: () => activate(0), End: () => activate(rows.length - 1),
    Enter: () => { if (shown) pick(active); }, " ": () => { if (shown) pick(active); },
  });
  onUnit(follow);
  onKnown(() => { showSorts(); soon(); });
  onScheme(draw);
  let begin = -1;
  onMoved(() => {
    showCursor();
    const at = first();
    if (at !== begin) { begin = at; soon(); }
  });
  addEventListener("resize", debounced(100, showCursor));
  byId("grid-sort").value = known.hypotheses.length ? sortedBy() : address.sort ?? "";
}
