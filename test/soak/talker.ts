/**
 * A service that reloads itself, and says so by sd_notify(3), when it is told to: `talker.ts GO DONE`. Each byte that comes
 * through the FIFO GO is worth a hundred reloads, each of which is an event; the file DONE says how many bytes were done.
 */
import { openSync, readSync, writeSync } from "node:fs";
import { sendSdNotify } from "../../src/linux/io/sd-notify.ts";

const address = process.env.NOTIFY_SOCKET ?? "";
const [go, done] = process.argv.slice(2) as [string, string];
const RELOADS = 100;
const orders = openSync(go, "r");
const told = openSync(done, "w");
const token = Buffer.alloc(1);

say("READY=1\nSTATUS=up");
for (let rounds = 0; readSync(orders, token, 0, 1, null) === 1; rounds++) {
  for (let reload = 1; reload <= RELOADS; reload++) {
    say(`RELOADING=1\nSTATUS=reload ${reload} of round ${rounds + 1}`);
    say(`READY=1\nSTATUS=${reload} reloads in round ${rounds + 1}`);
  }
  writeSync(told, String(rounds + 1), 0);
}

/** The daemon's queue is short (net.unix.max_dgram_qlen): wait until it has room. */
function say(message: string): void {
  while (!sendSdNotify(address, message)) Bun.sleepSync(1);
}
