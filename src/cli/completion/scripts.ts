import bash from "./sup.bash" with { type: "text" };
import fish from "./sup.fish" with { type: "text" };
import zsh from "./sup.zsh" with { type: "text" };
import type { Shell } from "./shells.ts";

export const SCRIPTS: Readonly<Record<Shell, string>> = { bash, zsh, fish };
