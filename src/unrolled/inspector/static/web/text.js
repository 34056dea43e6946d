// The text, coloured by the selected unit: pages, a cursor, and a slider over the whole text.

import { address, keep } from "./address.js";
import { attempt, latest } from "./api.js";
import { ends, onThisPage, paint, showKey, spans, stretched, underline, visible } from "./colours.js";
import { brief, byId, count, debounced, fixed, onKeys, within } from "./dom.js";
import { guessesOf, pageOf, pages, pitch, valuesOf } from "./slices.js";
import { hideTip, showTip } from "./tip.js";
import { named, onUnit, run, same, unit } from "./units.js";

const REST = 90;                                // ms that the slider rests before a page is shown
const RELOAD = 1500;                            // ms until provisional values are requested again
const listeners = [];                           // called when the view or the cursor moves
const pageListeners = [];                       // called when another page is shown
let contrast = 1, truth = null;                 // truth: a function of a position; null: nothing is underlined
let page = 0, shown = null, values = null, guesses = null, cursor = -1, waiting = 0;
const [loading, colouring, ahead] = [latest(), latest(), latest()];
const box = byId("text");

export const onMoved = (listener) => listeners.push(listener);
export const onPage = (listener) => pageListeners.push(listener);
export const shownPage = () => shown;
const notify = () => { for (const listener of listeners) listener(); };

const span = (at) => shown && at >= shown.begin && at < shown.end ? box.children[at - shown.begin] : null;
const byteAt = (at) => values ? values.values[at - values.begin] ?? 0 : 0;

// The first visible character, the cursor (−1: none), and the end of the page. A hidden pane has no positions: its last
// first character is kept.
let top = 0;
export function view() {
  if (!shown) return { begin: 0, now: -1, end: 0 };
  if (box.clientHeight) top = firstVisible();
  return { begin: within(shown.begin, top, shown.end), now: cursor, end: shown.end };
}

function firstVisible() {
  let [low, high] = [0, shown.end - shown.begin - 1];
  while (low < high) {                          // binary search: offsets increase from line to line
    const middle = (low + high) >> 1;
    if (box.children[middle].offsetTop + box.children[middle].offsetHeight <= box.scrollTop + 8) low = middle + 1;
    else high = middle;
  }
  return shown.begin + Math.max(0, low);
}

function showWhere() {
  const begin = shown?.begin ?? 0, end = shown?.end ?? 0;
  byId("where").textContent = shown && !run.text.characters ? "the text is empty"
    : `characters ${count(begin + 1)} to ${count(end)} of ${count(run.text.characters)}`;
  byId("text-back").disabled = page === 0;
  byId("text-on").disabled = page >= pages() - 1;
  byId("scrubber").value = page;
}

function showPage(text) {
  shown = text;
  values = guesses = null;
  box.replaceChildren(spans(text.characters, [], text.begin));
  box.scrollTop = 0;
  showWhere();
}

const edge = (x) => Math.abs(x) < 100 ? fixed(x, 2) : brief(x);
function paintPage() {
  if (!shown || !values) return;
  for (let at = shown.begin; at < shown.end; at++) paint(box.children[at - shown.begin], stretched(byteAt(at), contrast));
  const { low, middle, high } = ends(values, contrast);
  showKey(byId("text-key"), `${edge(low)} (blue, dotted)`, `${edge(high)} (red, underlined)`);
  byId("text-key").title = `no colour at ${brief(middle)}. With the contrast at 1, 99 % of this unit’s values lie between `
    + `${brief(values.low)} and ${brief(values.high)}; a gate’s scale runs from 0 to 1`;
}

// Colours the text and its key with another contrast.
export function setContrast(next) {
  contrast = next;
  paintPage();
}

// Underlines the characters at which `next(position)` is true; null: none.
export function setTruth(next) {
  truth = next;
  box.classList.toggle("marked", next !== null);
  if (shown) underline(box, next ?? (() => false));
}

// Says what the colours mean on this page, from the values on it.
export function summary() {
  if (!shown || !values) return "";
  const white = ends(values).middle, here = onThisPage(shown.characters,
    shown.characters.map((_, n) => byteAt(shown.begin + n)));
  return Math.abs(white) < 1e-6 ? here : `${here}; no colour at ${edge(white)}`;
}

function showValues(reply) {
  values = reply;
  paintPage();
  for (const listener of pageListeners) listener();
  byId("text-state").textContent = reply.provisional ? "approximate until the preceding text has been read" : "";
  clearTimeout(waiting);
  if (reply.provisional) waiting = setTimeout(colour, RELOAD);
  if (cursor >= 0 && !byId("tip").hidden) moveCursor(cursor, false);
}

// Recolours the page, for another unit.
function colour() {
  byId("chosen").textContent = named(unit);
  if (!shown) return undefined;
  byId("text-state").textContent = "reading …";
  return attempt("values", async () => {
    const requested = page, reply = await colouring((signal) => valuesOf({ ...unit }, requested, signal));
    if (reply && shown.page === requested) showValues(reply);  // otherwise another page is loading, with its values
  });
}

// Loads a page, and moves to a character on it.
function load(to, at = null, follow = false) {
  page = within(0, to, pages() - 1);
  byId("text-state").textContent = "reading …";
  clearTimeout(waiting);
  colouring.stop();
  return attempt("text", async () => {
    const requested = { ...unit };              // another may be selected in the meantime
    const reply = await loading(async (signal) => {
      const [text, colours, predictions] = await Promise.all(
        [pageOf(page, signal), valuesOf(requested, page, signal), guessesOf(page, signal)]);
      return { text, colours, predictions };
    });
    if (!reply) return;
    const goal = at === null ? reply.text.begin : at;
    if (goal < reply.text.begin && page > 0) { await load(page - 1, at, follow); return; }
    if (goal >= reply.text.end && page < pages() - 1) { await load(page + 1, at, follow); return; }
    showPage(reply.text);
    showValues(reply.colours);
    guesses = reply.predictions;
    cursor = -1;
    hideTip();
    if (follow) moveCursor(within(shown.begin, goal, shown.end - 1), true);
    else if (at !== null) span(goal)?.scrollIntoView({ block: "start" });
    if (!same(requested, unit)) colour();
    notify();
    prefetch();
  });
}

const prefetch = debounced(150, () => ahead(async (signal) => {
  for (const other of [page + 1, page - 1].filter((number) => number >= 0 && number < pages())) {
    await Promise.all([pageOf(other, signal), valuesOf({ ...unit }, other, signal), guessesOf(other, signal)]);
  }
}).catch(() => undefined));                     // a failed prefetch is requested again when it is needed

// Moves the cursor to a character, and shows its value and the predictions there.
function moveCursor(at, follow, tip = true) {
  box.querySelector("[data-now]")?.removeAttribute("data-now");
  const element = span(at);
  if (!element) { hideTip(); return; }
  cursor = at;
  element.setAttribute("data-now", "");
  if (follow) element.scrollIntoView({ block: "nearest" });
  if (tip) {
    const byte = byteAt(at), from = guesses ? 5 * (at - guesses.begin) : 0;
    const next = guesses ? [0, 1, 2, 3, 4].filter((n) => guesses.shares[from + n] > 0) : [];
    const number = byte ? fixed(values.raw[at - values.begin]) : "not read";
    const marked = truth?.(at) ? ", underlined: true here" : "";
    showTip(element, `“${visible(shown.characters[at - shown.begin])}” ${number}${marked}`,
      next.map((n) => ({ symbol: guesses.symbols[guesses.ids[from + n]], p: guesses.shares[from + n] / 255 })));
  }
  notify();
}

// Marks the lines with the characters from `begin` to `end` by a bar beside them.
export function bracket(begin, end) {
  const [first, last] = [begin, end - 1].map((at) => span(within(shown?.begin ?? 0, at, (shown?.end ?? 1) - 1)));
  let bar = box.querySelector(".bracket");
  if (!bar) { bar = document.createElement("i"); bar.className = "bracket"; }
  if (!first || !last) return;
  bar.style.top = `${first.offsetTop}px`;
  bar.style.height = `${last.offsetTop + last.offsetHeight - first.offsetTop}px`;
  box.append(bar);
}

export const point = (at) => moveCursor(at, false, false);
export const leave = () => box.querySelector("[data-now]")?.removeAttribute("data-now");

export function goTo(at) {
  at = within(0, at, run.text.characters - 1);
  keep({ at });
  return span(at) ? moveCursor(at, true) : load(Math.floor(at / pitch()), at, true);
}

// A key that moves the cursor; with Shift it selects the text from where the cursor was to where it is.
let anchor = null;
const step = (target) => (event) => {
  const from = cursor, to = target();
  if (!event.shiftKey) { anchor = null; goTo(to); return; }
  anchor ??= from;
  if (!span(to) || !span(anchor)) return;       // a stretch ends at the end of the page
  goTo(to);
  const [first, last] = [Math.min(anchor, to), Math.max(anchor, to)].map(span);
  getSelection().setBaseAndExtent(first, 0, last, last.childNodes.length);
};

const character = (at) => shown.characters[at - shown.begin];
const lineBegin = (at) => { while (at > shown.begin && character(at - 1) !== "\n") at--; return at; };
const lineEnd = (at) => { while (at < shown.end - 1 && character(at) !== "\n") at++; return at; };
function otherLine(down) {
  const begin = lineBegin(cursor), column = cursor - begin;
  if (down && lineEnd(cursor) + 1 >= shown.end) return shown.end;
  if (!down && begin === shown.begin) return shown.begin - 1;
  const other = down ? lineEnd(cursor) + 1 : lineBegin(begin - 1);
  return Math.min(other + column, lineEnd(other));
}

const turn = (to) => {
  if (to < 0 || to >= pages()) return undefined;
  keep({ at: to * pitch() });
  return load(to);
};

export function startText(neighbour) {
  byId("scrubber").max = pages() - 1;
  byId("jump-to").max = Math.max(1, run.text.characters);
  const fast = debounced(REST, (to) => turn(to));
  byId("scrubber").addEventListener("input", (event) => {
    const to = Number(event.target.value);
    byId("where").textContent = `to character ${count(to * pitch() + 1)} of ${count(run.text.characters)}`;
    fast(to);
  });
  byId("text-back").addEventListener("click", () => turn(page - 1));
  byId("text-on").addEventListener("click", () => turn(page + 1));
  byId("jump").addEventListener("submit", (event) => {
    event.preventDefault();
    goTo(Number(byId("jump-to").value) - 1);
    box.focus({ preventScroll: true });
  });
  box.addEventListener("mouseover", (event) => {
    if (event.target.dataset.at) moveCursor(Number(event.target.dataset.at), false);
  });
  box.addEventListener("mouseleave", hideTip);
  box.addEventListener("click", (event) => { if (event.target.dataset.at) keep({ at: event.target.dataset.at }); });
  box.addEventListener("focus", () => moveCursor(span(cursor) ? cursor : view().begin, false));
  box.addEventListener("blur", () => { hideTip(); if (cursor >= 0) keep({ at: cursor }); });
  box.addEventListener("scroll", debounced(60, () => {
    if (document.activeElement === box && !byId("tip").hidden) moveCursor(cursor, false);
    else { hideTip(); notify(); }
  }));
  onKeys(box, {
    ArrowLeft: step(() => cursor - 1), ArrowRight: step(() => cursor + 1),
    ArrowUp: step(() => otherLine(false)), ArrowDown: step(() => otherLine(true)),
    Home: step(() => lineBegin(cursor)), End: step(() => lineEnd(cursor)),
    PageUp: () => turn(page - 1), PageDown: () => turn(page + 1),
    "[": () => neighbour(-1), "]": () => neighbour(1), Escape: hideTip,
  });
  onUnit(colour);
}

export function openText() {
  byId("chosen").textContent = named(unit);
  if (!run.text.characters) { byId("where").textContent = "the text is empty"; return undefined; }
  const at = Number(address.at ?? 0), goal = Number.isInteger(at) ? within(0, at, run.text.characters - 1) : 0;
  if (span(goal)) { notify(); return undefined; }  // what was drawn while the pane was hidden is brought up to date
  return load(Math.floor(goal / pitch()), goal || null);
}
