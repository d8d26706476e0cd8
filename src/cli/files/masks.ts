import { lstatSync, readlinkSync } from "node:fs";

/** A masked unit keeps its own file of the first directory under this name, so that `unmask` can put it back. */
export const KEPT_SUFFIX = ".masked";

/** True for a link to /dev/null, which masks the unit of its name. */
export const isMask = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true && readlinkSync(path) === "/dev/null";

/** Dangling links exist too. */
export const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
