// The state of a layer as a strip: a field per unit, with a cursor for pointer and keys. Values beyond ±1, such as those
// of an LSTM's c, are coloured by their tanh, so that a few large ones do not leave the others white.

import { byteOf } from "./colours.js";
import { brief, fixed, make, onKeys, within } from "./dom.js";
import { onScheme, picture } from "./pictures.js";

const scale = { low: -1, high: 1 };

// A strip that calls `onCursor(index, value)` when its cursor moves, and `onPick(index)` when a unit is selected.
export function strip(title, onCursor, onPick) {
  const canvas = make("canvas", { width: 1, height: 1 }), mark = make("b", { hidden: true });
  const bar = make("div", { class: "strip", role: "slider", tabindex: 0, "aria-label": title, "aria-valuemin": 0,
    "aria-valuemax": 0, "aria-valuenow": 0 }, canvas, mark);
  const range = make("span", { class: "dim number" });
  const element = make("div", { class: "strip-line" }, make("span", {}, title), bar, range);
  let values = [], at = 0, squash = (x) => x;

  function moveTo(to) {
    if (!values.length) return;
    at = within(0, to, values.length - 1);
    mark.hidden = false;
    mark.style.left = `${100 * at / values.length}%`;
    mark.style.width = `${100 / values.length}%`;
    bar.setAttribute("aria-valuenow", at);
    bar.setAttribute("aria-valuetext", `unit ${at}: ${fixed(values[at])}`);
    onCursor(at, values[at]);
  }
  const under = (event) => Math.floor(event.offsetX / bar.clientWidth * values.length);
  const draw = () => picture(canvas, Uint8Array.from(values, (x) => byteOf(scale, squash(x))));
  bar.addEventListener("mousemove", (event) => { if (event.target === canvas) moveTo(under(event)); });
  bar.addEventListener("mouseleave", () => { mark.hidden = document.activeElement !== bar; });
  bar.addEventListener("blur", () => { mark.hidden = true; });
  bar.addEventListener("focus", () => moveTo(at));
  bar.addEventListener("click", () => { if (values.length) onPick(at); });
  onKeys(bar, {
    ArrowRight: () => moveTo(at + 1), ArrowUp: () => moveTo(at + 1), ArrowLeft: () => moveTo(at - 1),
    ArrowDown: () => moveTo(at - 1), PageUp: () => moveTo(at + 10), PageDown: () => moveTo(at - 10),
    Home: () => moveTo(0), End: () => moveTo(values.length - 1), Enter: () => { if (values.length) onPick(at); },
  });
  onScheme(draw);
  return {
    element,
    show(next) {
      values = next;
      const most = values.reduce((most, x) => Math.max(most, Math.abs(x)), 1);   // h is within ±1, c may exceed it
      squash = most > 1 ? Math.tanh : (x) => x;
      bar.setAttribute("aria-valuemax", Math.max(0, values.length - 1));
      range.textContent = most > 1 ? `tanh, ±${brief(most)}` : "±1";
      draw();
    },
  };
}
