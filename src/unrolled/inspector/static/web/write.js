// Text generation, shown token by token, coloured by a unit, with units held at values.

import { ServerError, attempt, fetchJson, latest, stream } from "./api.js";
import { byteOf, showKey, spans } from "./colours.js";
import { byId, count, debounced, fixed, make, minus } from "./dom.js";
import { scaleOf } from "./slices.js";
import { chooser, named, picker, run, unit } from "./units.js";

const [box, plainBox] = [byId("written"), byId("unheld")];
const held = [];                                // pickers of the held units, with their values
let controller = null;

function addHeld() {
  if (held.length >= run.limits.clamps) return;
  const fields = make("span", { class: "line" }), values = make("span", { class: "line presets" });
  const amount = make("input", { type: "number", step: "any", min: -1000, max: 1000, value: 1, required: true,
    "aria-label": "value to hold it at" });
  const remove = make("button", { type: "button", "aria-label": "release the unit" }, "×");
  const row = make("div", { class: "clamp" }, make("div", { class: "line" }, fields, "=", amount, remove), values);
  const layer = run.recurrences.find(({ name, states }) => name === unit.recurrence && states.length) ?? holdable()[0];
  const first = layer.name === unit.recurrence && layer.states.includes(unit.gate) ? unit
    : { recurrence: layer.name, gate: layer.states[0], index: 0 };
  const fetching = latest();
  const offer = debounced(150, () => attempt("range", async () => {
    const range = await fetching((signal) => fetchJson("/api/range", { params: chosen.selected(), signal }));
    if (!range) return;
    values.replaceChildren("in the text: ", ...presets(range, amount));
    if (!amount.dataset.set) amount.value = Number(range.mean.toFixed(2));
  }));
  const chosen = picker(fields, "states", first, () => { values.replaceChildren("in the text: …"); offer(); },
    holdable().map(({ name, label }) => [name, label]));
  const entry = { selected: chosen.selected, amount };
  held.push(entry);
  amount.addEventListener("input", () => { amount.dataset.set = true; });  // until then it is the unit's mean
  remove.addEventListener("click", () => {
    held.splice(held.indexOf(entry), 1);
    row.remove();
    showHeld();
    byId("clamp-add").focus();
  });
  byId("clamps").append(row);
  showHeld();
  offer();
  fields.firstChild.focus();
}

const NAMES = { min: "minimum", mean: "mean", max: "maximum" };

// Buttons that set the value to the unit's smallest, mean and largest value in the text.
const presets = ({ low, mean, high }, amount) => [["min", low], ["mean", mean], ["max", high]].map(([name, x]) => {
  const button = make("button", { type: "button", title: `hold it at its ${NAMES[name]} in the text` }, `${name} ${fixed(x, 2)}`);
  button.addEventListener("click", () => { amount.value = Number(x.toFixed(4)); amount.dataset.set = true; });
  return button;
});

const holdable = () => run.recurrences.filter(({ states }) => states.length);

function showHeld() {
  byId("clamp-add").disabled = held.length >= run.limits.clamps || !holdable().length;
  byId("clamp-limit").textContent = holdable().length ? `at most ${run.limits.clamps}` : "this cell's state has no names";
  byId("beside-label").hidden = !held.length;
}

const number = (id) => byId(id).value === "" ? undefined : Number(byId(id).value);

function requestBody(watched) {
  const body = {
    prompt: byId("prompt").value, length: number("length"), temperature: number("temperature"),
    seed: number("seed") ?? null,
    clamps: held.map(({ selected, amount }) => ({ ...selected(), value: Number(amount.value) })), watch: watched,
  };
  const more = { top_k: number("top-k"), top_p: number("top-p") };
  for (const [name, value] of Object.entries(more)) if (value !== undefined) body[name] = value;
  return body;
}

const showStatus = (message) => { byId("write-result").textContent = message; };

// Generates one text into `area`; returns the last piece, with the seed and the time, and the number of characters.
async function generate(body, area, scale, signal, progress) {
  const prompt = make("span", { class: "prompt" });
  prompt.textContent = body.prompt;
  area.replaceChildren(prompt);
  let written = 0;
  for await (const piece of stream("/api/write", body, signal)) {
    if (piece.error) throw new ServerError(piece.error, 500);
    if (piece.done) return { ...piece, written };
    const characters = Array.from(piece.text), follow = area.scrollHeight - area.scrollTop - area.clientHeight < 40;
    area.append(spans(characters, (piece.values ?? []).map((x) => x === null ? 0 : byteOf(scale, x)), written));
    written += characters.length;
    if (follow) area.scrollTop = area.scrollHeight;
    progress(written);
  }
  throw new ServerError("The server ended the generation early; try again.", 503);
}

// Marks the first character at which the two texts differ; returns a note.
function compare() {
  const [a, b] = [plainBox, box].map((area) => [...area.querySelectorAll(":scope > span[data-at]")]);
  const at = a.findIndex((span, n) => span.textContent !== b[n]?.textContent);
  if (at < 0) return "; both texts are the same";
  for (const span of [a[at], b[at]]) span?.setAttribute("data-differs", "");
  return `; the texts differ from character ${count(at + 1)} on`;
}

const heldNames = (clamps) => clamps.map((clamp) => `${named(clamp)} = ${minus(String(clamp.value))}`).join(", ");

async function write() {
  controller?.abort();
  const current = controller = new AbortController(), watched = byId("watch").checked ? { ...unit } : null;
  const body = requestBody(watched), begun = performance.now(), chosen = watched ? ` · ${named(watched)}` : "";
  const beside = held.length > 0 && byId("beside").checked;
  let written = 0;
  for (const area of [box, plainBox]) area.replaceChildren();
  byId("written-plain").hidden = !beside;
  byId("held-name").textContent = held.length ? `holding ${heldNames(body.clamps)}` : "";
  byId("write-key").replaceChildren();
  byId("write-stop").disabled = false;
  showStatus("reading the prompt …");
  const seconds = () => (performance.now() - begun) / 1000;
  const rate = (n, took) => `${count(n)} characters in ${fixed(took, 1)} s`;
  try {
    const scale = watched && await scaleOf(watched, current.signal);
    const ends = watched && [`${fixed(scale.low, 2)} (blue, dotted)`, `${fixed(scale.high, 2)} (red, underlined)`];
    if (watched) showKey(byId("write-key"), ...ends);
    const progress = (label) => (n) => { written = n; showStatus(`${label}${rate(n, seconds())}${chosen}`); };
    if (beside) {                               // first without: its seed is used again
      const plain = await generate({ ...body, clamps: [] }, plainBox, scale, current.signal, progress("without: "));
      body.seed = plain.seed;
    }
    const end = await generate(body, box, scale, current.signal, progress(beside ? "with: " : ""));
    const perSecond = end.seconds > 0 ? `, ${count(Math.round(end.symbols / end.seconds))} tokens/s` : "";
    showStatus(`${rate(end.written, end.seconds)}${perSecond}; seed ${end.seed}${chosen}${beside ? compare() : ""}`);
  } catch (error) {
    if (error.name !== "AbortError") {
      showStatus(written ? `interrupted after ${rate(written, seconds())}` : "nothing generated");
      throw error;
    }
    if (controller === current) showStatus(`stopped after ${rate(written, seconds())}`);
  } finally {
    if (controller === current) { byId("write-stop").disabled = true; controller = null; }
  }
}

export function stopWriting() { controller?.abort(); }

export function startWrite() {
  byId("length").max = run.limits.length;
  byId("prompt").maxLength = run.limits.prompt;
  byId("prompt-limit").textContent = `at most ${count(run.limits.prompt)} characters`;
  byId("length-limit").textContent = `at most ${count(run.limits.length)}`;
  showHeld();
  chooser(byId("write-unit"));
  byId("watch").addEventListener("change", (event) => { byId("write-unit").hidden = !event.target.checked; });
  byId("clamp-add").addEventListener("click", addHeld);
  byId("write-form").addEventListener("submit", (event) => { event.preventDefault(); attempt("write", write); });
  byId("write-stop").addEventListener("click", () => { stopWriting(); byId("write-go").focus(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") stopWriting(); });
}
