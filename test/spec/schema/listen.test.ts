import { describe, expect, test } from "bun:test";
import { parseListen } from "../../../src/spec/schema/listen.ts";
import { bad } from "../fixtures.ts";

describe("addresses of sockets", () => {
  const v6 = (...tail: number[]): number[] => [...new Array<number>(16 - tail.length).fill(0), ...tail];
  test.each([
    ["127.0.0.1:8080", { family: "inet", host: [127, 0, 0, 1], port: 8080 }],
    ["localhost:80", { family: "inet", host: [127, 0, 0, 1], port: 80 }],
    ["[::1]:80", { family: "inet6", host: v6(1), port: 80 }],
    ["[fe80::1:2]:1", { family: "inet6", host: [0xfe, 0x80, ...v6(0, 1, 0, 2).slice(2)], port: 1 }],
    ["*:80", { family: "inet6", host: v6(), port: 80 }],
    ["/run/web.sock", { family: "unix", path: "/run/web.sock" }],
  ])("%s", (text, address) => expect(parseListen(text)).toEqual({ ok: true, value: address as never }));

  test.each([
    "8080",
    "web:80",
    "127.0.0.1",
    "127.0.0.256:80",
    "1.2.3:80",
    "[::1::]:80",
    "[1:2]:80",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "web.sock",
    `/${"x".repeat(107)}`,
  ])("%s is not an address", (text) => expect(parseListen(text).ok).toBe(false));

  test("a unit with a wrong address is refused with its position", () => {
    const problems = bad({ command: "/bin/true", sockets: [{ name: "http", listen: "web:80" }] });
    expect(problems[0]).toMatchObject({ key: "sockets[0].listen", message: expect.stringContaining("is not an address") });
  });
});
