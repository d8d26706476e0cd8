/** The sockets that the daemon holds for its services: the files of unix sockets, and what is said about units that ignore them. */
import { describe, expect, test } from "bun:test";
import { SocketHolder } from "../../../src/daemon/engine/socket-holder.ts";
import type { Launch } from "../../../src/daemon/engine/launcher.ts";
import type { ListenAddress } from "../../../src/spec/schema/listen.ts";
import { makeSpec } from "../../core/fixtures.ts";
import { fakeSockets } from "./fakes.ts";

const LAUNCH = { env: {}, specifiers: {} } as unknown as Launch;

/** One unix socket `/web.sock` of a service with `instances`. `files` says which file has its name; null means none. */
function holding(instance: number | null = 1) {
  const fake = fakeSockets();
  const state = { file: "a" as string | null, hasLink: true, listeners: [] as Array<() => void> };
  const sockets = {
    ...fake.sockets,
    listen: (address: ListenAddress, reusePort: boolean) => {
      state.file = `file ${fake.acts.push("listen")}`;
      return fake.sockets.listen(address, reusePort);
    },
    fileOf: () => state.file,
    linkAgain: () => true,
    restoreFile: () => {
      fake.acts.push("restore");
      if (state.hasLink) state.file = "file 1";
      return state.hasLink;
    },
    watchFile: (_: ListenAddress, callback: () => void) => {
      state.listeners.push(callback);
      return () => void state.listeners.splice(0);
    },
  };
  const holder = new SocketHolder(sockets, fake.keeper);
  const name = instance === null ? "web" : `web@${instance}`;
  const spec = makeSpec(name, {
    service: "web",
    instance,
    sockets: [{ name: "http", listen: "/web.sock", reusePort: false, nonBlocking: false }],
  });
  const open = (): number => {
    const held = holder.open(spec, LAUNCH);
    if (!held.ok) throw new Error(held.error);
    return held.value[0]!.fd;
  };
  return { fake, state, holder, open };
}

describe("the file of a unix socket", () => {
  test("is restored as soon as it is deleted, and the listener stays the same", () => {
    const { fake, state, open } = holding();
    const fd = open();
    state.file = null;
    for (const changed of state.listeners) changed();
    expect(open()).toBe(fd);
    expect(state).toMatchObject({ file: "file 1" });
    expect(fake.acts).toEqual(["listen", "keeper keeps socket web 0 /web.sock", "restore"]);
  });

  test("is restored by the next start if another file has its name", () => {
    const { state, open } = holding();
    const fd = open();
    state.file = "a stranger";
    expect(open()).toBe(fd);
    expect(state.file).toBe("file 1");
  });

  test("without a second link gets a new listener, and the old one keeps listening for the units that have it", () => {
    const { fake, state, open } = holding();
    const fd = open();
    state.file = null;
    state.hasLink = false;
    fake.acts.splice(0);
    expect(open()).not.toBe(fd);
    expect(fake.acts).toEqual(["restore", "listen", `drop ${fd}`, "keeper keeps socket web 0 /web.sock"]);
  });

  test("of a plain unit has no second link and is not watched", () => {
    const { fake, state, open } = holding(null);
    open();
    expect(state.listeners).toEqual([]);
    state.file = null;
    open();
    expect(fake.acts).not.toContain("restore");
  });

  test("is not watched any more after the release", () => {
    const { state, holder, open } = holding();
    open();
    holder.release("web");
    expect(state.listeners).toEqual([]);
    expect(holder.of("web")).toEqual([]);
  });
});

describe("why a unit does not use its sockets", () => {
  const why = (use: ReturnType<typeof fakeSockets>["use"], mayWait = false): string | null => {
    const { fake, holder, open } = holding();
    open();
    fake.use = use;
    return holder.whyUnused("web", [1], mayWait);
  };

  test.each<[string, ReturnType<typeof fakeSockets>["use"], string | null]>([
    ["it uses them", { kind: "used" }, null],
    ["nothing is known", { kind: "unknown" }, null],
    ["it has closed them", { kind: "closed" }, "no process of the unit has the socket /web.sock open, which it gets from descriptor 3 on"],
    [
      "it listens elsewhere",
      { kind: "unused", instead: ["*:4711", "/run/own.sock"] },
      "the unit does not accept connections from the socket /web.sock, which it gets from descriptor 3 on; it listens on *:4711, /run/own.sock instead",
    ],
    [
      "it does not listen yet",
      { kind: "unused", instead: [] },
      "the unit does not accept connections from the socket /web.sock, which it gets from descriptor 3 on",
    ],
  ])("%s", (_, use, words) => expect(why(use)).toBe(words));

  test("a unit that may wait only needs to have them open", () => {
    expect(why({ kind: "unused", instead: [] }, true)).toBeNull();
    expect(why({ kind: "closed" }, true)).not.toBeNull();
  });

  test("a service without sockets has nothing to use", () => {
    const { holder } = holding();
    expect(holder.whyUnused("web", [1], false)).toBeNull();
  });
});

test("a watch of several sockets reports the first connection only, and ends", () => {
  const fake = fakeSockets();
  const watched = new Map<number, () => void>();
  const sockets = {
    ...fake.sockets,
    watch: (fd: number, callback: () => void) => {
      watched.set(fd, callback);
      return () => void watched.delete(fd);
    },
  };
  const holder = new SocketHolder(sockets, fake.keeper);
  const both = ["127.0.0.1:80", "127.0.0.1:81"].map((listen, at) => ({ name: `s${at}`, listen, reusePort: false, nonBlocking: false }));
  holder.open(makeSpec("web", { sockets: both }), LAUNCH);
  let connections = 0;
  holder.watch("web", () => connections++);
  expect(watched.size).toBe(2);
  [...watched.values()][1]!();
  expect([connections, watched.size]).toEqual([1, 0]);
  holder.watch("web", () => connections++)();
  expect([connections, watched.size]).toEqual([1, 0]);
});
