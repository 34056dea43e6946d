// Scores of single units: each hypothesis with the best unit, and the comparison with untrained networks.

import { address, keep } from "./address.js";
import { attempt, fetchJson, onReconnect } from "./api.js";
import { byId, fixed, make, onKeys, signed } from "./dom.js";
import { choose, named, onUnit, same, unit } from "./units.js";

const EVERY = 700;                              // ms between polls while scores are computed
const MEASURES = { auc: "AUC", r2: "R²" };
export const measured = (measure) => MEASURES[measure] ?? "";
export const known = { state: "", hypotheses: [], left_out: {} };
const listeners = [];
export const onKnown = (listener) => listeners.push(listener);

const ordinal = (n) => ["the best", "the second", "the third"][n] ?? `number ${n + 1}`;

// Shows the hypotheses for which the selected unit is among the best.
function showUnit() {
  const notes = [];
  for (const { name, best, binary, measure } of known.hypotheses) {
    const rank = best.findIndex((other) => same(other, unit));
    if (rank < 0) continue;
    const { score, sign } = best[rank];
    notes.push([rank, `${ordinal(rank)} for “${name}” (${measured(measure)} ${fixed(score, 2)}`
      + `${binary && sign < 0 ? ", low where true" : ""})`]);
  }
  notes.sort((a, b) => a[0] - b[0]);
  byId("known").textContent = notes.slice(0, 2).map(([, note]) => note).join("; ")
    || (known.hypotheses.length ? "among the best for no hypothesis" : "");
  for (const row of byId("found").querySelectorAll("tr[data-name]")) {
    const best = known.hypotheses.find(({ name }) => name === row.dataset.name)?.best[0];
    row.classList.toggle("chosen", Boolean(best && same(best, unit)));
  }
}

function pick({ name, best }) {
  if (!best.length) return;
  keep({ sort: name });
  choose(best[0]);
  for (const listener of listeners) listener();
}

function row(hypothesis) {
  const { excess, found, measure, name, p } = hypothesis, best = hypothesis.best[0];
  const button = make("button", { type: "button", class: "plain" }, name);
  button.addEventListener("click", () => pick(hypothesis));
  const score = best ? `${measured(measure)} ${fixed(best.score, 2)}` : "";
  const cells = [
    make("td", {}, found ? make("abbr", { title: "found: better than all twins and shifted labels" }, "★") : ""),
    make("th", { scope: "row" }, button),
    make("td", {}, best ? named(best) + (hypothesis.binary && best.sign < 0 ? " −" : "") : ""),
    make("td", { class: "number" }, score),
    make("td", { class: "number" }, excess === null ? "" : signed(excess, 2)),
    make("td", { class: "number" }, p === null ? "" : fixed(p, 2)),
  ];
  return make("tr", { "data-name": name }, ...cells);
}

function showTable() {
  const box = byId("found"), top = box.scrollTop;
  const focused = document.activeElement?.closest?.("#found tr")?.dataset.name;
  const compared = known.hypotheses.some(({ p }) => p !== null);
  const head = ["", "hypothesis", "best unit", "score", compared ? "excess" : "", compared ? "p" : ""];
  const heads = head.map((title) => make("th", { scope: "col" }, title));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...known.hypotheses.map(row)));
  const excluded = Object.entries(known.left_out).map(([name, reason]) => `${name} (${reason})`);
  const more = make("details", { class: "dim" }, make("summary", {}, `${excluded.length} more cannot be tested`),
    excluded.join("; "));
  box.replaceChildren(table, ...(excluded.length ? [more] : []));
  box.scrollTop = top;
  const restored = [...box.querySelectorAll("tr")].find(({ dataset }) => focused && dataset.name === focused);
  restored?.querySelector("button").focus();
}

const left = () => known.seconds_left > 0 ? `, ${Math.ceil(known.seconds_left)} s left` : "";
function showState() {
  const busy = known.state === "scoring" || known.state === "comparing", line = byId("score-state");
  const message = {
    scoring: `scoring every unit: ${Math.round(100 * known.done)} %${left()}`,
    comparing: `comparing with untrained networks: ${Math.round(100 * known.done)} %${left()}`,
    ready: known.error ?? (known.hypotheses.length ? "" : "no hypothesis can be tested on this text"),
    compared: "★ better than every untrained network and every shift of the labels",
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
  byId("compare").hidden = known.state === "compared";
}

let timer = 0, content = "";
export async function poll() {
  clearTimeout(timer);
  await attempt("hypotheses", async () => {
    const reply = await fetchJson("/api/hypotheses");
    Object.assign(known, reply);
    const received = JSON.stringify([reply.hypotheses, reply.left_out]);
    if (received !== content) {
      content = received;
      showTable();
      if (!address.unit && known.hypotheses.length) pick(known.hypotheses[0]);  // the default: the best unit
      for (const listener of listeners) listener();
    }
    showUnit();
    showState();
    clearTimeout(timer);
    if (reply.state === "scoring" || reply.state === "comparing") timer = setTimeout(poll, EVERY);
  });
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
