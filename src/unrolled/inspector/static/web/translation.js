// A sentence, its translation, and the decoder's attention weights.

import { attempt, fetchJson, latest } from "./api.js";
import { visible } from "./colours.js";
import { byId, fixed, make, onKeys, within } from "./dom.js";
import { run } from "./units.js";

const fetching = latest();
let result = null, at = [0, 0];

const cell = (row, column) => byId("alignment").querySelector(`[data-row="${row}"][data-column="${column}"]`);

function choose(row, column, focus = true) {
  const before = byId("alignment").querySelector("td[tabindex='0']"), field = cell(row, column);
  before?.setAttribute("tabindex", -1);
  at = [row, column];
  field.setAttribute("tabindex", 0);
  if (focus) field.focus();
}

function showWeight(row, column) {
  const weight = fixed(result.weights[row][column]);
  byId("alignment-result").textContent = `“${visible(result.target[row])}”: attention weight ${weight} on `
    + `“${visible(result.source[column])}”`;
  for (const head of byId("alignment").querySelectorAll("th")) {
    head.classList.toggle("on", head.dataset.row === String(row) || head.dataset.column === String(column));
  }
}

function show() {
  byId("translated").textContent = result.text || "(empty)";
  const area = byId("alignment");
  if (!result.weights?.length) {
    area.replaceChildren();
    byId("alignment-result").textContent = result.weights ? "" : "This translator has no attention, so no alignment.";
    return;
  }
  const most = Math.max(...result.weights.flat(), 1e-6);
  const word = (token) => make("span", {}, make("bdi", {}, visible(token)));
  const heads = result.source.map((token, n) => make("th", { scope: "col", "data-column": n }, word(token)));
  const rows = result.target.map((token, row) => make("tr", {},
    make("th", { scope: "row", "data-row": row }, word(token)),
    ...result.source.map((_, column) => {
      const weight = result.weights[row][column];
      const td = make("td", { tabindex: -1, "data-row": row, "data-column": column },
        make("span", {}, fixed(weight, 2)));
      td.style.setProperty("--weight", `${Math.round(100 * weight / most)}%`);
      return td;
    })));
  area.replaceChildren(make("table", { "aria-label": "Attention weights: rows target tokens, columns source tokens" },
    make("thead", {}, make("tr", {}, make("td"), ...heads)), make("tbody", {}, ...rows)));
  const score = result.score === null ? "" : `beam search score ${fixed(result.score, 2)}; `;
  byId("alignment-result").textContent = `${score}the strongest colour is ${fixed(most, 2)}`;
  choose(0, 0, false);
}

function load() {
  const text = byId("sentence").value;
  if (!text.trim()) return undefined;
  byId("alignment-result").textContent = "translating …";
  return attempt("translation", async () => {
    try {
      const answer = await fetching((signal) => fetchJson("/api/translate", { body: { text }, signal }));
      if (answer) { result = answer; show(); }
    } catch (error) {
      byId("alignment-result").textContent = "";
      throw error;
    }
  });
}

export function startTranslation() {
  byId("sentence").maxLength = run.limits.sentence;
  byId("translation-form").addEventListener("submit", (event) => { event.preventDefault(); load(); });
  const area = byId("alignment");
  const onField = (action) => (event) => {
    const field = event.target.closest?.("td[data-row]")?.dataset;
    if (field) action(Number(field.row), Number(field.column));
  };
  for (const kind of ["mouseover", "focusin"]) area.addEventListener(kind, onField(showWeight));
  area.addEventListener("click", onField(choose));
  const move = (rows, columns) => () => {
    if (!result?.weights?.length) return;
    choose(within(0, at[0] + rows, result.target.length - 1), within(0, at[1] + columns, result.source.length - 1));
  };
  onKeys(area, {
    ArrowLeft: move(0, -1), ArrowRight: move(0, 1), ArrowUp: move(-1, 0), ArrowDown: move(1, 0),
    Home: move(0, -Infinity), End: move(0, Infinity),
  });
}

// Starts with the first sentence of the text.
export function openTranslation() {
  if (result || byId("sentence").value || !run.text.characters) return;
  attempt("translation", async () => {
    const end = Math.min(run.limits.sentence, run.text.characters);
    const { text } = await fetchJson("/api/text", { params: { begin: 0, end } });
    byId("sentence").value = text.split("\n").find((line) => line.trim()) ?? "";
    await load();
  });
}
