// The event stream: parts of the picture arrive by name, and are kept as they are.

const LONGEST_WAIT_MS = 8000;

/**
 * Follow /events for as long as the page is open.
 * `onParts(parts, now)` is called with all parts after each event, `onOpen(open)` as the connection comes and goes.
 */
export function follow({ onParts, onOpen }) {
  let parts = {};
  let wait = 500;

  function connect() {
    const source = new EventSource("/events");
    source.addEventListener("snapshot", (event) => {
      parts = {};
      wait = 500;
      take(event);
    });
    source.addEventListener("update", take);
    source.addEventListener("error", () => {
      onOpen(false);
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      setTimeout(connect, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    });
  }

  function take(event) {
    const message = JSON.parse(event.data);
    Object.assign(parts, message.parts);
    forget("trend.", parts.tickers?.shown);
    forget("decision.", parts.decisions);
    onOpen(true);
    onParts(parts, message.now);
  }

  function forget(prefix, shown) {
    const kept = new Set((shown ?? []).map((name) => prefix + name));
    for (const name of Object.keys(parts)) if (name.startsWith(prefix) && !kept.has(name)) delete parts[name];
  }

  connect();
}
