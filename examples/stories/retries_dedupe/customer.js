// A customer: orders what it is told to on standard input, one JSON value a line, and says what becomes of it.
// node customer.js URL RETRIES ACK_TIMEOUT_MS
"use strict";

const readline = require("node:readline");
const { io } = require("socket.io-client");

const [url, retries, ackTimeout] = process.argv.slice(2);
const socket = io(url, {
  transports: ["websocket"],
  retries: Number(retries), // sends again so often: one event at a time, the others wait
  ackTimeout: Number(ackTimeout), // for each of these sends
  reconnectionDelay: 50,
  randomizationFactor: 0,
});
const say = (event, id, receipt) => console.log(JSON.stringify({ event, id, receipt }));

socket.on("connect", () => say("connected"));

const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const id = JSON.parse(line);
  socket.emit("order", { id }, (error, receipt) => say(error ? "failed" : "acknowledged", id, receipt));
  say("placed", id);
});
lines.on("close", () => socket.disconnect());
