// What single units know: each hypothesis with the unit that scores best, and what untrained networks score.

import { address, keep } from "./address.js";
import { ask, attempt, onReturn } from "./api.js";
import { byId, fixed, make, onKeys } from "./dom.js";
import { choose, named, onUnit, same, unit } from "./units.js";

const EVERY = 700;                              // ms between looks at work that goes on
const MEASURES = { auc: "AUC", r2: "R²" };
export const measured = (measure) => MEASURES[measure] ?? "";
export const known = { state: "", hypotheses: [], left_out: {} };
const listeners = [];
export const onKnown = (work) => listeners.push(work);

const ordinal = (n) => ["the best", "the second", "the third"][n] ?? `number ${n + 1}`;

// A line on what the chosen unit knows.
function showUnit() {
  const told = [];
  for (const one of known.hypotheses) {
    const place = one.best.findIndex((best) => same(best, unit));
    if (place < 0) continue;
    const best = one.best[place];
    told.push([place, `${ordinal(place)} for “${one.name}” (${measured(one.measure)} ${fixed(best.score, 2)}`
      + `${one.binary && best.sign < 0 ? ", low where true" : ""})`]);
  }
  told.sort((a, b) => a[0] - b[0]);
  byId("known").textContent = told.slice(0, 2).map(([, one]) => one).join("; ")
    || (known.hypotheses.length ? "among the best for no hypothesis" : "");
  for (const row of byId("found").querySelectorAll("tr[data-name]")) {
    const one = known.hypotheses.find((other) => other.name === row.dataset.name);
    row.classList.toggle("chosen", Boolean(one?.best[0] && same(one.best[0], unit)));
  }
}

function pick(one) {
  if (!one.best.length) return;
  keep({ sort: one.name });
  choose(one.best[0]);
  for (const work of listeners) work();
}

function row(one) {
  const name = make("button", { type: "button", class: "plain" }, one.name), best = one.best[0];
  name.addEventListener("click", () => pick(one));
  const score = best ? `${measured(one.measure)} ${fixed(best.score, 2)}` : "";
  const cells = [
    make("td", {}, one.found ? make("abbr", { title: "found: beats all untrained networks and all shifts" }, "★") : ""),
    make("th", { scope: "row" }, name),
    make("td", {}, best ? named(best) + (one.binary && best.sign < 0 ? " −" : "") : ""),
    make("td", { class: "number" }, score),
    make("td", { class: "number" }, one.excess === null ? "" : `${one.excess < 0 ? "" : "+"}${fixed(one.excess, 2)}`),
    make("td", { class: "number" }, one.p === null ? "" : fixed(one.p, 2)),
  ];
  return make("tr", { "data-name": one.name }, ...cells);
}

function showTable() {
  const box = byId("found"), top = box.scrollTop;
  const focused = document.activeElement?.closest?.("#found tr")?.dataset.name;
  const compared = known.hypotheses.some((one) => one.p !== null);
  const head = ["", "hypothesis", "best unit", "score", compared ? "excess" : "", compared ? "p" : ""];
  const heads = head.map((told) => make("th", { scope: "col" }, told));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...known.hypotheses.map(row)));
  const left = Object.entries(known.left_out).map(([name, why]) => `${name} (${why})`);
  const more = make("details", { class: "dim" }, make("summary", {}, `${left.length} more cannot be tried`),
    left.join("; "));
  box.replaceChildren(table, ...(left.length ? [more] : []));
  box.scrollTop = top;
  const held = [...box.querySelectorAll("tr")].find((one) => focused && one.dataset.name === focused);
  held?.querySelector("button").focus();
}

const left = () => known.seconds_left > 0 ? `, ${Math.ceil(known.seconds_left)} s left` : "";
function showState() {
  const going = known.state === "scoring" || known.state === "comparing", told = byId("score-state");
  const says = {
    scoring: `scoring every unit: ${Math.round(100 * known.done)} %${left()}`,
    comparing: `comparing with untrained networks: ${Math.round(100 * known.done)} %${left()}`,
    ready: known.error ?? (known.hypotheses.length ? "" : "no hypothesis can be tried on this text"),
    compared: "★ beats every untrained network and every shift of the labels",
    failed: known.error ?? "scoring failed",
  }[known.state] ?? "";
  const progress = make("progress", { max: 1, "aria-label": "done" });
  if (known.done > 0) progress.value = known.done;
  told.replaceChildren(...(going ? [progress, ` ${says}`] : [says]));
  told.title = says;
  const box = byId("compare-box"), want = known.state === "comparing" ? "stop" : "compare with untrained networks";
  if (box.dataset.want !== want) {
    const held = box.contains(document.activeElement), button = make("button", { type: "button", id: "compare" }, want);
    button.addEventListener("click", () => attempt("compare", async () => {
      await ask("/api/compare", { method: want === "stop" ? "DELETE" : "POST", body: {} });
      await look();
    }));
    box.replaceChildren(button);
    box.dataset.want = want;
    if (held) button.focus();
  }
  byId("compare").disabled = known.state === "scoring" || !known.hypotheses.length;
  byId("compare").hidden = known.state === "compared";
}

let timer = 0, told = "";
export async function look() {
  clearTimeout(timer);
  await attempt("hypotheses", async () => {
    const got = await ask("/api/hypotheses");
    Object.assign(known, got);
    const content = JSON.stringify([got.hypotheses, got.left_out]);
    if (content !== told) {
      told = content;
      showTable();
      if (!address.unit && known.hypotheses.length) pick(known.hypotheses[0]);  // until someone chooses: the best find
      for (const work of listeners) work();
    }
    showUnit();
    showState();
    clearTimeout(timer);
    if (got.state === "scoring" || got.state === "comparing") timer = setTimeout(look, EVERY);
  });
}

export function startHypotheses() {
  byId("score-state").textContent = "waiting for scores …";
  onUnit(showUnit);
  onReturn(look);
  const step = (by) => () => {
    const all = [...byId("found").querySelectorAll("tbody button")], at = all.indexOf(document.activeElement) + by;
    all[at]?.focus();
  };
  onKeys(byId("found"), { ArrowDown: step(1), ArrowUp: step(-1) });
}

export const sortedBy = () => known.hypotheses.some((one) => one.name === address.sort) ? address.sort : "";
