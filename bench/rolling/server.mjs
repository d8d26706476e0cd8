/**
 * The server of the rolling benchmark, for Node.js. It drains: after SIGTERM or SIGINT it accepts no more connections, answers with
 * `Connection: close`, and exits when no connection is left. Its listener is descriptor LISTENER, or the port PORT.
 */
import { createServer } from "node:http";
import { Server } from "node:net";

const ANSWER_MS = 5;

let isDraining = false;
const server = createServer((_, response) => {
  setTimeout(() => {
    if (isDraining) response.setHeader("Connection", "close");
    response.end(`answered by ${process.pid}\n`);
  }, ANSWER_MS);
});
const { LISTENER, PORT } = process.env;
server.listen(LISTENER === undefined ? { port: Number(PORT), host: "127.0.0.1" } : { fd: Number(LISTENER) }, () => {
  console.log("listening");
  process.send?.("ready"); // PM2 waits for this message
});

function drain() {
  if (isDraining) return;
  isDraining = true;
  // `close` of http.Server would close idle connections at once, when the next request may be on its way.
  Server.prototype.close.call(server, () => process.exit(0));
  setTimeout(() => process.exit(0), 5000).unref();
}
process.on("SIGTERM", drain);
process.on("SIGINT", drain);
