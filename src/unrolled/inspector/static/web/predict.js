// A classifier or tagger answers a typed text, and shows which words spoke for its answer.

import { attempt, fetchJson, latest } from "./api.js";
import { byteOf, paint, showKey, visible } from "./colours.js";
import { byId, count, debounced, fixed, make, percent, signed } from "./dom.js";
import { bars } from "./tip.js";
import { run } from "./units.js";

const PAUSE = 150;                              // ms without a keystroke until the text is answered
const fetching = latest();
let reply = null, started = false;

const WEIGHTS = { low: -1, high: 1 };
const BOXES = 4;                                // colours of labels in the style sheet

// A word's weight in nats, or a label with its probability.
function note({ text, label, weight, probability, unknown, speaks_for: of, explanation }) {
  const parts = label ? [`${label}${probability === null ? "" : ` ${percent(probability)}`}`, explanation]
    : weight ? [`${signed(weight * (reply.scale ?? 1), 2)} nats${of ? `, for ${of}` : ""}`] : [];
  if (unknown) parts.push("not in the vocabulary");
  return parts.some(Boolean) ? `${text}: ${parts.filter(Boolean).join("; ")}` : "";
}

function shown(piece) {
  const { text, label, number, weight, probability, unknown } = piece, span = make("span", {}, text);
  if (label) {
    span.className = `entity box-${number % BOXES}`;
    span.append(make("b", {}, `${visible(label)}${probability === null ? "" : ` ${percent(probability)}`}`));
  } else if (weight) paint(span, byteOf(WEIGHTS, weight));
  if (unknown) span.append(make("sup", { title: "not in the vocabulary" }, "?"));
  const message = note(piece);
  if (message) span.dataset.note = message;
  return span;
}

function show() {
  const { answer, other, classes, pieces, scale } = reply, labelled = pieces.filter(({ label }) => label).length;
  byId("predict-text").replaceChildren(...pieces.map(shown));
  byId("predict-answer").textContent = answer ? `predicted: ${answer} (${percent(classes[0].p)})`
    : labelled ? `${count(labelled)} ${labelled === 1 ? "label" : "labels"}` : pieces.length ? "no labels" : "";
  bars(byId("predict-classes"), classes.map(({ name, p }) => ({ symbol: name, p })));
  byId("predict-classes-head").hidden = !classes.length;
  byId("predict-key").replaceChildren();
  const weighted = pieces.some(({ weight, label }) => weight && !label);
  if (weighted) {
    showKey(byId("predict-key"), `${other ? `for ${other}` : "against"} (blue, dotted)`,
      `for ${answer || "the labels"} (red, underlined)`);
  }
  const full = weighted && scale !== null ? `full colour: ${fixed(scale, 2)} nats` : "";
  byId("predict-result").textContent = [reply.explanation, full].filter(Boolean).join("; ");
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
