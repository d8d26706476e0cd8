/** `bun run torture [--kills=100] [--reexecs=50] [--seed=N]` */
import { torture } from "./torture.ts";

const option = (name: string, otherwise: number): number =>
  Number(process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise);

const seed = option("seed", Math.floor(Math.random() * 2 ** 31));
const plan = { kills: option("kills", 100), reexecs: option("reexecs", 50), seed };
console.log(`torture: ${plan.kills} kills, ${plan.reexecs} re-execs, seed ${seed}`);
const began = performance.now();
const { faults, lines, runsOfLooper } = await torture(plan);
console.log(`${lines} lines, ${runsOfLooper} runs of the crash-looper, ${Math.round((performance.now() - began) / 1000)} s`);
for (const fault of faults) console.log(`FAULT ${fault}`);
process.exit(faults.length === 0 ? 0 : 1);
