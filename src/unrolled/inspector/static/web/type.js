// Type here: the network reads along, and says what it expects.

import { ask, attempt, forget, latest } from "./api.js";
import { byteOf, bytes, showKey, spans, value } from "./colours.js";
import { byId, count, debounced, fixed } from "./dom.js";
import { strip } from "./strips.js";
import { bars } from "./tip.js";
import { choose, chooser, named, onUnit, run, unit } from "./units.js";

const PAUSE = 60;                               // ms without a key until the network reads
const SURPRISE = { low: -6, high: 6 };          // nats, of which the upper half is used
const ROWS = 10;
const asking = latest();
const strips = new Map();
let got = null, characters = [];

const by = () => document.querySelector("#type-by input:checked").value;

function paintText() {
  const surprise = by() === "surprise";
  const painted = !got ? [] : surprise
    ? got.surprise.map((nats) => nats === null ? 0 : byteOf(SURPRISE, nats)) : bytes(got.values);
  byId("type-text").replaceChildren(spans(characters, painted));
  if (surprise) showKey(byId("type-key"), "0 nats", `${SURPRISE.high} nats or more (red, underlined)`, true);
  else if (got) showKey(byId("type-key"), `${fixed(got.low, 2)} (dotted)`, `${fixed(got.high, 2)} (underlined)`);
  byId("type-unit").hidden = surprise;
}

function show() {
  paintText();
  const next = got.next.slice(0, ROWS);
  bars(byId("type-next"), next);
  for (const one of got.state) strips.get(`${one.recurrence}/${one.gate}`)?.show(one.values);
  const paid = got.surprise.filter((nats) => nats !== null), sum = paid.reduce((sum, nats) => sum + nats, 0);
  byId("type-said").textContent = paid.length
    ? `${count(characters.length)} characters, ${fixed(sum / paid.length, 2)} nats for each symbol` : "";
}

function load() {
  const text = byId("typed").value, read = Array.from(text);
  return attempt("type", async () => {
    if (read.length > run.limits.type) {
      asking.stop();
      byId("type-said").textContent = `The network reads ${count(run.limits.type)} characters here, not `
        + `${count(read.length)}: shorten the text.`;
      return;
    }
    const answer = await asking((signal) => ask("/api/type", { body: { text, ...unit }, signal }));
    if (!answer) return;
    [got, characters] = [answer, read];
    show();
  });
}
const soon = debounced(PAUSE, load);

function tell(event) {                          // of the character under the pointer
  const at = Number(event.target.dataset?.at ?? -1);
  if (at < 0 || !got) return;
  const nats = got.surprise[at], values = bytes(got.values);
  const z = values[at] ? fixed(value(got, values[at])) : "not read";
  const paid = nats === null ? "not predicted" : `${fixed(nats, 2)} nats`;
  byId("type-said").textContent = `character ${at + 1}: ${named(unit)} ${z}, ${paid}`;
}

export function startType() {
  byId("typed").addEventListener("input", soon);
  byId("type-by").addEventListener("change", paintText);
  byId("type-text").addEventListener("mouseover", tell);
  chooser(byId("type-unit"));
  const said = byId("state-said");
  for (const one of run.recurrences.filter((its) => !its.backward)) {
    for (const gate of one.states) {
      const made = strip(`${one.label} ${gate}`, (index, x) => {
        said.textContent = `${named({ recurrence: one.name, gate, index })} = ${fixed(x)}`;
      }, (index) => choose({ recurrence: one.name, gate, index }));
      strips.set(`${one.name}/${gate}`, made);
      byId("type-states").append(made.element);
    }
  }
  onUnit(() => { if (!byId("pane-type").hidden) load(); });
}

export const openType = load;
export const closeType = () => { asking.stop(); forget("type"); };
