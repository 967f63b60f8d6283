// Numbers, times and labels as people read them.

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("en-GB", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });

export const count = (value) => (value < 1e6 ? whole.format(value) : compact.format(value));
export const rate = (value) => (value >= 99.95 ? whole.format(value) : oneDigit.format(value));
export const time = (seconds) => clock.format(seconds * 1000);
export const minute = (seconds) => hour.format(seconds * 1000);

/** A moment: the time alone where it is today's. */
export function moment(seconds) {
  const then = new Date(seconds * 1000);
  return then.toDateString() === new Date().toDateString() ? minute(seconds) : `${day.format(then)} ${minute(seconds)}`;
}

export function percent(share, digits = 1) {
  return `${(share * 100).toFixed(digits)} %`;
}

/** A probability; certainty is not claimed by rounding. */
export function probability(value) {
  if (value > 0.999 && value < 1) return "> 99.9 %";
  return percent(value);
}

/** Seconds as a duration with a fitting unit. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 99.5) return `${seconds.toFixed(seconds < 9.95 ? 2 : 1)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

/** A net sentiment with its sign; a true minus. */
export function signed(value) {
  const shown = Math.abs(value).toFixed(2);
  if (shown === "0.00") return shown;
  return `${value > 0 ? "+" : "−"}${shown}`;
}

/** Which way a net sentiment points. */
export function sign(value) {
  if (Math.abs(value) < 0.005) return "neutral";
  return value > 0 ? "positive" : "negative";
}

export const ARROWS = { positive: "▲", negative: "▼", neutral: "•" };

/** A label in words: `card_arrival` is "Card arrival". */
export function words(label) {
  const spaced = label.replaceAll("_", " ").replaceAll("-", " ").trim();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** A bundle's name with a short digest. */
export function bundle(name) {
  return name.replace(/([0-9a-f]{12})[0-9a-f]{4,}/g, "$1…");
}

/** "1 message", "2 messages". */
export function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}
