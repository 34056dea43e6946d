// The text, what the model expects in it, and the values of units: fetched slice by slice, and some of it kept.

import { ask } from "./api.js";
import { bytes } from "./colours.js";
import { run } from "./units.js";

const KEPT = 60;                                // answers
const kept = new Map();                         // address -> answer, the one used last at the end

async function once(path, params, signal, unpack) {
  const name = `${path}?${new URLSearchParams(params)}`;
  if (kept.has(name)) {
    const had = kept.get(name);
    kept.delete(name);
    kept.set(name, had);
    return had;
  }
  const got = unpack(await ask(path, { params, signal }));
  if (!got.provisional) kept.set(name, got);
  while (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return got;
}

// A page ends with the first line that ends after a multiple of PITCH characters, so that wherever one begins to read,
// pages are the same.
export const pitch = () => Math.floor(run.limits.slice * 7 / 8);
const window = (page) => {
  const begin = page * pitch();
  return { begin, end: Math.min(begin + run.limits.slice, run.text.characters) };
};
export const pages = () => 1 + Math.max(0, Math.ceil((run.text.characters - run.limits.slice) / pitch()));

function lineAfter(characters, at, most) {
  for (let n = at; n < Math.min(most, characters.length); n++) if (characters[n] === "\n") return n + 1;
  return at;
}

// {begin, end, characters} of a page.
export async function pageOf(page, signal) {
  const { begin } = window(page);
  return once("/api/text", window(page), signal, (got) => {
    const characters = Array.from(got.text), search = run.limits.slice - pitch();
    const first = page === 0 ? 0 : lineAfter(characters, 0, search);
    const last = begin + characters.length >= run.text.characters ? characters.length
      : lineAfter(characters, pitch(), pitch() + search);
    return { page, begin: begin + first, end: begin + last, characters: characters.slice(first, last) };
  });
}

// {begin, values, low, high, provisional} of a unit over a page's window.
export const valuesOf = (unit, page, signal) =>
  once("/api/values", { ...unit, ...window(page) }, signal, (got) => ({ ...got, values: bytes(got.values) }));

export const scaleOf = (unit, signal) =>
  once("/api/values", { ...unit, begin: 0, end: Math.min(1, run.text.characters) }, signal, (got) => got);

// {begin, symbols, ids, shares}, or `null`: only a language model expects anything.
export const guessesOf = (page, signal) => run.task !== "lm" ? null
  : once("/api/guesses", window(page), signal, (got) =>
    ({ ...got, ids: new Uint16Array(bytes(got.ids).buffer), shares: bytes(got.shares) }));

export const gridOf = (params, signal) =>
  once("/api/grid", params, signal, (got) => ({ ...got, values: bytes(got.values) }));
