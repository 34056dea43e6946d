// Requests to the server that this page came from, and the line that tells of those that failed.

import { byId, make } from "./dom.js";
import { run } from "./units.js";

export class ServerError extends Error {
  constructor(message, status) { super(message); this.status = status; }
}

const AWAY = "The server does not answer. If “unrolled inspect … --web” has ended, start it again; "
  + "the page goes on by itself.";
const PATIENCE = 2000;                          // ms between looks for a server that is away

async function answer(path, { params, body, method, signal } = {}) {
  const query = params ? `?${new URLSearchParams(Object.entries(params).filter(([, one]) => one !== undefined))}` : "";
  let got;
  try {
    got = await fetch(path + query, {
      method: method ?? (body ? "POST" : "GET"), signal, cache: "no-store",
      ...(body ? { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {}),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(AWAY, 0);
  }
  if (got.ok) return got;
  const told = await got.json().catch(() => null);
  const detail = typeof told?.detail === "string" ? told.detail : `The server answered ${got.status}.`;
  throw new ServerError(detail, got.status);
}

export async function ask(path, options) {
  const got = await answer(path, options);
  try {
    return await got.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(AWAY, 0);
  }
}

// JSON objects, a line each, as they come.
export async function* stream(path, body, signal) {
  const reader = (await answer(path, { body, signal })).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) if (line.trim()) yield JSON.parse(line);
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError("The server went away while it was writing. Start it again, then press Write.", 503);
  } finally {
    reader.cancel().catch(() => undefined);
  }
  if (rest.trim()) yield JSON.parse(rest);
}

// One errand at a time: a new one ends the one before, whose answer is then `undefined`.
export function latest() {
  let controller;
  const run = async (work) => {
    controller?.abort();
    const mine = controller = new AbortController();
    try {
      const got = await work(mine.signal);
      return mine.signal.aborted ? undefined : got;
    } catch (error) {
      if (error.name === "AbortError" || mine.signal.aborted) return undefined;
      throw error;
    }
  };
  run.stop = () => controller?.abort();
  return run;
}

const failed = new Map();                       // errand -> [error, work]
const returns = [];
let looking = 0;

// Does `work`; if it fails, tells so and offers to do it again. A later success under the same name takes that back.
export async function attempt(name, work) {
  try {
    const got = await work();
    if (failed.delete(name)) showFailures();
    return got;
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    failed.delete(name);
    failed.set(name, [error, work]);
    showFailures();
    return undefined;
  }
}

export function forget(name) { if (failed.delete(name)) showFailures(); }

function again() {
  const works = [...failed];
  for (const [name, [, work]] of works) attempt(name, work);
}

function showFailures() {
  const box = byId("alert"), [error] = [...failed.values()].at(-1) ?? [];
  box.hidden = !error;
  clearTimeout(looking);
  if (!error) { box.replaceChildren(); return; }
  if ([...failed.values()].some(([one]) => one.status === 0)) looking = setTimeout(look, PATIENCE);
  if (box.firstChild?.textContent === error.message) return;
  const retry = make("button", { type: "button" }, "Try again"), close = make("button", { type: "button" }, "Dismiss");
  retry.addEventListener("click", again);
  close.addEventListener("click", () => { failed.clear(); showFailures(); });
  box.replaceChildren(make("span", {}, error.message), retry, close);
}

// `work` is done when a server that was away has come back.
export const onReturn = (work) => returns.push(work);

async function look() {                         // is the server back, and with the same run?
  try {
    const now = await ask("/api/run");
    if (run.name !== undefined && JSON.stringify(now) !== JSON.stringify(run)) location.reload();
    again();
    for (const work of returns) work();
  } catch { if (failed.size) looking = setTimeout(look, PATIENCE); }
}
