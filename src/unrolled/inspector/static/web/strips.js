// The state of a layer as a strip: a cell per unit, with a cursor for pointer and keys.

import { byteOf } from "./colours.js";
import { fixed, make, onKeys, within } from "./dom.js";
import { onScheme, picture } from "./pictures.js";

// A strip that tells of the unit at its cursor through `say(index, value)`, and chooses one through `pick(index)`.
export function strip(title, say, pick) {
  const canvas = make("canvas", { width: 1, height: 1 }), mark = make("b", { hidden: true });
  const bar = make("div", { class: "strip", role: "slider", tabindex: 0, "aria-label": title, "aria-valuemin": 0,
    "aria-valuemax": 0, "aria-valuenow": 0 }, canvas, mark);
  const told = make("span", { class: "dim number" });
  const element = make("div", { class: "strip-line" }, make("span", {}, title), bar, told);
  let values = [], at = 0, scale = { low: -1, high: 1 };

  function tell(to) {
    if (!values.length) return;
    at = within(0, to, values.length - 1);
    mark.hidden = false;
    mark.style.left = `${100 * at / values.length}%`;
    mark.style.width = `${100 / values.length}%`;
    bar.setAttribute("aria-valuenow", at);
    bar.setAttribute("aria-valuetext", `unit ${at}: ${fixed(values[at])}`);
    say(at, values[at]);
  }
  const under = (event) => Math.floor(event.offsetX / bar.clientWidth * values.length);
  const draw = () => picture(canvas, Uint8Array.from(values, (x) => byteOf(scale, x)));
  bar.addEventListener("mousemove", (event) => { if (event.target === canvas) tell(under(event)); });
  bar.addEventListener("mouseleave", () => { mark.hidden = document.activeElement !== bar; });
  bar.addEventListener("blur", () => { mark.hidden = true; });
  bar.addEventListener("focus", () => tell(at));
  bar.addEventListener("click", () => { if (values.length) pick(at); });
  onKeys(bar, {
    ArrowRight: () => tell(at + 1), ArrowUp: () => tell(at + 1), ArrowLeft: () => tell(at - 1),
    ArrowDown: () => tell(at - 1), PageUp: () => tell(at + 10), PageDown: () => tell(at - 10),
    Home: () => tell(0), End: () => tell(values.length - 1), Enter: () => { if (values.length) pick(at); },
  });
  onScheme(draw);
  return {
    element,
    show(next) {
      values = next;
      const most = values.reduce((most, x) => Math.max(most, Math.abs(x)), 1);   // h stays within ±1, c need not
      scale = { low: -most, high: most };
      bar.setAttribute("aria-valuemax", Math.max(0, values.length - 1));
      told.textContent = `±${fixed(most, 1)}`;
      draw();
    },
  };
}
