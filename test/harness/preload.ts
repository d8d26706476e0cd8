/** bunfig.toml loads this file before every test file. */
import { afterEach } from "bun:test";
import { throwTroubles } from "./troubles.ts";

throwTroubles();
afterEach(throwTroubles);
