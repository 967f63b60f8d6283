// How the page stands to the dashboard, and the dashboard to Kafka.

import { byId, sentence, setAttribute, setText } from "./dom.js";
import { moment, plural } from "./format.js";

const noticeBox = byId("notice");

/** Say what is connected; where something is not, what to do. */
export function drawConnection({ open, paused, parts }) {
  const feed = parts?.feed;
  const [state, text] = status(open, paused, feed);
  setAttribute(byId("connection"), "data-state", state);
  setText(byId("connection-text"), text);
  showNotice(notice(open, parts), state);
  if (!parts) return;
  setText(byId("since"), feed.start === "earliest" ? "From the earliest record" : `Since ${moment(parts.totals.since)}`);
  const skipped = feed.undecodable ? `, ${plural(feed.undecodable, "unreadable record")} skipped` : "";
  setText(byId("foot-feed"), feed.detail ? `Kafka at ${feed.detail}${skipped}` : "");
}

function status(open, paused, feed) {
  if (!open) return feed ? ["away", "Reconnecting"] : ["connecting", "Connecting"];
  if (feed.state === "away") return ["away", "Kafka is away"];
  if (feed.state === "connecting") return ["waiting", "Connecting to Kafka"];
  if (paused) return ["paused", "Paused"];
  return feed.state === "reading" ? ["live", "Live"] : ["waiting", "Waiting for topics"];
}

function notice(open, parts) {
  if (!parts) return null;
  if (!open) return "The dashboard does not answer. What is shown is the last that was received; the page tries again by itself.";
  const { feed, totals } = parts;
  if (feed.state === "away") return `Kafka at \`${feed.detail}\` does not answer${feed.error ? ` (${feed.error})` : ""}. What is shown is the last that was received; the dashboard tries again by itself.`;
  if (feed.state === "connecting") return null;
  if (Object.values(totals.outcomes).some((outcome) => outcome.total > 0)) return null;
  const missing = feed.missing.map((topic) => `\`${topic}\``).join(", ");
  const wait = missing
    ? `Waiting for ${feed.missing.length === 1 ? "a topic" : "topics"} to be created: ${missing}. \`tidings topics create\` makes them.`
    : "Waiting for messages. `tidings run intents` routes what arrives on `customer-messages`, `tidings run sentiment` scores `news-messages`.";
  return `Connected to Kafka at \`${feed.detail}\`. ${wait}`;
}

function showNotice(text, state) {
  noticeBox.hidden = text === null;
  if (noticeBox.dataset.text === String(text)) return;
  noticeBox.dataset.text = String(text);
  noticeBox.dataset.state = state;
  noticeBox.replaceChildren(...(text === null ? [] : sentence(text)));
}
