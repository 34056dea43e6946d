// The text, coloured by the chosen unit: pages, a cursor, a scrubber over the whole.

import { address, keep } from "./address.js";
import { attempt, latest } from "./api.js";
import { paint, showKey, spans, value, visible } from "./colours.js";
import { byId, count, debounced, fixed, onKeys, within } from "./dom.js";
import { guessesOf, pageOf, pages, pitch, valuesOf } from "./slices.js";
import { hideTip, showTip } from "./tip.js";
import { named, onUnit, run, same, unit } from "./units.js";

const REST = 90;                                // ms that the scrubber rests before a page is shown
const AGAIN = 1500;                             // ms until provisional values are asked for again
const moved = [];                               // told when the view or the cursor moves
let page = 0, shown = null, values = null, guesses = null, now = -1, waiting = 0;
const [loading, colouring, ahead] = [latest(), latest(), latest()];
const box = byId("text");

export const onMoved = (work) => moved.push(work);
const tell = () => { for (const work of moved) work(); };

const span = (at) => shown && at >= shown.begin && at < shown.end ? box.children[at - shown.begin] : null;
const byteAt = (at) => values ? values.values[at - values.begin] ?? 0 : 0;

// The first character in view, the cursor (−1: none), and the page's end.
export function view() {
  if (!shown) return { begin: 0, now: -1, end: 0 };
  let [low, high] = [0, shown.end - shown.begin - 1];
  while (low < high) {                          // lines lie one below the other, so offsets never fall
    const middle = (low + high) >> 1;
    if (box.children[middle].offsetTop + box.children[middle].offsetHeight <= box.scrollTop + 8) low = middle + 1;
    else high = middle;
  }
  return { begin: shown.begin + Math.max(0, low), now, end: shown.end };
}

function showWhere() {
  const begin = shown?.begin ?? 0, end = shown?.end ?? 0;
  byId("where").textContent = shown && !run.text.characters ? "the text is empty"
    : `characters ${count(begin + 1)} to ${count(end)} of ${count(run.text.characters)}`;
  byId("text-back").disabled = page === 0;
  byId("text-on").disabled = page >= pages() - 1;
  byId("scrubber").value = page;
}

function showPage(got) {
  shown = got;
  values = guesses = null;
  box.replaceChildren(spans(got.characters, [], got.begin));
  box.scrollTop = 0;
  showWhere();
}

function showValues(got) {
  values = got;
  for (let at = shown.begin; at < shown.end; at++) paint(box.children[at - shown.begin], byteAt(at));
  showKey(byId("text-key"), `${fixed(got.low, 2)} (blue, dotted)`, `${fixed(got.high, 2)} (red, underlined)`);
  byId("text-state").textContent = got.provisional ? "approximate until the text before is read" : "";
  clearTimeout(waiting);
  if (got.provisional) waiting = setTimeout(colour, AGAIN);
  if (now >= 0 && !byId("tip").hidden) say(now, false);
}

// The text's colours alone: another unit, the same page.
function colour() {
  byId("chosen").textContent = named(unit);
  if (!shown) return undefined;
  byId("text-state").textContent = "reading …";
  return attempt("values", async () => {
    const of = page, got = await colouring((signal) => valuesOf({ ...unit }, of, signal));
    if (got && shown.page === of) showValues(got);  // otherwise that page is on its way, and is coloured when it comes
  });
}

// Goes to a page, and to a character of it.
function load(to, at = null, follow = false) {
  page = within(0, to, pages() - 1);
  byId("text-state").textContent = "reading …";
  clearTimeout(waiting);
  colouring.stop();
  return attempt("text", async () => {
    const of = { ...unit };                     // another may be chosen in the meantime
    const got = await loading(async (signal) => {
      const [text, its, next] = await Promise.all(
        [pageOf(page, signal), valuesOf(of, page, signal), guessesOf(page, signal)]);
      return { text, its, next };
    });
    if (!got) return;
    const goal = at === null ? got.text.begin : at;
    if (goal < got.text.begin && page > 0) { await load(page - 1, at, follow); return; }
    if (goal >= got.text.end && page < pages() - 1) { await load(page + 1, at, follow); return; }
    showPage(got.text);
    showValues(got.its);
    guesses = got.next;
    now = -1;
    hideTip();
    if (follow) say(within(shown.begin, goal, shown.end - 1), true);
    else if (at !== null) span(goal)?.scrollIntoView({ block: "start" });
    if (!same(of, unit)) colour();
    tell();
    prefetch();
  });
}

const prefetch = debounced(150, () => ahead(async (signal) => {
  for (const other of [page + 1, page - 1].filter((one) => one >= 0 && one < pages())) {
    await Promise.all([pageOf(other, signal), valuesOf({ ...unit }, other, signal), guessesOf(other, signal)]);
  }
}).catch(() => undefined));                     // what fails ahead of time is asked for again in its own time

// Puts the cursor on a character and tells what is known of it.
function say(at, follow, tip = true) {
  box.querySelector("[data-now]")?.removeAttribute("data-now");
  const one = span(at);
  if (!one) { hideTip(); return; }
  now = at;
  one.setAttribute("data-now", "");
  if (follow) one.scrollIntoView({ block: "nearest" });
  if (tip) {
    const byte = byteAt(at), from = guesses ? 5 * (at - guesses.begin) : 0;
    const next = guesses ? [0, 1, 2, 3, 4].filter((n) => guesses.shares[from + n] > 0) : [];
    showTip(one, `“${visible(shown.characters[at - shown.begin])}” ${byte ? fixed(value(values, byte)) : "not read"}`,
      next.map((n) => ({ symbol: guesses.symbols[guesses.ids[from + n]], p: guesses.shares[from + n] / 255 })));
  }
  tell();
}

// A bar beside the lines that have the characters from `begin` to `end`.
export function bracket(begin, end) {
  const [first, last] = [begin, end - 1].map((at) => span(within(shown?.begin ?? 0, at, (shown?.end ?? 1) - 1)));
  let bar = box.querySelector(".bracket");
  if (!bar) { bar = document.createElement("i"); bar.className = "bracket"; }
  if (!first || !last) return;
  bar.style.top = `${first.offsetTop}px`;
  bar.style.height = `${last.offsetTop + last.offsetHeight - first.offsetTop}px`;
  box.append(bar);
}

export const point = (at) => say(at, false, false);
export const leave = () => box.querySelector("[data-now]")?.removeAttribute("data-now");

function goTo(at) {
  at = within(0, at, run.text.characters - 1);
  keep({ at });
  return span(at) ? say(at, true) : load(Math.floor(at / pitch()), at, true);
}

const character = (at) => shown.characters[at - shown.begin];
const lineBegin = (at) => { while (at > shown.begin && character(at - 1) !== "\n") at--; return at; };
const lineEnd = (at) => { while (at < shown.end - 1 && character(at) !== "\n") at++; return at; };
function otherLine(down) {
  const begin = lineBegin(now), column = now - begin;
  if (down && lineEnd(now) + 1 >= shown.end) return shown.end;
  if (!down && begin === shown.begin) return shown.begin - 1;
  const other = down ? lineEnd(now) + 1 : lineBegin(begin - 1);
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
    if (event.target.dataset.at) say(Number(event.target.dataset.at), false);
  });
  box.addEventListener("mouseleave", hideTip);
  box.addEventListener("click", (event) => { if (event.target.dataset.at) keep({ at: event.target.dataset.at }); });
  box.addEventListener("focus", () => say(span(now) ? now : view().begin, false));
  box.addEventListener("blur", () => { hideTip(); if (now >= 0) keep({ at: now }); });
  box.addEventListener("scroll", debounced(60, () => {
    if (document.activeElement === box && !byId("tip").hidden) say(now, false);
    else { hideTip(); tell(); }
  }));
  onKeys(box, {
    ArrowLeft: () => goTo(now - 1), ArrowRight: () => goTo(now + 1),
    ArrowUp: () => goTo(otherLine(false)), ArrowDown: () => goTo(otherLine(true)),
    Home: () => goTo(lineBegin(now)), End: () => goTo(lineEnd(now)),
    PageUp: () => turn(page - 1), PageDown: () => turn(page + 1),
    "[": () => neighbour(-1), "]": () => neighbour(1), Escape: hideTip,
  });
  onUnit(colour);
}

export function openText() {
  byId("chosen").textContent = named(unit);
  if (!run.text.characters) { byId("where").textContent = "the text is empty"; return undefined; }
  const at = Number(address.at ?? 0), goal = Number.isInteger(at) ? within(0, at, run.text.characters - 1) : 0;
  if (span(goal)) return undefined;
  return load(Math.floor(goal / pitch()), goal || null);
}
