// What the colours mean: the caption above the text, the contrast, and the underline where the hypothesis is true.

import { address, keep } from "./address.js";
import { fetchJson, latest } from "./api.js";
import { share } from "./colours.js";
import { byId, fixed, within } from "./dom.js";
import { known, onKnown, sortedBy } from "./hypotheses.js";
import { labelsOf } from "./slices.js";
import { onPage, setContrast, setTruth, shownPage, summary } from "./text.js";
import { onUnit, run, unit } from "./units.js";

const LONGEST = 230;                            // characters of a caption: what fits on three lines
const [fetching, encoding] = [latest(), latest()];
let notes = [];

// What the selected unit encodes best, and how well it encodes the hypothesis that the units are sorted by.
async function loadMeanings() {
  if (!run.recurrences?.length) return;
  const rows = await encoding((signal) => fetchJson("/api/encoded", { params: { ...unit }, signal }))
    .then((reply) => reply?.rows).catch(() => null);
  if (!rows) return;
  const best = rows.find(({ explains }) => explains) ?? rows[0], sorted = rows.find(({ name }) => name === sortedBy());
  notes = best ? [best.meaning] : [known.note ? "no scores: the text is too short"
    : known.state === "scoring" || !known.state ? "not scored yet" : "not scored: no hypothesis can be tested on this text"];
  if (best && sorted && sorted !== best) {
    notes.unshift(sorted.found || sorted.numbers === sorted.meaning ? sorted.meaning : `“${sorted.name}”: ${sorted.numbers}`);
  }
  showMeaning();
}

function showMeaning() {
  const all = [...notes, summary()].filter(Boolean), whole = all.join("; ");
  const text = whole.length > LONGEST && all.length > 2 ? all.slice(0, -1).join("; ") : whole;
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
  onUnit(() => { notes = []; loadMeanings(); });
  onKnown(loadMeanings);
  showContrast();
}
