// The inspected run, and the selected unit, which every pane colours by.

import { address, keep } from "./address.js";
import { make } from "./dom.js";

export const run = {};                          // the reply of /api/run
export const unit = { recurrence: "", gate: "", index: 0 };
const listeners = [];

export const same = (a, b) => a.recurrence === b.recurrence && a.gate === b.gate && a.index === b.index;
export const recurrence = (name) => run.recurrences.find((layer) => layer.name === name);
export const named = (chosen) => `${recurrence(chosen.recurrence).label} ${chosen.gate}[${chosen.index}]`;
export const onUnit = (listener) => listeners.push(listener);

export function choose({ recurrence, gate, index }) {
  if (same({ recurrence, gate, index }, unit)) return;
  Object.assign(unit, { recurrence, gate, index });
  keep({ unit: `${unit.recurrence}/${unit.gate}/${unit.index}` });
  for (const listener of listeners) listener();
}

// The unit in the URL, if the network has it, as its address, or as h[157] or 157 (of h) if there is one layer.
export function fromAddress() {
  const short = run.recurrences.length === 1 && /^(?:(\w+)\[(\d+)\]|(\d+))$/.exec(address.unit ?? "");
  if (short) address.unit = `${run.recurrences[0].name}/${short[1] ?? "h"}/${short[2] ?? short[3]}`;
  const [name, gate, index] = (address.unit ?? "").split("/"), layer = recurrence(name), number = Number(index);
  if (layer?.gates.includes(gate) && Number.isInteger(number) && number >= 0 && number < layer.hidden_size) {
    return { recurrence: name, gate, index: number };
  }
  const first = run.recurrences[0];
  return { recurrence: first.name, gate: first.gates[0], index: 0 };
}

export function fillSelect(select, options, chosen) {
  select.replaceChildren(...options.map(([value, label]) => make("option", { value }, label)));
  select.value = chosen;
}

export const layers = () => run.recurrences.map(({ name, label }) => [name, label]);

// Three fields in `box` for a unit: its layer, gate and index. `only` is "gates" or "states".
export function picker(box, only, first, changed, among = layers()) {
  const layer = make("select", { "aria-label": "layer" }), gate = make("select", { "aria-label": "gate" });
  const index = make("input", { type: "number", min: 0, step: 1, required: true, "aria-label": "index of the unit" });
  box.replaceChildren(layer, gate, index);
  const fit = () => {
    const chosen = recurrence(layer.value), names = chosen[only], last = chosen.hidden_size - 1;
    fillSelect(gate, names.map((name) => [name, name]), names.includes(gate.value) ? gate.value : names[0]);
    index.max = last;
    if (Number(index.value) > last) index.value = last;
  };
  const selected = () => ({ recurrence: layer.value, gate: gate.value, index: Number(index.value) });
  const show = (shown) => {
    fillSelect(layer, among, shown.recurrence);
    fit();
    if (recurrence(shown.recurrence)[only].includes(shown.gate)) gate.value = shown.gate;
    index.value = shown.index;
  };
  layer.addEventListener("change", () => { fit(); if (index.checkValidity()) changed?.(selected()); });
  gate.addEventListener("change", () => { if (index.checkValidity()) changed?.(selected()); });
  index.addEventListener("input", () => { if (index.checkValidity()) changed?.(selected()); });
  show(first);
  return { show, selected };
}

// A picker bound to the selected unit.
export function chooser(box) {
  const fields = picker(box, "gates", unit, choose);
  onUnit(() => { if (!same(fields.selected(), unit)) fields.show(unit); });
}
