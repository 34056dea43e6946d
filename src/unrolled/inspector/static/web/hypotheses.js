// Scores of single units: each hypothesis with the best unit, and the comparison with untrained networks.

import { address, keep } from "./address.js";
import { attempt, fetchJson, onReconnect } from "./api.js";
import { byId, count, fixed, make, onKeys, signed } from "./dom.js";
import { choose, named, onUnit, same, unit } from "./units.js";

const EVERY = 700;                              // ms between polls while scores are computed
const MEASURES = { auc: "AUC", r2: "R²" };
export const measured = (measure) => MEASURES[measure] ?? "";
export const known = { state: "", hypotheses: [], left_out: {}, pending: [], note: null };
const listeners = [];
export const onKnown = (listener) => listeners.push(listener);
let showAll = false;                            // also the hypotheses that no unit explains

// What the column heads mean: their tooltips, and the list below the table.
const TERMS = {
  unit: "the unit that encodes the hypothesis best, chosen on one half of the text; −: it is low where the hypothesis is "
    + "true",
  score: "computed on the other half of the text, so that searching many units does not raise it; of a candidate, and beside the "
    + "strips below, on a sample of it",
  AUC: "for true or false: the probability that the unit is higher at a true character than at a false one; "
    + "0.5 = guessing, 1 = perfect",
  "R²": "for a number: the share of its variance that a straight line through the unit’s values explains; "
    + "0 = nothing, 1 = perfect, below 0 = worse than the mean",
  excess: "the score minus the best of three controls: untrained networks, shifted labels, and a table of the current "
    + "token",
  p: "the share of untrained networks, or of shifts of the labels, that reach the score; with 19 of each the smallest "
    + "is 0.05",
  "★": "found: p ≤ 0.05 and an excess above 0; among 20 hypotheses one may be found by chance",
  candidate: "scored on a sample of the text, but not compared with untrained networks yet: it may be no discovery at all",
};

// Sorts the units by a hypothesis, and with `jump` selects the best one.
function pick(hypothesis, jump = true) {
  if (!hypothesis.best.length) return;
  keep({ sort: hypothesis.name });
  if (jump) choose(hypothesis.best[0]);
  for (const listener of listeners) listener();
  showUnit();
}

function showUnit() {
  for (const row of byId("found").querySelectorAll("tr[data-name]")) {
    const best = known.hypotheses.find(({ name }) => name === row.dataset.name)?.best[0];
    row.classList.toggle("chosen", Boolean(best && same(best, unit)));
  }
  const sorted = known.hypotheses.find(({ name }) => name === sortedBy());
  byId("why").textContent = sorted ? `“${sorted.name}”: ${sorted.why}` : "";
  byId("why").title = byId("why").textContent;
}

function row(hypothesis) {
  const { excess, explains, found, measure, name, p, why } = hypothesis, best = hypothesis.best[0];
  const button = make("button", { type: "button", class: "plain" }, name);
  button.addEventListener("click", () => pick(hypothesis));
  const score = best ? `${measured(measure)} ${fixed(best.score, 2)}` : "";
  const number = (text) => make("td", { class: "number", title: why }, text);
  const compared = p === null ? [make("td", { class: "number dim", colspan: 2, title: TERMS.candidate }, "candidate")]
    : [number(signed(excess, 2)), number(fixed(p, 2))];
  const cells = [
    make("td", {}, found ? make("abbr", { title: TERMS["★"] }, "★") : ""),
    make("th", { scope: "row" }, button),
    make("td", {}, best ? named(best) + (hypothesis.binary && best.sign < 0 ? " −" : "") : ""),
    make("td", { class: "number", title: TERMS[measured(measure)] }, score),
    ...compared,
  ];
  return make("tr", { "data-name": name, class: explains ? null : "dim" }, ...cells);
}

function showTable() {
  const box = byId("found"), top = box.scrollTop;
  const focused = document.activeElement?.closest?.("#found tr")?.dataset.name;
  const open = [...box.querySelectorAll("details[open]")].map(({ id }) => id);
  const shown = known.hypotheses.filter(({ explains }) => showAll || explains);
  const heads = ["", "hypothesis", "unit", "score", "excess", "p"].map((title) =>
    make("th", { scope: "col" }, TERMS[title] ? make("abbr", { title: TERMS[title] }, title) : title));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...shown.map(row)));
  const parts = known.note ? [make("p", {}, known.note)] : known.hypotheses.length ? [table, ...hiddenRows()] : [];
  const excluded = Object.entries(known.left_out).map(([name, reason]) => `${name} (${reason})`);
  if (excluded.length) {
    parts.push(make("details", { class: "dim", id: "left-out" },
      make("summary", {}, `${excluded.length} cannot be tested on this text`), excluded.join("; ")));
  }
  if (known.hypotheses.length) {
    const terms = Object.entries(TERMS).flatMap(([term, text]) => [make("dt", {}, term), make("dd", {}, text)]);
    parts.push(make("details", { class: "dim", id: "terms" }, make("summary", {}, "what the columns mean"),
      make("dl", {}, ...terms)));
  }
  box.replaceChildren(...parts);
  for (const id of open) if (byId(id)) byId(id).open = true;
  box.scrollTop = top;
  const restored = [...box.querySelectorAll("tr")].find(({ dataset }) => focused && dataset.name === focused);
  restored?.querySelector("button").focus();
}

function hiddenRows() {                         // a button that shows or hides what no unit explains
  const hidden = known.hypotheses.filter(({ explains }) => !explains).length;
  if (!hidden) return [];
  const button = make("button", { type: "button", class: "plain", id: "show-all", "aria-pressed": showAll },
    `${showAll ? "hide" : "show"} ${count(hidden)} that no unit explains`);
  button.title = "the best unit has an AUC below 0.55 or an R² below 0.01";
  button.addEventListener("click", () => { showAll = !showAll; showTable(); showUnit(); byId("show-all")?.focus(); });
  return [button];
}

const left = () => known.seconds_left > 0 ? `, ${Math.ceil(known.seconds_left)} s left` : "";
function showState() {
  const busy = known.state === "scoring" || known.state === "comparing", line = byId("score-state");
  const stars = known.hypotheses.filter(({ found }) => found).length;
  const message = known.note ? "no scores" : {
    scoring: `scoring every unit: ${Math.round(100 * known.done)} %${left()}`,
    comparing: `comparing with untrained networks: ${Math.round(100 * known.done)} %${left()}`,
    ready: known.error ?? (known.hypotheses.length ? "candidates, not compared with untrained networks"
      : "no hypothesis can be tested on this text"),
    compared: `★ ${stars} of ${known.hypotheses.length}: better than untrained networks, shifted labels and the token `
      + `table${changed ? `; another best unit than before for ${changed}: candidates are scored on a sample` : ""}`,
    failed: known.error ?? "scoring failed",
  }[known.state] ?? "";
  const progress = make("progress", { max: 1, "aria-label": "done" });
  if (known.done > 0) progress.value = known.done;
  line.replaceChildren(...(busy ? [progress, ` ${message}`] : [message]));
  line.title = message;
  const box = byId("compare-box"), action = known.state === "comparing" ? "stop" : "compare with untrained networks";
  if (box.dataset.want !== action) {
    const focused = box.contains(document.activeElement);
    const button = make("button", { type: "button", id: "compare" }, action);
    button.addEventListener("click", () => attempt("compare", async () => {
      await fetchJson("/api/compare", { method: action === "stop" ? "DELETE" : "POST", body: {} });
      await poll();
    }));
    box.replaceChildren(button);
    box.dataset.want = action;
    if (focused) button.focus();
  }
  byId("compare").disabled = known.state === "scoring" || !known.hypotheses.length;
  byId("compare").hidden = known.state === "compared" || Boolean(known.note);
}

// How many hypotheses have another best unit than as candidates, which were scored on a sample of the text.
let changed = 0;
function countChanged(before) {
  const old = new Map(before.filter(({ p }) => p === null).map((row) => [row.name, row.best[0]]));
  changed += known.hypotheses.filter(({ name, p, best }) => p !== null && old.get(name) && best[0]
    && !same(old.get(name), best[0])).length;
}

let timer = 0, content = "";
export async function poll() {
  clearTimeout(timer);
  await attempt("hypotheses", async () => {
    const reply = await fetchJson("/api/hypotheses"), before = known.hypotheses;
    Object.assign(known, reply);
    countChanged(before);
    const received = JSON.stringify([reply.hypotheses, reply.left_out, reply.note]);
    if (received !== content) {
      content = received;
      showTable();
      const first = known.hypotheses.find(({ explains }) => explains) ?? known.hypotheses[0];
      if (!address.unit && first) pick(first);  // the default: the best unit
      for (const listener of listeners) listener();
    }
    showUnit();
    showState();
    clearTimeout(timer);
    const busy = reply.state === "scoring" || reply.state === "comparing" || reply.pending.length;
    if (busy) timer = setTimeout(poll, EVERY);
  });
}

// Sorts the units by a hypothesis as soon as it has been scored; the selected unit stays.
export async function pickNamed(name) {
  for (;;) {
    await poll();
    const hypothesis = known.hypotheses.find((other) => other.name === name);
    if (hypothesis) { pick(hypothesis, false); return true; }
    if (!known.pending.includes(name)) return false;
    await new Promise((resolve) => { setTimeout(resolve, EVERY / 2); });
  }
}

export function startHypotheses() {
  byId("score-state").textContent = "waiting for scores …";
  onUnit(showUnit);
  onReconnect(poll);
  const step = (by) => () => {
    const all = [...byId("found").querySelectorAll("tbody button")], at = all.indexOf(document.activeElement) + by;
    all[at]?.focus();
  };
  onKeys(byId("found"), { ArrowDown: step(1), ArrowUp: step(-1) });
}

export const sortedBy = () => known.hypotheses.some(({ name }) => name === address.sort) ? address.sort : "";
