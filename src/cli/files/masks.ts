import { lstatSync, readlinkSync } from "node:fs";

/**
 * The suffix that `mask` adds to the name of the unit's file in the first directory of the unit path. `unmask` restores the file.
 */
export const KEPT_SUFFIX = ".masked";

/** Returns true if the path is a link to /dev/null. Such a link masks the unit with the same name. */
export const isMask = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true && readlinkSync(path) === "/dev/null";

/** Returns true if the path exists, even as a dangling link. */
export const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
