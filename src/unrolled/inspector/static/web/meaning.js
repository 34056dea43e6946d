// What the colours mean: the caption above the text, the contrast, and the underline where the hypothesis is true.

import { address, keep } from "./address.js";
import { latest } from "./api.js";
import { share } from "./colours.js";
import { byId, fixed, within } from "./dom.js";
import { known, measured, onKnown, sortedBy } from "./hypotheses.js";
import { labelsOf } from "./slices.js";
import { onPage, setContrast, setTruth, shownPage, summary } from "./text.js";
import { onUnit, same, unit } from "./units.js";

const LISTED = 3;                               // a unit explains a hypothesis if it is among its best so many
const LONGEST = 150;                            // characters of a caption: what fits on two lines
const fetching = latest();

// "red where “inside double quotes” is true (AUC 0.97, ★)", for the hypotheses that the unit is among the best for.
function meanings() {
  const notes = [];
  for (const { name, best, binary, explains, found, measure, p } of known.hypotheses) {
    const rank = best.slice(0, LISTED).findIndex((other) => same(other, unit));
    if (rank < 0 || !explains) continue;
    const { score, sign } = best[rank], colour = sign < 0 ? "blue" : "red";
    const often = score >= 0.9 ? "" : score >= 0.75 ? "mostly " : "more often ";
    const status = p === null ? ", candidate" : found ? rank ? "" : ", ★" : ", no ★";
    const place = rank ? `, unit ${rank + 1} of the best` : "";
    const text = binary ? `${often}${colour} where “${name}” is true` : `the ${colour}er, the larger “${name}”`;
    notes.push([name === sortedBy() ? -1 : rank, `${text} (${measured(measure)} ${fixed(score, 2)}${place}${status})`]);
  }
  notes.sort((a, b) => a[0] - b[0]);
  return notes.slice(0, 2).map(([, note]) => note.replace("reder", "redder").replace("blueer", "bluer"));
}

function showMeaning() {
  const all = [...meanings(), summary()].filter(Boolean), whole = all.join("; ");
  const text = whole.length > LONGEST && all.length > 2 ? [all[0], all.at(-1)].join("; ") : whole;
  byId("known").textContent = text && text[0].toUpperCase() + text.slice(1);
  byId("known").title = byId("known").textContent;
}

async function showTruth() {
  const name = sortedBy(), page = shownPage()?.page, wanted = byId("truth-on").checked;
  const hypothesis = known.hypotheses.find((other) => other.name === name);
  byId("truth-name").textContent = !hypothesis ? "underline where the hypothesis is true"
    : hypothesis.binary ? `underline where “${name}” is true` : `“${name}” is a number: see the strip “label”`;
  byId("truth-on").disabled = !hypothesis?.binary;
  if (!hypothesis?.binary || !wanted || page === undefined) { fetching.stop(); setTruth(null); return; }
  const labels = await fetching((signal) => labelsOf(name, page, signal)).catch(() => null);
  if (labels) setTruth((at) => labels.values[at - labels.begin] > 0);
}

const amount = () => 2 ** Number(byId("contrast").value);
function showContrast() {
  setContrast(amount());
  byId("contrast").setAttribute("aria-valuetext", `${fixed(amount(), 1)} times`);
}
const contrastListeners = [];
export const onContrast = (listener) => contrastListeners.push(listener);
export const contrast = amount;

// A table of the colours of labels: from the background to the ink of the underline.
export const shadeOf = (labels) => Uint8Array.from(labels.values, (x) => labels.binary ? (x ? 255 : 128)
  : within(128, 128 + Math.round((share(x) + 1) / 2 * 127), 255));

export function startMeaning() {
  const slider = byId("contrast"), kept = Number(address.contrast ?? 0);
  slider.value = Number.isFinite(kept) ? kept : 0;
  slider.addEventListener("input", () => {
    keep({ contrast: slider.value === "0" ? "" : slider.value });
    showContrast();
    for (const listener of contrastListeners) listener();
  });
  byId("truth-on").addEventListener("change", showTruth);
  const show = () => { showMeaning(); showTruth(); };
  onPage(show);
  onKnown(show);
  onUnit(showMeaning);
  showContrast();
}
