// The network reads a typed text and predicts the next token.

import { attempt, fetchJson, forget, latest } from "./api.js";
import { byteOf, bytes, showKey, spans, value } from "./colours.js";
import { byId, count, debounced, fixed } from "./dom.js";
import { strip } from "./strips.js";
import { bars } from "./tip.js";
import { choose, chooser, named, onUnit, run, unit } from "./units.js";

const PAUSE = 60;                               // ms without a keystroke until the network reads the text
const SURPRISE = { low: -6, high: 6 };          // nats; only the upper half of the scale is used
const ROWS = 10;
const fetching = latest();
const strips = new Map();
let reply = null, characters = [];

const by = () => document.querySelector("#type-by input:checked").value;

function paintText() {
  const surprise = by() === "surprise";
  const painted = !reply ? [] : surprise
    ? reply.surprise.map((nats) => nats === null ? 0 : byteOf(SURPRISE, nats)) : bytes(reply.values);
  byId("type-text").replaceChildren(spans(characters, painted));
  for (const at of reply?.skipped ?? []) byId("type-text").children[at].classList.add("skipped");
  if (surprise) showKey(byId("type-key"), "0 nats", `${SURPRISE.high} nats or more (red, underlined)`, true);
  else if (reply) showKey(byId("type-key"), `${fixed(reply.low, 2)} (blue, dotted)`,
    `${fixed(reply.high, 2)} (red, underlined)`);
  byId("type-unit").hidden = surprise;
}

function show() {
  paintText();
  bars(byId("type-next"), reply.next.slice(0, ROWS));
  for (const { recurrence, gate, values } of reply.state) strips.get(`${recurrence}/${gate}`)?.show(values);
  const surprises = reply.surprise.filter((nats) => nats !== null);
  const sum = surprises.reduce((sum, nats) => sum + nats, 0);
  byId("type-result").textContent = surprises.length
    ? `${count(characters.length)} characters, ${fixed(sum / surprises.length, 2)} nats per token` : "";
  byId("type-skipped").textContent = skippedNote();
}

function skippedNote() {                        // “2 characters skipped, not in the vocabulary: ∮ (U+222E)”
  const number = reply.skipped.length, kinds = [...new Set(reply.skipped.map((at) => characters[at]))];
  if (!number) return "";
  const names = kinds.slice(0, 5).map((c) => `${c} (U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")})`);
  return `${count(number)} ${number === 1 ? "character" : "characters"} skipped, not in the vocabulary: `
    + `${names.join(", ")}${kinds.length > 5 ? ", …" : ""}`;
}

function showCount() {
  const n = Array.from(byId("typed").value).length;
  byId("typed-count").textContent = `${count(n)} of at most ${count(run.limits.type)} characters`;
  byId("typed-count").classList.toggle("exceeded", n > run.limits.type);
}

function load() {
  const text = byId("typed").value, read = Array.from(text);
  return attempt("type", async () => {
    if (read.length > run.limits.type) {
      fetching.stop();
      byId("type-result").textContent = "the text is too long: shorten it; the colours are those of the last text read";
      return;
    }
    const answer = await fetching((signal) => fetchJson("/api/type", { body: { text, ...unit }, signal }));
    if (!answer) return;
    [reply, characters] = [answer, read];
    show();
  });
}
const soon = debounced(PAUSE, load);

function showCharacter(event) {                 // the unit's value and the surprise at the pointer
  const at = Number(event.target.dataset?.at ?? -1);
  if (at < 0 || !reply) return;
  const nats = reply.surprise[at], values = bytes(reply.values);
  if (reply.skipped.includes(at)) {
    byId("type-result").textContent = `character ${at + 1}: skipped, not in the vocabulary`;
    return;
  }
  const z = values[at] ? fixed(value(reply, values[at])) : "not read";
  const surprise = nats === null ? "not predicted" : `${fixed(nats, 2)} nats`;
  byId("type-result").textContent = `character ${at + 1}: ${named(unit)} ${z}, ${surprise}`;
}

export function startType() {
  byId("typed").addEventListener("input", () => { showCount(); soon(); });
  showCount();
  byId("type-by").addEventListener("change", paintText);
  byId("type-text").addEventListener("mouseover", showCharacter);
  chooser(byId("type-unit"));
  const message = byId("state-result");
  for (const { name, label, states } of run.recurrences.filter(({ backward }) => !backward)) {
    for (const gate of states) {
      const stateStrip = strip(`${label} ${gate}`, (index, x) => {
        message.textContent = `${named({ recurrence: name, gate, index })} = ${fixed(x)}`;
      }, (index) => choose({ recurrence: name, gate, index }));
      strips.set(`${name}/${gate}`, stateStrip);
      byId("type-states").append(stateStrip.element);
    }
  }
  onUnit(() => { if (!byId("pane-type").hidden) load(); });
}

export const openType = load;
export const closeType = () => { fetching.stop(); forget("type"); };
