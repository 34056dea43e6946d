// What the page's address keeps after its #: pane, unit, place in the text, order of the grid. A link leads there.

const read = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

export const address = read();

export function keep(changes, step = false) {
  for (const [name, one] of Object.entries(changes)) {
    if (one === null || one === undefined || one === "") delete address[name];
    else address[name] = String(one);
  }
  const hash = `#${new URLSearchParams(address)}`;
  if (hash !== location.hash) history[step ? "pushState" : "replaceState"](null, "", hash);
}

// `work` is done when the reader goes back, or changes the address by hand.
export function onAddress(work) {
  const go = () => {
    for (const name of Object.keys(address)) delete address[name];
    Object.assign(address, read());
    work();
  };
  addEventListener("popstate", go);
}
