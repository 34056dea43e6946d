// A classifier or tagger answers a typed text, and shows which words spoke for its answer.

import { attempt, fetchJson, latest } from "./api.js";
import { byteOf, paint, showKey, visible } from "./colours.js";
import { byId, count, debounced, fixed, make, percent, signed } from "./dom.js";
import { bars } from "./tip.js";
import { run } from "./units.js";

const PAUSE = 150;                              // ms without a keystroke until the text is answered
const fetching = latest();
let reply = null, started = false;

const weights = () => reply.pieces.map(({ weight }) => Math.abs(weight));

function show() {
  const most = Math.max(...weights(), 0), scale = { low: -most, high: most }, area = byId("predict-text");
  area.replaceChildren(...reply.pieces.map(({ text, label, weight }) => {
    const span = make("span", { class: label ? "entity" : "" }, text);
    if (weight && most) paint(span, byteOf(scale, weight));
    if (label) span.append(make("b", {}, visible(label)));
    if (weight || label) span.dataset.note = label ? `${text}: ${label}` : `${text}: ${signed(weight)}`;
    return span;
  }));
  const { answer } = reply, found = reply.pieces.filter(({ label }) => label).length;
  byId("predict-answer").textContent = answer ? `${answer}, ${percent(reply.classes[0].p)}`
    : found ? `${count(found)} ${found === 1 ? "label" : "labels"}` : reply.pieces.length ? "no labels" : "";
  bars(byId("predict-classes"), reply.classes.map(({ name, p }) => ({ symbol: name, p })));
  byId("predict-classes-head").hidden = !reply.classes.length;
  if (most) showKey(byId("predict-key"), "against (blue, dotted)", `for ${answer || "the labels"} (red, underlined)`);
  else byId("predict-key").replaceChildren();
  byId("predict-result").textContent = most ? `the strongest colour is a weight of ±${fixed(most)}` : "";
}

function load() {
  const text = byId("predict-typed").value, characters = Array.from(text).length;
  byId("predict-count").textContent = `${count(characters)} of at most ${count(run.limits.type)} characters`;
  byId("predict-count").classList.toggle("exceeded", characters > run.limits.type);
  if (characters > run.limits.type) { byId("predict-result").textContent = "the text is too long: shorten it"; return undefined; }
  return attempt("predict", async () => {
    const answer = await fetching((signal) => fetchJson("/api/predict", { body: { text }, signal }));
    if (answer) { reply = answer; show(); }
  });
}

export function startPredict() {
  byId("predict-typed").addEventListener("input", debounced(PAUSE, load));
  byId("predict-text").addEventListener("mouseover", (event) => {
    const note = event.target.closest("span")?.dataset.note;
    if (note) byId("predict-result").textContent = note;
  });
}

// Starts with the first line of the text.
export function openPredict() {
  if (started) return;
  started = true;
  attempt("predict", async () => {
    const params = { begin: 0, end: Math.min(400, run.text.characters) };
    const { text } = run.text.characters ? await fetchJson("/api/text", { params }) : { text: "" };
    if (!byId("predict-typed").value) byId("predict-typed").value = text.split("\n").find((line) => line.trim()) ?? "";
    await load();
  });
}
