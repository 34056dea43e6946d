// A sentence, its translation, and where the decoder looked while it wrote.

import { ask, attempt, latest } from "./api.js";
import { visible } from "./colours.js";
import { byId, fixed, make, onKeys, within } from "./dom.js";
import { run } from "./units.js";

const asking = latest();
let got = null, at = [0, 0];

const cell = (row, column) => byId("alignment").querySelector(`[data-row="${row}"][data-column="${column}"]`);

function choose(row, column, focus = true) {
  const before = byId("alignment").querySelector("td[tabindex='0']"), one = cell(row, column);
  before?.setAttribute("tabindex", -1);
  at = [row, column];
  one.setAttribute("tabindex", 0);
  if (focus) one.focus();
}

function tell(row, column) {
  const weight = fixed(got.weights[row][column]);
  byId("alignment-said").textContent = `while writing “${visible(got.target[row])}”: ${weight} on `
    + `“${visible(got.source[column])}”`;
  for (const head of byId("alignment").querySelectorAll("th")) {
    head.classList.toggle("on", head.dataset.row === String(row) || head.dataset.column === String(column));
  }
}

function show() {
  byId("translated").textContent = got.text || "(nothing)";
  const area = byId("alignment");
  if (!got.weights?.length) {
    area.replaceChildren();
    byId("alignment-said").textContent = got.weights ? "" : "This translator has no attention, so nothing is aligned.";
    return;
  }
  const most = Math.max(...got.weights.flat(), 1e-6), word = (told) => make("span", {}, make("bdi", {}, visible(told)));
  const heads = got.source.map((one, n) => make("th", { scope: "col", "data-column": n }, word(one)));
  const rows = got.target.map((one, row) => make("tr", {}, make("th", { scope: "row", "data-row": row }, word(one)),
    ...got.source.map((_, column) => {
      const weight = got.weights[row][column];
      const td = make("td", { tabindex: -1, "data-row": row, "data-column": column },
        make("span", {}, fixed(weight, 2)));
      td.style.setProperty("--weight", `${Math.round(100 * weight / most)}%`);
      return td;
    })));
  area.replaceChildren(make("table", { "aria-label": "Weights of attention: rows written, columns read" },
    make("thead", {}, make("tr", {}, make("td"), ...heads)), make("tbody", {}, ...rows)));
  const score = got.score === null ? "" : `score of the search ${fixed(got.score, 2)}; `;
  byId("alignment-said").textContent = `${score}the strongest colour stands for ${fixed(most, 2)}`;
  choose(0, 0, false);
}

function load() {
  const text = byId("sentence").value;
  if (!text.trim()) return undefined;
  byId("alignment-said").textContent = "translating …";
  return attempt("translation", async () => {
    try {
      const answer = await asking((signal) => ask("/api/translate", { body: { text }, signal }));
      if (answer) { got = answer; show(); }
    } catch (error) {
      byId("alignment-said").textContent = "";
      throw error;
    }
  });
}

export function startTranslation() {
  byId("sentence").maxLength = run.limits.sentence;
  byId("translation-form").addEventListener("submit", (event) => { event.preventDefault(); load(); });
  const area = byId("alignment");
  const under = (work) => (event) => {
    const one = event.target.closest?.("td[data-row]")?.dataset;
    if (one) work(Number(one.row), Number(one.column));
  };
  for (const kind of ["mouseover", "focusin"]) area.addEventListener(kind, under(tell));
  area.addEventListener("click", under(choose));
  const move = (rows, columns) => () => {
    if (!got?.weights?.length) return;
    choose(within(0, at[0] + rows, got.target.length - 1), within(0, at[1] + columns, got.source.length - 1));
  };
  onKeys(area, {
    ArrowLeft: move(0, -1), ArrowRight: move(0, 1), ArrowUp: move(-1, 0), ArrowDown: move(1, 0),
    Home: move(0, -Infinity), End: move(0, Infinity),
  });
}

// The first sentence of the text, so that there is something to see.
export function openTranslation() {
  if (got || byId("sentence").value || !run.text.characters) return;
  attempt("translation", async () => {
    const end = Math.min(run.limits.sentence, run.text.characters);
    const { text } = await ask("/api/text", { params: { begin: 0, end } });
    byId("sentence").value = text.split("\n").find((line) => line.trim()) ?? "";
    await load();
  });
}
