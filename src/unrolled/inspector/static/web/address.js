// The state in the URL fragment: pane, unit, position in the text, sort order of the grid. A link restores it.

const read = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

export const address = read();

export function keep(changes, step = false) {
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") delete address[name];
    else address[name] = String(value);
  }
  const hash = `#${new URLSearchParams(address)}`;
  if (hash !== location.hash) history[step ? "pushState" : "replaceState"](null, "", hash);
}

// Calls `listener` when the user navigates in the history or edits the URL.
export function onAddress(listener) {
  const restore = () => {
    for (const name of Object.keys(address)) delete address[name];
    Object.assign(address, read());
    listener();
  };
  addEventListener("popstate", restore);
}
