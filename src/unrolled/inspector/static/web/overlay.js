// What a language model expected, on the page of the text: colouring by surprise, and the predictions under the text.

import { address, keep } from "./address.js";
import { attempt, latest } from "./api.js";
import { visible } from "./colours.js";
import { byId, fixed, within } from "./dom.js";
import { guessesOf, surpriseOf } from "./slices.js";
import { onPage, shownPage } from "./text.js";
import { run } from "./units.js";

const MOST = 6;                                 // nats at the end of the scale
const ROWS = 3;                                 // predictions under each token
const RELOAD = 1500;                            // ms until provisional values are requested again
const [surprises, guesses] = [latest(), latest()];
const box = byId("text");
let waiting = 0;

async function bySurprise() {
  const on = byId("text-surprise").checked, page = shownPage();
  box.classList.toggle("by-surprise", on);
  byId("text-key").hidden = byId("chosen").hidden = on;
  byId("chosen-surprise").hidden = !on;
  byId("surprise-key").hidden = !on;
  clearTimeout(waiting);
  if (!on || !page) return;
  const reply = await surprises((signal) => surpriseOf(page.page, signal));
  if (!reply || page !== shownPage()) return;
  const nats = reply.nats.slice(page.begin - reply.begin, page.end - reply.begin), read = nats.filter((x) => x !== null);
  nats.forEach((x, n) => {
    const span = box.children[n], share = x === null ? 0 : within(0, x / MOST, 1);
    span.style.setProperty("--surprise", `${Math.round(100 * share)}%`);
    span.toggleAttribute("data-surprising", share > 0.6);
  });
  const mean = read.reduce((sum, x) => sum + x, 0) / Math.max(1, read.length);
  byId("surprise-mean").textContent = `mean on this page: ${fixed(mean, 2)} nats per token`;
  if (reply.provisional) waiting = setTimeout(update, RELOAD);
}

async function showBelow() {
  const on = byId("text-below").checked, page = shownPage();
  box.classList.toggle("below", on);
  if (!on || !page) return;
  const reply = await guesses((signal) => guessesOf(page.page, signal));
  if (!reply || page !== shownPage()) return;
  let width = 1;
  for (let at = page.begin - reply.begin, n = 0; n < page.end - page.begin; at++, n++) {
    const span = box.children[n], target = span.querySelector(".end") ?? span;
    if (!page.read[n]) { width++; continue; }   // within a token
    const rows = Array.from({ length: ROWS }, (_, row) => 5 * at + row);
    target.dataset.below = rows.map((row) => reply.shares[row] ? visible(reply.symbols[reply.ids[row]]) : " ").join("\n");
    target.style.setProperty("--width", width);
    rows.forEach((row, n) => target.style.setProperty(`--p${n}`, `${Math.round(reply.shares[row] / 2.55)}%`));
    width = 1;
  }
}

const update = () => Promise.all([attempt("surprise", bySurprise), attempt("below", showBelow)]);

export function startOverlay() {
  byId("text-expected").hidden = run.task !== "lm";
  if (run.task !== "lm") return;
  for (const name of ["surprise", "below"]) {
    const field = byId(`text-${name}`);
    field.checked = address[name] === "1";
    field.addEventListener("change", () => { keep({ [name]: field.checked ? 1 : null }); update(); });
  }
  onPage(update);
}
