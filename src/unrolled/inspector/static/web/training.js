// The training of the network: the loss by step, and texts generated at some steps.

import { attempt, fetchJson } from "./api.js";
import { spans } from "./colours.js";
import { curves, figure } from "./curve.js";
import { brief, byId, count, debounced, make, onKeys, within } from "./dom.js";
import { run } from "./units.js";

const MILESTONES = 4;                           // previews side by side
const FRAME = 900;                              // ms for each preview while playing
let log = null, chart = null, at = 0, playing = 0;
const box = byId("curve");

const series = (name) =>
  log.points.filter((point) => Number.isFinite(point[name])).map((point) => [point.step, point[name]]);

function draw() {
  if (!log || !box.clientWidth) return;
  const lines = [{ name: "training", kind: "thin", points: series("loss") },
    { name: "validation", kind: "dots", whole: true, points: series("valid_loss") }].filter((line) => line.points.length);
  if (!lines.length) { box.textContent = "This run has no logged losses."; chart = null; return; }
  const best = log.best, marks = best && Number.isFinite(best.loss)
    ? [{ x: best.step, y: best.loss, label: `best ${figure(best.loss)}` }] : [];
  const choices = { log: byId("log-x").checked, all: byId("whole-y").checked };
  chart = curves(lines, { wide: box.clientWidth, unit: `loss in ${run.loss_unit}`, ...choices, marks, steps: milestones() });
  box.replaceChildren(chart.svg);
  byId("whole-y").parentElement.hidden = !chart.cropped && !choices.all;
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

// The steps of at most four previews from the first to the last, which are shown side by side.
function milestones() {
  const last = log.previews.length - 1, most = Math.min(MILESTONES, last + 1);
  return [...new Set(Array.from({ length: most }, (_, n) => Math.round(last * n / Math.max(1, most - 1))))]
    .map((n) => log.previews[n].step);
}

const scored = (step) => {
  const loss = log.points.find((point) => point.step === step)?.valid_loss;
  return `step ${count(step)}${Number.isFinite(loss) ? ` · validation ${figure(loss)}` : ""}`;
};

function showMilestones() {
  const steps = log.previews.length > 1 ? milestones() : [];
  byId("milestones").replaceChildren(...steps.map((step) => {
    const { text } = log.previews.find((preview) => preview.step === step);
    const area = make("div", { class: "coloured box", tabindex: 0, role: "region", "aria-label": scored(step) });
    area.append(spans(Array.from(text), []));
    return make("div", { class: "milestone" }, make("h3", {}, scored(step)), area);
  }));
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
  byId("preview-loss").textContent = scored(step).split(" · ")[1] ?? "";
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
    showMilestones();
    byId("curve-help").hidden = !previews;
    if (previews) showPreview(previews - 1);
  });
}

export function startTraining() {
  for (const [name, value] of Object.entries({ role: "slider", tabindex: 0, "aria-label": "Loss by step",
    "aria-valuemin": 0, "aria-valuemax": 0, "aria-valuenow": 0 })) box.setAttribute(name, value);
  for (const name of ["log-x", "whole-y"]) byId(name).addEventListener("change", draw);
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
