/**
 * Sends requests to a port until its standard input ends, and then prints a report as JSON. It is a process of its own, so that it
 * can enter the network of a sandbox. usage: client PORT
 */
import { startLoad } from "./load.ts";

const load = startLoad(Number(process.argv[2]));
await Bun.stdin.text();
console.log(JSON.stringify(await load.stop()));
