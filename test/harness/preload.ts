/** Loaded before every test file (bunfig.toml). */
import { afterEach } from "bun:test";
import { throwTroubles } from "./troubles.ts";

throwTroubles();
afterEach(throwTroubles);
