import { ptr } from "bun:ffi";
import { errnoName } from "../../base/errno.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { IdentitySpec } from "../../spec/spec.ts";
import { errno, libc, O } from "../ffi/libc.ts";
import { credentialsOf } from "../spawn/users.ts";
import { withIdsOf } from "./rights.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
/** The size of sun_path in struct sockaddr_un, including the terminating zero byte (unix(7)). */
const PATH_BYTES = 108;

/**
 * Connects to a unix socket as the unit's user. Otherwise a unit of root's daemon could use the daemon to reach a socket that its
 * user cannot reach. The server also sees that user as its client (SO_PEERCRED). Returns a connected, non-blocking descriptor.
 * Returns null if the unit runs as the daemon's own user; the caller then connects as usual. The error is an errno name or a few
 * words.
 */
export function connectAs(path: string, identity: Pick<IdentitySpec, "user" | "group">): Result<number | null, string> {
  if (libc.geteuid() !== 0) return ok(null);
  const credentials = credentialsOf(identity);
  if (!credentials.ok) return err(`there is no ${credentials.error}`);
  if (credentials.value.uid === null && credentials.value.gid === null) return ok(null);
  const name = Buffer.from(path);
  if (name.length >= PATH_BYTES) return err("ENAMETOOLONG");
  const address = Buffer.alloc(2 + name.length + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  const fd = libc.socket(AF_UNIX, SOCK_STREAM | O.NONBLOCK | O.CLOEXEC, 0);
  if (fd < 0) return err(errnoName(errno()));
  const problem = withIdsOf(credentials.value, () => (libc.connect(fd, ptr(address), address.length) === 0 ? 0 : errno()));
  if (problem === 0) return ok(fd);
  libc.close(fd);
  return err(problem === EAGAIN ? "its queue of connections is full" : errnoName(problem));
}

const EAGAIN = 11;
