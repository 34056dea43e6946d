// The small box beside a character: the unit's value there, and what the model expects next.

import { byId, make, percent } from "./dom.js";
import { visible } from "./colours.js";

export const WIDTH = 100;                       // of the longest bar, in percent

// A list of symbols with bars as long as their probabilities.
export function bars(list, symbols) {
  list.replaceChildren(...symbols.map(({ symbol, p }) => {
    const bar = make("i");
    bar.style.width = `${Math.max(1, WIDTH * p)}%`;
    return make("li", {}, make("code", {}, make("bdi", {}, visible(symbol))), make("span", {}, percent(p)),
      make("b", {}, bar));
  }));
}

export function showTip(element, head, symbols) {
  const tip = byId("tip"), list = make("ol", { class: "bars" });
  bars(list, symbols);
  tip.replaceChildren(make("p", {}, head), list);
  tip.hidden = false;
  const box = element.getBoundingClientRect(), own = tip.getBoundingClientRect();
  const below = box.bottom + 8 + own.height < innerHeight;
  tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - own.width - 8))}px`;
  tip.style.top = `${below ? box.bottom + 8 : Math.max(8, box.top - own.height - 8)}px`;
}

export function hideTip() { byId("tip").hidden = true; }
