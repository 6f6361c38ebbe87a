// Counts events with pusher-js, and prints "done" after the last one: node pusher_js.js PORT EVENTS
"use strict";

const Pusher = require("pusher-js");

const [port, events] = process.argv.slice(2).map(Number);
const pusher = new Pusher("k", {
  cluster: "x",
  wsHost: "127.0.0.1",
  wsPort: port,
  forceTLS: false,
  enabledTransports: ["ws"],
  enableStats: false,
});

let read = 0;
pusher.subscribe("lobby").bind("lobby-message", ({ seq }) => {
  if (typeof seq !== "number") throw new Error("not decoded");
  read += 1;
  if (read === events) {
    console.log("done");
    pusher.disconnect();
  }
});
