/** The sockets of sd_notify(3) by themselves: senders, descriptors, floods, and their life across an execve. */
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

interface Bench extends Disposable {
  readonly sockets: SdNotifySockets;
  readonly directory: string;
  readonly heard: SdNotifyMessage[];
  open(unit: string, shared?: boolean): string;
}

function bench(deeper = ""): Bench {
  const temp = tempDir();
  const errors: unknown[] = [];
  const epoll = openEpoll({ onError: (error) => errors.push(error) });
  const directory = join(temp.path, deeper, "notify");
  const sockets = openSdNotify({ epoll, keeper: noKeeper, directory, abstractName: (unit) => `sup-test/${process.pid}/${unit}` });
  const heard: SdNotifyMessage[] = [];
  const open = (unit: string, shared = false): string => {
    const address = sockets.open(unit, shared, (message) => heard.push(message));
    if (!address.ok) throw new Error(address.error);
    return address.value;
  };
  const close = (): void => {
    for (const unit of Object.keys(sockets.all())) sockets.close(unit);
    epoll.close();
    temp[Symbol.dispose]();
    expect(errors).toEqual([]);
  };
  return { sockets, directory, heard, open, [Symbol.dispose]: close };
}

const KINDS = ["socket:", "pipe:"];

test("a message comes with the sender's pid, by path and by abstract name; the path is the daemon's alone", async () => {
  using b = bench();
  const path = b.open("web");
  expect([path, statSync(path).mode & 0o777, statSync(b.directory).mode & 0o777]).toEqual([join(b.directory, "web"), 0o600, 0o700]);
  const name = b.open("other", true);
  expect(name).toBe(`@sup-test/${process.pid}/other`);
  expect([sendSdNotify(path, "READY=1"), sendSdNotify(name, "STATUS=grüezi")]).toEqual([true, true]);
  await until(() => b.heard.length === 2, { what: "both messages" });
  expect(b.heard.toSorted((x, y) => x.text.localeCompare(y.text))).toEqual([
    { pid: process.pid, text: "READY=1" },
    { pid: process.pid, text: "STATUS=grüezi" },
  ]);
});

test("a path too long for a socket is none: the abstract name does", () => {
  using b = bench("d".repeat(120));
  expect(b.open("web")).toBe(`@sup-test/${process.pid}/web`);
});

test("opened again it is the same socket, and what waits is not lost; closed, its file is gone", () => {
  using b = bench();
  const path = b.open("web");
  sendSdNotify(path, "READY=1");
  expect(b.open("web")).toBe(path);
  b.sockets.drain("web");
  expect(b.heard.map(({ text }) => text)).toEqual(["READY=1"]);
  b.sockets.close("web");
  expect([existsSync(path), sendSdNotify(path, "READY=1")]).toEqual([false, false]);
});

test("the file of a daemon that was killed is in nobody's way", () => {
  using first = bench();
  const path = first.open("web");
  const epoll = openEpoll({ onError: () => {} });
  const second = openSdNotify({ epoll, keeper: noKeeper, directory: first.directory, abstractName: (unit) => unit });
  expect(second.open("web", false, () => {})).toEqual({ ok: true, value: path });
  second.close("web");
  epoll.close();
});

test("a message longer than a page is left out, an empty one is heard", () => {
  using b = bench();
  const path = b.open("web");
  sendSdNotify(path, `STATUS=${"x".repeat(5000)}`);
  sendSdNotify(path, "");
  b.sockets.drain("web");
  expect(b.heard.map(({ text }) => text)).toEqual([""]);
});

test("a flood is taken in all, and holds no descriptors", async () => {
  using b = bench();
  const path = b.open("web");
  const before = descriptors(KINDS);
  let sent = 0;
  for (let i = 0; i < 300; i++) sent += Number(sendSdNotify(path, `STATUS=${i}`)); // the kernel's queue may be shorter
  await until(() => b.heard.length === sent, { what: `all ${sent} messages` });
  expect(b.heard.at(0)?.text).toBe("STATUS=0");
  expect(newDescriptors(before, KINDS)).toEqual([]);
});

const systemdNotify = Bun.which("systemd-notify");
test.if(systemdNotify !== null)("the barrier of the real systemd-notify is released, its descriptor closed", async () => {
  using b = bench();
  const path = b.open("web");
  const before = descriptors(KINDS);
  const child = Bun.spawn([systemdNotify!, "--ready", "--status=done"], { env: { NOTIFY_SOCKET: path }, stderr: "pipe" });
  expect([await child.exited, await new Response(child.stderr).text()]).toEqual([0, ""]);
  expect(b.heard.map(({ text }) => text).join("\n")).toContain("READY=1");
  await until(() => newDescriptors(before, KINDS).length === 0, { what: "the descriptors to be closed" });
});
