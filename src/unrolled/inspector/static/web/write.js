// Text generation, shown token by token, coloured by a unit, with units held at values.

import { ServerError, attempt, stream } from "./api.js";
import { byteOf, showKey, spans } from "./colours.js";
import { byId, count, fixed, make } from "./dom.js";
import { scaleOf } from "./slices.js";
import { chooser, named, picker, run, unit } from "./units.js";

const box = byId("written");
const clamps = [];                              // pickers of the held units, with their values
let controller = null;

function addClamp() {
  if (clamps.length >= run.limits.clamps) return;
  const fields = make("span", { class: "line" });
  const amount = make("input", { type: "number", step: "any", value: 1, required: true,
    "aria-label": "value to hold it at" });
  const remove = make("button", { type: "button", "aria-label": "release the unit" }, "×");
  const row = make("div", { class: "line clamp" }, fields, "=", amount, remove);
  const holdable = run.recurrences.some(({ name, states }) => name === unit.recurrence && states.includes(unit.gate));
  const first = holdable ? unit : { recurrence: run.recurrences[0].name, gate: run.recurrences[0].states[0], index: 0 };
  const clamp = { selected: picker(fields, "states", first).selected, amount };
  clamps.push(clamp);
  remove.addEventListener("click", () => {
    clamps.splice(clamps.indexOf(clamp), 1);
    row.remove();
    byId("clamp-add").disabled = false;
    byId("clamp-add").focus();
  });
  byId("clamps").append(row);
  byId("clamp-add").disabled = clamps.length >= run.limits.clamps;
  fields.firstChild.focus();
}

const number = (id) => byId(id).value === "" ? undefined : Number(byId(id).value);

function requestBody(watched) {
  const body = {
    prompt: byId("prompt").value, length: number("length"), temperature: number("temperature"),
    seed: number("seed") ?? null,
    clamps: clamps.map(({ selected, amount }) => ({ ...selected(), value: Number(amount.value) })), watch: watched,
  };
  const more = { top_k: number("top-k"), top_p: number("top-p") };
  for (const [name, value] of Object.entries(more)) if (value !== undefined) body[name] = value;
  return body;
}

const showStatus = (message) => { byId("write-result").textContent = message; };

async function write() {
  controller?.abort();
  const current = controller = new AbortController(), watched = byId("watch").checked ? { ...unit } : null;
  const body = requestBody(watched), begun = performance.now(), chosen = watched ? ` · ${named(watched)}` : "";
  let written = 0;
  box.replaceChildren();
  byId("write-key").replaceChildren();
  byId("write-stop").disabled = false;
  showStatus("reading the prompt …");
  const seconds = () => (performance.now() - begun) / 1000;
  const rate = (n, took) => `${count(n)} characters in ${fixed(took, 1)} s`;
  try {
    const scale = watched && await scaleOf(watched, current.signal);
    if (watched) showKey(byId("write-key"), `${fixed(scale.low, 2)} (dotted)`, `${fixed(scale.high, 2)} (underlined)`);
    const prompt = make("span", { class: "prompt" });
    prompt.textContent = body.prompt;
    box.append(prompt);
    let ended = false;
    for await (const piece of stream("/api/write", body, current.signal)) {
      if (piece.error) throw new ServerError(piece.error, 500);
      if (piece.done) {
        ended = true;
        const perSecond = piece.seconds > 0 ? `, ${count(Math.round(piece.symbols / piece.seconds))} tokens/s` : "";
        showStatus(`${rate(written, piece.seconds)}${perSecond}; seed ${piece.seed}${chosen}`);
        continue;
      }
      const characters = Array.from(piece.text), follow = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
      box.append(spans(characters, (piece.values ?? []).map((x) => x === null ? 0 : byteOf(scale, x)), written));
      written += characters.length;
      if (follow) box.scrollTop = box.scrollHeight;
      showStatus(`${rate(written, seconds())}${chosen}`);
    }
    if (!ended) throw new ServerError("The server ended the generation early; try again.", 503);
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
  chooser(byId("write-unit"));
  byId("watch").addEventListener("change", (event) => { byId("write-unit").hidden = !event.target.checked; });
  byId("clamp-add").addEventListener("click", addClamp);
  byId("write-form").addEventListener("submit", (event) => { event.preventDefault(); attempt("write", write); });
  byId("write-stop").addEventListener("click", () => { stopWriting(); byId("write-go").focus(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") stopWriting(); });
}
