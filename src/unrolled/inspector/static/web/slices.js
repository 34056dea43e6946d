// The text, the model's predictions and the values of units: fetched by slices, with a cache.

import { fetchJson } from "./api.js";
import { bytes } from "./colours.js";
import { run } from "./units.js";

const LIMIT = 60;                               // cached replies
const cache = new Map();                        // URL -> reply, the most recently used last

async function cached(path, params, signal, unpack) {
  const url = `${path}?${new URLSearchParams(params)}`;
  if (cache.has(url)) {
    const hit = cache.get(url);
    cache.delete(url);
    cache.set(url, hit);
    return hit;
  }
  const reply = unpack(await fetchJson(path, { params, signal }));
  if (!reply.provisional) cache.set(url, reply);
  while (cache.size > LIMIT) cache.delete(cache.keys().next().value);
  return reply;
}

// A page ends with the first line that ends after a multiple of `pitch()` characters, so that pages do not depend on
// where reading begins.
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

// A page: {page, begin, end, characters, read}; `read` has 1 for each character that ends a token.
export async function pageOf(page, signal) {
  const { begin } = window(page);
  return cached("/api/text", window(page), signal, (reply) => {
    const characters = Array.from(reply.text), search = run.limits.slice - pitch();
    const first = page === 0 ? 0 : lineAfter(characters, 0, search);
    const last = begin + characters.length >= run.text.characters ? characters.length
      : lineAfter(characters, pitch(), pitch() + search);
    const read = (reply.read ?? characters.map(() => 1)).slice(first, last);
    return { page, begin: begin + first, end: begin + last, characters: characters.slice(first, last), read };
  });
}

// A unit over a page's window: {begin, values, low, high, provisional}.
export const valuesOf = (unit, page, signal) =>
  cached("/api/values", { ...unit, ...window(page) }, signal, (reply) =>
    ({ ...reply, values: bytes(reply.values), raw: new Float32Array(bytes(reply.raw).buffer) }));

// Where a hypothesis is true, over a page's window or a given one: {begin, binary, values, low, high}.
export const labelsOf = (hypothesis, range, signal) =>
  cached("/api/labels", { hypothesis, ...(typeof range === "number" ? window(range) : range) }, signal, (reply) =>
    ({ ...reply, values: bytes(reply.values) }));

export const scaleOf = (unit, signal) =>
  cached("/api/values", { ...unit, begin: 0, end: Math.min(1, run.text.characters) }, signal, (reply) => reply);

// The predictions on a page: {begin, symbols, ids, shares}; `null` unless the model is a language model.
export const guessesOf = (page, signal) => run.task !== "lm" ? null
  : cached("/api/guesses", window(page), signal, (reply) =>
    ({ ...reply, ids: new Uint16Array(bytes(reply.ids).buffer), shares: bytes(reply.shares) }));

// The surprise of each token on a page, in nats: {begin, nats, provisional}, null within a token.
export const surpriseOf = (page, signal) => cached("/api/surprise", window(page), signal, (reply) => reply);

export const gridOf = (params, signal) =>
  cached("/api/grid", params, signal, (reply) => ({ ...reply, values: bytes(reply.values) }));
