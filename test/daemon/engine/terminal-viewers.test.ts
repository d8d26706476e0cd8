import { expect, test } from "bun:test";
import type { TerminalClient } from "../../../src/api/server/supervisor.ts";
import { TerminalViewers } from "../../../src/daemon/engine/terminal-viewers.ts";
import type { TerminalSize, Terminals } from "../../../src/ports/terminals.ts";
import { fakeTerminals } from "./fakes.ts";

function rig() {
  const acts: string[] = [];
  let tap: ((bytes: Uint8Array) => void) | null = null;
  let isOpen = true;
  const terminals: Terminals = {
    ...fakeTerminals().terminals,
    has: () => isOpen,
    resize: (_, { columns, rows }) => void acts.push(`${columns}x${rows}`),
    type: async (_, bytes) => (acts.push(`type ${Buffer.from(bytes).toString()}`), bytes.length < 10),
  };
  const viewers = new TerminalViewers(terminals, { tap: (_, onBytes) => void (tap = onBytes) });
  const join = (name: string, more: Partial<Pick<TerminalClient, "watches" | "takes" | "size">> = {}) => {
    const received: string[] = [];
    let session = "";
    const leave = viewers.attach("web", {
      ...{ name, watches: false, takes: false, size: null, ...more },
      output: (bytes) => void received.push(Buffer.from(bytes).toString()),
      typing(state) {
        session = state.session;
        received.push(state.types ? "types" : `${state.typist ?? "nobody"} types`);
      },
      ended: () => void received.push("ended"),
    });
    const type = (text: string | null, size: TerminalSize | null = null) =>
      viewers.type("web", session, text === null ? null : Buffer.from(text), size);
    return { received, leave, type };
  };
  return {
    ...{ acts, viewers, join },
    print: (text: string) => tap?.(Buffer.from(text)),
    isTapped: () => tap !== null,
    close: () => void (isOpen = false),
  };
}

test("the first client types, the others look; when it leaves, the next one types", async () => {
  const { acts, join, print } = rig();
  const ann = join("ann", { size: { columns: 80, rows: 24 } });
  const bob = join("bob", { size: { columns: 100, rows: 40 } });
  print("hello");
  expect([ann.received, bob.received]).toEqual([
    ["types", "hello"],
    ["ann types", "hello"],
  ]);
  expect([await ann.type("a"), await bob.type("b"), await bob.type(null, { columns: 90, rows: 30 })]).toEqual(["done", "watching", "done"]);
  ann.leave();
  expect(bob.received.at(-1)).toBe("types");
  expect(await bob.type("c")).toBe("done");
  expect(await ann.type("d")).toBe("gone");
  // The size goes through another one, so that the program draws its screen for the new client.
  expect(acts).toEqual(["80x25", "80x24", "type a", "90x31", "90x30", "type c"]);
});

test("a client that only looks never types; the others are informed when a client takes over", async () => {
  const { join } = rig();
  const cat = join("cat", { watches: true });
  const ann = join("ann");
  const bob = join("bob", { takes: true });
  ann.leave();
  bob.leave();
  expect(cat.received).toEqual(["nobody types", "ann types", "bob types", "nobody types"]);
  expect(await cat.type("x")).toBe("watching");
});

test("a new client gets the end of the output first, and all clients are informed of the end of the run", async () => {
  const { join, print, viewers, isTapped } = rig();
  viewers.follow("web");
  print("x".repeat(10_000));
  print(">>> ");
  const ann = join("ann");
  expect(ann.received[1]).toBe(`${"x".repeat(4092)}>>> `);
  viewers.endOf("web");
  expect([ann.received.at(-1), isTapped(), await ann.type("x")]).toEqual(["ended", false, "gone"]);
  expect(join("bob").received).toEqual(["types"]);
});

test("a program that does not read and a terminal that is gone give different results", async () => {
  const { join, close } = rig();
  const ann = join("ann");
  expect(await ann.type("far too long")).toBe("full");
  close();
  expect(await ann.type("far too long")).toBe("gone");
});

test("before the first run, the size is that of the client that types; the last client that leaves ends everything", () => {
  const { join, viewers, close, isTapped } = rig();
  close();
  expect(viewers.sizeOf("web")).toEqual({ columns: 80, rows: 24 });
  const ann = join("ann", { size: { columns: 120, rows: 50 } });
  expect(viewers.sizeOf("web")).toEqual({ columns: 120, rows: 50 });
  ann.leave();
  expect(isTapped()).toBe(false);
});
