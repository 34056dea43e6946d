// The training of the network: the loss by step, and texts generated at some steps.

import { attempt, fetchJson } from "./api.js";
import { spans } from "./colours.js";
import { curves, figure } from "./curve.js";
import { brief, byId, count, debounced, onKeys, within } from "./dom.js";
import { run } from "./units.js";

const FRAME = 900;                              // ms for each preview while playing
let log = null, chart = null, at = 0, playing = 0;
const box = byId("curve");

const series = (name) =>
  log.points.filter((point) => Number.isFinite(point[name])).map((point) => [point.step, point[name]]);

function draw() {
  if (!log || !box.clientWidth) return;
  const lines = [{ name: "training", kind: "thin", points: series("loss") },
    { name: "validation", kind: "dots", points: series("valid_loss") }].filter((line) => line.points.length);
  if (!lines.length) { box.textContent = "This run has no logged losses."; chart = null; return; }
  const best = log.best, marks = best && Number.isFinite(best.loss)
    ? [{ x: best.step, y: best.loss, label: `best ${figure(best.loss)}` }] : [];
  chart = curves(lines, { wide: box.clientWidth, unit: run.loss_unit, log: byId("log-x").checked, marks });
  box.replaceChildren(chart.svg);
  chart.mark(log.previews.length ? log.previews[Number(byId("preview").value)].step : null);
}

const NAMES = { loss: "training", valid_loss: "validation", lr: "learning rate", grad_norm: "gradient norm" };
const FIGURES = { loss: figure, valid_loss: figure };
function showPoint(to) {
  at = within(0, to, log.points.length - 1);
  const point = log.points[at], metrics = Object.entries(NAMES).filter(([name]) => Number.isFinite(point[name]))
    .map(([name, label]) => `${label} ${(FIGURES[name] ?? brief)(point[name])}`);
  const message = `step ${count(point.step)}: ${metrics.join(", ")}`;
  byId("curve-result").textContent = message;
  box.setAttribute("aria-valuenow", at);
  box.setAttribute("aria-valuetext", message);
  chart?.point(point.step);
}

function nearest(x) {                           // the point nearest to a pixel
  const distances = log.points.map(({ step }) => Math.abs(chart.toX(step) - x));
  return distances.indexOf(Math.min(...distances));
}

function showPreview(n) {
  const { step, text } = log.previews[n];
  byId("preview").value = n;
  byId("preview").setAttribute("aria-valuetext", `step ${step}`);
  byId("preview-result").textContent = `step ${count(step)}`;
  byId("preview-text").replaceChildren(spans(Array.from(text), []));
  chart?.mark(step);
}

function stop() {
  clearInterval(playing);
  playing = 0;
  byId("play").textContent = "▶ play";
}

function play() {
  if (playing) { stop(); return; }
  const last = log.previews.length - 1;
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
  byId("curve-result").textContent = "loading …";
  return attempt("training", async () => {
    log = await fetchJson("/api/training");
    byId("curve-result").textContent = log.points.length ? "Point at the curve, or focus it and use the arrow keys." : "";
    box.setAttribute("aria-valuemax", Math.max(0, log.points.length - 1));
    const previews = log.previews.length;
    byId("previews").hidden = !previews;
    byId("preview").max = Math.max(0, previews - 1);
    draw();
    if (previews) showPreview(0);
  });
}

export function startTraining() {
  for (const [name, value] of Object.entries({ role: "slider", tabindex: 0, "aria-label": "Loss by step",
    "aria-valuemin": 0, "aria-valuemax": 0, "aria-valuenow": 0 })) box.setAttribute(name, value);
  byId("log-x").addEventListener("change", draw);
  byId("preview").addEventListener("input", (event) => { stop(); showPreview(Number(event.target.value)); });
  byId("play").addEventListener("click", play);
  box.addEventListener("mousemove", (event) => {
    if (chart && log.points.length) showPoint(nearest(event.clientX - box.getBoundingClientRect().left));
  });
  box.addEventListener("mouseleave", () => { if (document.activeElement !== box) chart?.point(null); });
  const step = (by) => () => { if (log?.points.length) showPoint(at + by); };
  onKeys(box, {
    ArrowRight: step(1), ArrowUp: step(1), ArrowLeft: step(-1), ArrowDown: step(-1),
    PageUp: step(20), PageDown: step(-20), Home: step(-Infinity), End: step(Infinity),
  });
  addEventListener("resize", debounced(100, draw));
}

export function openTraining() { if (log) draw(); else load(); }
export const closeTraining = stop;
