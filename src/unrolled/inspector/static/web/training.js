// How the network was trained: the loss, and what it wrote on the way.

import { ask, attempt } from "./api.js";
import { spans } from "./colours.js";
import { curves, figure } from "./curve.js";
import { brief, byId, count, debounced, onKeys, within } from "./dom.js";
import { run } from "./units.js";

const FRAME = 900;                              // ms that a preview stands while they play
let got = null, chart = null, at = 0, playing = 0;
const box = byId("curve");

const series = (name) => got.points.filter((one) => Number.isFinite(one[name])).map((one) => [one.step, one[name]]);

function draw() {
  if (!got || !box.clientWidth) return;
  const lines = [{ name: "training", kind: "thin", points: series("loss") },
    { name: "validation", kind: "dots", points: series("valid_loss") }].filter((one) => one.points.length);
  if (!lines.length) { box.textContent = "This run kept no losses."; chart = null; return; }
  const best = got.best, marks = best && Number.isFinite(best.loss)
    ? [{ x: best.step, y: best.loss, told: `best ${figure(best.loss)}` }] : [];
  chart = curves(lines, { wide: box.clientWidth, unit: run.loss_unit, log: byId("log-x").checked, marks });
  box.replaceChildren(chart.svg);
  chart.mark(got.previews.length ? got.previews[Number(byId("preview").value)].step : null);
}

const NAMES = { loss: "training", valid_loss: "validation", lr: "learning rate", grad_norm: "gradient" };
const FIGURES = { loss: figure, valid_loss: figure };
function read(to) {
  at = within(0, to, got.points.length - 1);
  const one = got.points[at], told = Object.entries(NAMES).filter(([name]) => Number.isFinite(one[name]))
    .map(([name, called]) => `${called} ${(FIGURES[name] ?? brief)(one[name])}`);
  const said = `step ${count(one.step)}: ${told.join(", ")}`;
  byId("curve-said").textContent = said;
  box.setAttribute("aria-valuenow", at);
  box.setAttribute("aria-valuetext", said);
  chart?.point(one.step);
}

function nearest(x) {                           // the point under a pixel
  const far = got.points.map((one) => Math.abs(chart.toX(one.step) - x));
  return far.indexOf(Math.min(...far));
}

function showPreview(n) {
  const one = got.previews[n];
  byId("preview").value = n;
  byId("preview").setAttribute("aria-valuetext", `step ${one.step}`);
  byId("preview-said").textContent = `step ${count(one.step)}`;
  byId("preview-text").replaceChildren(spans(Array.from(one.text), []));
  chart?.mark(one.step);
}

function stop() {
  clearInterval(playing);
  playing = 0;
  byId("play").textContent = "▶ play";
}

function play() {
  if (playing) { stop(); return; }
  const last = got.previews.length - 1;
  let n = Number(byId("preview").value);
  if (n >= last) n = -1;
  showPreview(++n);
  byId("play").textContent = "■ stop";
  playing = setInterval(() => {
    if (n >= last) { stop(); return; }
    showPreview(++n);
  }, FRAME);
}

function load() {
  byId("curve-said").textContent = "reading …";
  return attempt("training", async () => {
    got = await ask("/api/training");
    byId("curve-said").textContent = got.points.length ? "Point at the curve, or use the arrow keys on it." : "";
    box.setAttribute("aria-valuemax", Math.max(0, got.points.length - 1));
    const previews = got.previews.length;
    byId("previews").hidden = !previews;
    byId("preview").max = Math.max(0, previews - 1);
    draw();
    if (previews) showPreview(0);
  });
}

export function startTraining() {
  for (const [name, one] of Object.entries({ role: "slider", tabindex: 0, "aria-label": "Loss by step",
    "aria-valuemin": 0, "aria-valuemax": 0, "aria-valuenow": 0 })) box.setAttribute(name, one);
  byId("log-x").addEventListener("change", draw);
  byId("preview").addEventListener("input", (event) => { stop(); showPreview(Number(event.target.value)); });
  byId("play").addEventListener("click", play);
  box.addEventListener("mousemove", (event) => {
    if (chart && got.points.length) read(nearest(event.clientX - box.getBoundingClientRect().left));
  });
  box.addEventListener("mouseleave", () => { if (document.activeElement !== box) chart?.point(null); });
  const step = (by) => () => { if (got?.points.length) read(at + by); };
  onKeys(box, {
    ArrowRight: step(1), ArrowUp: step(1), ArrowLeft: step(-1), ArrowDown: step(-1),
    PageUp: step(20), PageDown: step(-20), Home: step(-Infinity), End: step(Infinity),
  });
  addEventListener("resize", debounced(100, draw));
}

export function openTraining() { if (got) draw(); else load(); }
export const closeTraining = stop;
