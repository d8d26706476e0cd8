/**
 * A service that reloads itself on request and reports it by sd_notify(3): `talker.ts GO DONE`. Each byte from the FIFO GO
 * requests a hundred reloads, each of which is an event; the file DONE holds the number of bytes handled.
 */
import { openSync, readSync, writeSync } from "node:fs";
import { sendSdNotify } from "../../src/linux/io/sd-notify.ts";

const address = process.env.NOTIFY_SOCKET ?? "";
const [go, done] = process.argv.slice(2) as [string, string];
const RELOADS = 100;
const orders = openSync(go, "r");
const report = openSync(done, "w");
const token = Buffer.alloc(1);

notify("READY=1\nSTATUS=up");
for (let rounds = 0; readSync(orders, token, 0, 1, null) === 1; rounds++) {
  for (let reload = 1; reload <= RELOADS; reload++) {
    notify(`RELOADING=1\nSTATUS=reload ${reload} of round ${rounds + 1}`);
    notify(`READY=1\nSTATUS=${reload} reloads in round ${rounds + 1}`);
  }
  writeSync(report, String(rounds + 1), 0);
}

/** The daemon's queue is short (net.unix.max_dgram_qlen): wait until it has room. */
function notify(message: string): void {
  while (!sendSdNotify(address, message)) Bun.sleepSync(1);
}
