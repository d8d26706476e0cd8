/** The sockets of sd_notify(3): senders, descriptors and floods. */
import { expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { openEpoll } from "../../../../src/linux/io/epoll.ts";
import { noKeeper } from "../../../../src/linux/keeper/keeper.ts";
import { openSdNotify, sendSdNotify } from "../../../../src/linux/io/sd-notify.ts";
import type { SdNotifyMessage, SdNotifySockets } from "../../../../src/ports/sd-notify.ts";
import { tempDir } from "../../../harness/temp.ts";
import { until } from "../../../harness/until.ts";
import { descriptors, newDescriptors } from "../support.ts";

interface Fixture extends Disposable {
  readonly sockets: SdNotifySockets;
  readonly directory: string;
  readonly received: SdNotifyMessage[];
  open(unit: string, shared?: boolean): string;
}

function fixture(subdirectory = ""): Fixture {
  const temp = tempDir();
  const errors: unknown[] = [];
  const epoll = openEpoll({ onError: (error) => errors.push(error) });
  const directory = join(temp.path, subdirectory, "notify");
  const sockets = openSdNotify({ epoll, keeper: noKeeper, directory, abstractName: (unit) => `sup-test/${process.pid}/${unit}` });
  const received: SdNotifyMessage[] = [];
  const open = (unit: string, shared = false): string => {
    const address = sockets.open(unit, shared, (message) => received.push(message));
    if (!address.ok) throw new Error(address.error);
    return address.value;
  };
  const close = (): void => {
    for (const unit of Object.keys(sockets.all())) sockets.close(unit);
    epoll.close();
    temp[Symbol.dispose]();
    expect(errors).toEqual([]);
  };
  return { sockets, directory, received, open, [Symbol.dispose]: close };
}

const KINDS = ["socket:", "pipe:"];

test("a message has the sender's pid, by path and by abstract name; only the daemon's user may use the path", async () => {
  using b = fixture();
  const path = b.open("web");
  expect(path).toBe(join(b.directory, "web"));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(b.directory).mode & 0o777).toBe(0o700);
  const name = b.open("other", true);
  expect(name).toBe(`@sup-test/${process.pid}/other`);
  expect(sendSdNotify(path, "READY=1")).toBe(true);
  expect(sendSdNotify(name, "STATUS=grüezi")).toBe(true);
  await until(() => b.received.length === 2, { what: "both messages" });
  expect(b.received.toSorted((x, y) => x.text.localeCompare(y.text))).toEqual([
    { pid: process.pid, text: "READY=1" },
    { pid: process.pid, text: "STATUS=grüezi" },
  ]);
});

test("if the path is too long for a socket, the abstract name is used", () => {
  using b = fixture("d".repeat(120));
  expect(b.open("web")).toBe(`@sup-test/${process.pid}/web`);
});

test("opening a unit again keeps the socket and its waiting messages; closing removes the file", () => {
  using b = fixture();
  const path = b.open("web");
  sendSdNotify(path, "READY=1");
  expect(b.open("web")).toBe(path);
  b.sockets.drain("web");
  expect(b.received.map(({ text }) => text)).toEqual(["READY=1"]);
  b.sockets.close("web");
  expect(existsSync(path)).toBe(false);
  expect(sendSdNotify(path, "READY=1")).toBe(false);
});

test("the socket file of a killed daemon is replaced", () => {
  using first = fixture();
  const path = first.open("web");
  const epoll = openEpoll({ onError: () => {} });
  const second = openSdNotify({ epoll, keeper: noKeeper, directory: first.directory, abstractName: (unit) => unit });
  expect(second.open("web", false, () => {})).toEqual({ ok: true, value: path });
  second.close("web");
  epoll.close();
});

test("a message longer than a page is dropped; an empty one is received", () => {
  using b = fixture();
  const path = b.open("web");
  sendSdNotify(path, `STATUS=${"x".repeat(5000)}`);
  sendSdNotify(path, "");
  b.sockets.drain("web");
  expect(b.received.map(({ text }) => text)).toEqual([""]);
});

test("all messages of a flood are received, and no descriptor stays open", async () => {
  using b = fixture();
  const path = b.open("web");
  const before = descriptors(KINDS);
  let sent = 0;
  for (let i = 0; i < 300; i++) sent += Number(sendSdNotify(path, `STATUS=${i}`)); // the kernel's queue may be shorter
  await until(() => b.received.length === sent, { what: `all ${sent} messages` });
  expect(b.received.at(0)?.text).toBe("STATUS=0");
  expect(newDescriptors(before, KINDS)).toEqual([]);
});

const systemdNotify = Bun.which("systemd-notify");
test.if(systemdNotify !== null)("the barrier of the real systemd-notify is released and its descriptor closed", async () => {
  using b = fixture();
  const path = b.open("web");
  const before = descriptors(KINDS);
  const child = Bun.spawn([systemdNotify!, "--ready", "--status=done"], { env: { NOTIFY_SOCKET: path }, stderr: "pipe" });
  expect(await child.exited).toBe(0);
  expect(await new Response(child.stderr).text()).toBe("");
  expect(b.received.map(({ text }) => text).join("\n")).toContain("READY=1");
  await until(() => newDescriptors(before, KINDS).length === 0, { what: "the descriptors to be closed" });
});
