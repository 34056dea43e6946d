// The tooltip of a character: the unit's value there, and the model's predictions.

import { byId, make, percent } from "./dom.js";
import { visible } from "./colours.js";

export const WIDTH = 100;                       // the longest bar, in percent

// Fills a list with tokens and bars proportional to their probabilities.
export function bars(list, tokens) {
  list.replaceChildren(...tokens.map(({ symbol, p }) => {
    const bar = make("i");
    bar.style.width = `${Math.max(1, WIDTH * p)}%`;
    return make("li", {}, make("code", {}, make("bdi", {}, visible(symbol))), make("span", {}, percent(p)),
      make("b", {}, bar));
  }));
}

export function showTip(element, head, tokens) {
  const tip = byId("tip"), list = make("ol", { class: "bars" });
  bars(list, tokens);
  tip.replaceChildren(make("p", {}, head), list);
  tip.hidden = false;
  const box = element.getBoundingClientRect(), size = tip.getBoundingClientRect();
  const below = box.bottom + 8 + size.height < innerHeight;
  tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - size.width - 8))}px`;
  tip.style.top = `${below ? box.bottom + 8 : Math.max(8, box.top - size.height - 8)}px`;
}

export function hideTip() { byId("tip").hidden = true; }
