import type { ApiError } from "../../../src/api/contract/errors.ts";
import type * as shape from "../../../src/api/contract/shapes.ts";
import type { Supervisor } from "../../../src/api/server/supervisor.ts";
import { ok, type Result } from "../../../src/base/result.ts";

/** The terminal of every unit shows a prompt to a client, and then its run ends. */
export function fakeTerminal(
  calls: unknown[][],
  find: (id: string) => Result<shape.Service, ApiError>,
): Pick<Supervisor, "attach" | "typeInto"> {
  return {
    async attach(id, client) {
      calls.push(["attach", id, { name: client.name, watches: client.watches, takes: client.takes, size: client.size }]);
      const found = find(id);
      if (!found.ok) return found;
      client.typing({ session: "s1", types: true, typist: client.name });
      client.output(Buffer.from(">>> "));
      client.ended();
      return ok(() => void calls.push(["detach", id]));
    },
    async typeInto(id, { session, bytes, size }) {
      calls.push(["typeInto", id, session, bytes === null ? null : Buffer.from(bytes).toString(), size]);
      return ok(session === "s1" ? "done" : "gone");
    },
  };
}
