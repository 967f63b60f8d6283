// The page: each event changes parts of the picture; each frame draws what is known.

import { drawBars } from "./bars.js";
import { drawCompanies } from "./companies.js";
import { drawDecisions } from "./decisions.js";
import { byId, element, setText } from "./dom.js";
import { count, percent, plural } from "./format.js";
import { drawConnection } from "./connection.js";
import { follow } from "./stream.js";
import { drawThroughput } from "./throughput.js";
import { drawTiles } from "./tiles.js";

const pause = byId("pause");
let parts = null;
let open = false;
let paused = false;
let scheduled = false;

pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  setText(pause, paused ? "Resume" : "Pause");
  schedule();
});

follow({
  onParts: (all) => {
    parts = all;
    schedule();
  },
  onOpen: (isOpen) => {
    open = isOpen;
    schedule();
  },
});

function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    draw();
  });
}

function draw() {
  drawConnection({ open, paused, parts });
  if (parts === null || paused) return;
  drawTiles(parts);
  drawThroughput(parts.throughput, parts.totals);
  drawIntents(parts.intents);
  drawCompanies(parts);
  drawLists(parts);
  drawDecisions(parts);
}

function drawIntents({ known, total, rows }) {
  drawBars(byId("intents"), rows, {
    empty: "Waiting for messages on `routed-messages`. Start the intent router with `tidings run intents`.",
  });
  const aside = byId("intents-aside");
  const key = element("span", { class: "key", "data-outcome": "triaged" }, element("span", { class: "swatch" }), "sent to triage instead");
  const words = known > rows.length ? `${rows.length} most frequent of ${known}` : plural(total, "message");
  if (aside.dataset.words !== words) {
    aside.dataset.words = words;
    aside.replaceChildren(...(rows.length ? [words, key] : []));
  }
}

function drawLists({ queues, triage, dead_letters: dead }) {
  drawBars(byId("queues"), queues.rows, { empty: "No message was routed yet." });
  setText(byId("queues-aside"), queues.known ? plural(queues.known, "queue") : "");
  const handed = triage.decided ? "No message had to be handed to a person." : "No message was decided yet.";
  drawBars(byId("triage"), triage.rows, { empty: handed });
  setText(byId("triage-aside"), triage.share === null ? "" : `${percent(triage.share)} of ${count(triage.decided)}`);
  drawBars(byId("dead"), dead.rows, { empty: "No dead letters." });
  setText(byId("dead-aside"), dead.total ? `${count(dead.total)} by reason` : "");
}
