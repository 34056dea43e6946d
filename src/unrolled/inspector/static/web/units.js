// The run that is looked at, and the one unit that every pane colours by.

import { address, keep } from "./address.js";
import { make } from "./dom.js";

export const run = {};                          // what /api/run said
export const unit = { recurrence: "", gate: "", index: 0 };
const listeners = [];

export const same = (one, other) =>
  one.recurrence === other.recurrence && one.gate === other.gate && one.index === other.index;
export const recurrence = (name) => run.recurrences.find((one) => one.name === name);
export const named = (one) => `${recurrence(one.recurrence).label} ${one.gate}[${one.index}]`;
export const onUnit = (work) => listeners.push(work);

export function choose(one) {
  if (same(one, unit)) return;
  Object.assign(unit, { recurrence: one.recurrence, gate: one.gate, index: one.index });
  keep({ unit: `${unit.recurrence}/${unit.gate}/${unit.index}` });
  for (const work of listeners) work();
}

// The unit in the address, if the network has it; otherwise the first.
export function fromAddress() {
  const [name, gate, index] = (address.unit ?? "").split("/"), its = recurrence(name), number = Number(index);
  if (its?.gates.includes(gate) && Number.isInteger(number) && number >= 0 && number < its.hidden_size) {
    return { recurrence: name, gate, index: number };
  }
  const first = run.recurrences[0];
  return { recurrence: first.name, gate: first.gates[0], index: 0 };
}

export function fillSelect(select, options, chosen) {
  select.replaceChildren(...options.map(([value, told]) => make("option", { value }, told)));
  select.value = chosen;
}

export const layers = () => run.recurrences.map((one) => [one.name, one.label]);

// Layer, gate and number of a unit: three fields in `box`. `only` is "gates" or "states".
export function picker(box, only, first, changed) {
  const layer = make("select", { "aria-label": "layer" }), gate = make("select", { "aria-label": "gate" });
  const index = make("input", { type: "number", min: 0, step: 1, required: true, "aria-label": "number of the unit" });
  box.replaceChildren(layer, gate, index);
  const fit = () => {
    const its = recurrence(layer.value), kept = gate.value;
    fillSelect(gate, its[only].map((one) => [one, one]), its[only].includes(kept) ? kept : its[only][0]);
    index.max = its.hidden_size - 1;
    if (Number(index.value) > its.hidden_size - 1) index.value = its.hidden_size - 1;
  };
  const told = () => ({ recurrence: layer.value, gate: gate.value, index: Number(index.value) });
  const show = (one) => {
    fillSelect(layer, layers(), one.recurrence);
    fit();
    if (recurrence(one.recurrence)[only].includes(one.gate)) gate.value = one.gate;
    index.value = one.index;
  };
  layer.addEventListener("change", () => { fit(); if (index.checkValidity()) changed?.(told()); });
  gate.addEventListener("change", () => { if (index.checkValidity()) changed?.(told()); });
  index.addEventListener("input", () => { if (index.checkValidity()) changed?.(told()); });
  show(first);
  return { show, told };
}

// A picker that shows, and chooses, the unit that every pane colours by.
export function chooser(box) {
  const fields = picker(box, "gates", unit, choose);
  onUnit(() => { if (!same(fields.told(), unit)) fields.show(unit); });
}
