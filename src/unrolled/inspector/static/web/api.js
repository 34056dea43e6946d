// Requests to the page's server, and the alert that shows failed ones.

import { byId, make } from "./dom.js";
import { run } from "./units.js";

export class ServerError extends Error {
  constructor(message, status) { super(message); this.status = status; }
}

const UNREACHABLE = "The server does not respond. If “unrolled inspect … --web” has stopped, start it again; "
  + "the page reconnects automatically.";
const RETRY = 2000;                             // ms between attempts to reach the server again

async function request(path, { params, body, method, signal } = {}) {
  const query = params ? `?${new URLSearchParams(Object.entries(params).filter(([, x]) => x !== undefined))}` : "";
  let response;
  try {
    response = await fetch(path + query, {
      method: method ?? (body ? "POST" : "GET"), signal, cache: "no-store",
      ...(body ? { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {}),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(UNREACHABLE, 0);
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => null);
  const detail = typeof problem?.detail === "string" ? problem.detail : `The server returned ${response.status}.`;
  throw new ServerError(detail, response.status);
}

export async function fetchJson(path, options) {
  const response = await request(path, options);
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(UNREACHABLE, 0);
  }
}

// Yields JSON objects, one per line, as they arrive.
export async function* stream(path, body, signal) {
  const reader = (await request(path, { body, signal })).body.pipeThrough(new TextDecoderStream()).getReader();
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
    throw new ServerError("The connection was lost during generation. Restart the server, then press Generate.", 503);
  } finally {
    reader.cancel().catch(() => undefined);
  }
  if (rest.trim()) yield JSON.parse(rest);
}

// Runs one task at a time: a new one aborts the previous one, whose result is then `undefined`.
export function latest() {
  let controller;
  const run = async (task) => {
    controller?.abort();
    const current = controller = new AbortController();
    try {
      const result = await task(current.signal);
      return current.signal.aborted ? undefined : result;
    } catch (error) {
      if (error.name === "AbortError" || current.signal.aborted) return undefined;
      throw error;
    }
  };
  run.stop = () => controller?.abort();
  return run;
}

const failed = new Map();                       // task name -> [error, task]
const reconnectListeners = [];
let retryTimer = 0;

let visit = 0;                                  // counts the panes opened

// Runs a task; if it fails, shows the error with a button to try again. A later success under the same name clears it.
// An error of a task that was started in another pane is not shown, unless the server does not respond.
export async function attempt(name, task) {
  const begun = visit;
  try {
    const result = await task();
    if (failed.delete(name)) showFailures();
    return result;
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    failed.delete(name);
    if (begun !== visit && error.status !== 0) { showFailures(); return undefined; }
    failed.set(name, [error, task]);
    showFailures();
    return undefined;
  }
}

export function forget(name) { if (failed.delete(name)) showFailures(); }

// Clears the errors of the pane that is left; the server's absence concerns all panes.
export function leavePane() {
  visit++;
  for (const [name, [error]] of [...failed]) if (error.status !== 0) failed.delete(name);
  showFailures();
}

function retryAll() {
  const tasks = [...failed];
  for (const [name, [, task]] of tasks) attempt(name, task);
}

function showFailures() {
  const box = byId("alert"), [error] = [...failed.values()].at(-1) ?? [];
  box.hidden = !error;
  clearTimeout(retryTimer);
  if (!error) { box.replaceChildren(); return; }
  if ([...failed.values()].some(([failure]) => failure.status === 0)) retryTimer = setTimeout(reconnect, RETRY);
  if (box.firstChild?.textContent === error.message) return;
  const retry = make("button", { type: "button" }, "Try again"), close = make("button", { type: "button" }, "Dismiss");
  retry.addEventListener("click", retryAll);
  close.addEventListener("click", () => { failed.clear(); showFailures(); });
  box.replaceChildren(make("span", {}, error.message), retry, close);
}

// Calls `listener` when the server responds again after an interruption.
export const onReconnect = (listener) => reconnectListeners.push(listener);

async function reconnect() {                    // reloads the page if the server now has another run
  try {
    const current = await fetchJson("/api/run");
    if (run.name !== undefined && JSON.stringify(current) !== JSON.stringify(run)) location.reload();
    retryAll();
    for (const listener of reconnectListeners) listener();
  } catch { if (failed.size) retryTimer = setTimeout(reconnect, RETRY); }
}
