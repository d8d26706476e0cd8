import { describe, expect, test } from "bun:test";
import { AnswerReader } from "../../../src/adapters/probes/http-answer.ts";

interface Told {
  readonly heads: string[];
  readonly body: () => string;
  readonly ends: string[];
}

/** Feeds the parts to a reader, closes the connection if `closes`, and returns what the reader reported. */
function read(parts: readonly string[], { method = "GET", closes = false } = {}): Told {
  const [heads, body, ends]: [string[], string[], string[]] = [[], [], []];
  const reader = new AnswerReader(method, {
    head: ({ status, fields }) => void heads.push(`${status} ${[...fields].map(([name, value]) => `${name}=${value}`).join("; ")}`.trim()),
    body: (part) => void body.push(part.toString("latin1")),
    end: () => void ends.push("end"),
    malformed: (why) => void ends.push(why),
    cut: () => void ends.push("cut"),
  });
  for (const part of parts) reader.feed(Buffer.from(part, "latin1"));
  if (closes) reader.close();
  return { heads, body: () => body.join(""), ends };
}

const told = (parts: readonly string[], options?: Parameters<typeof read>[1]): [string[], string, string[]] => {
  const { heads, body, ends } = read(parts, options);
  return [heads, body(), ends];
};

describe("the body ends", () => {
  test("after as many bytes as Content-Length says, however they arrive", () => {
    const answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello, and more";
    for (let at = 0; at <= answer.length; at++)
      expect(told([answer.slice(0, at), answer.slice(at)])).toEqual([["200 content-length=5; x-a=1, 2"], "hello", ["end"]]);
    expect(told([...answer])).toEqual([["200 content-length=5; x-a=1, 2"], "hello", ["end"]]);
  });

  test("after the last chunk and its trailer, however they arrive", () => {
    const answer =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\nrest";
    for (let at = 0; at <= answer.length; at++)
      expect(told([answer.slice(0, at), answer.slice(at)])).toEqual([["200 transfer-encoding=gzip, Chunked"], "abc0123456789", ["end"]]);
    expect(told([...answer])).toEqual([["200 transfer-encoding=gzip, Chunked"], "abc0123456789", ["end"]]);
  });

  test("when the server closes the connection, if nothing else says where", () => {
    expect(told(["HTTP/1.0 200 OK\n\nab", "c"], { closes: true })).toEqual([["200"], "abc", ["end"]]);
    expect(told(["HTTP/1.0 200 OK\n\nab", "c"])).toEqual([["200"], "abc", []]);
  });

  test("at once for HEAD, 204 and 304", () => {
    expect(told(["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"], { method: "HEAD" })).toEqual([["200 content-length=5"], "", ["end"]]);
    expect(told(["HTTP/1.1 204 No Content\r\n\r\n"])).toEqual([["204"], "", ["end"]]);
    expect(told(["HTTP/1.1 304\r\ncontent-length: 7\r\n\r\n"])).toEqual([["304 content-length=7"], "", ["end"]]);
    expect(told(["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"])).toEqual([["200 content-length=0"], "", ["end"]]);
  });
});

test("interim answers are skipped", () => {
  const answer =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 1\r\n\r\n!";
  expect(told([answer])).toEqual([["201 content-length=1"], "!", ["end"]]);
});

test("an answer that ends too early is cut", () => {
  for (const part of ["", "HT", "HTTP/1.1 200 OK\r\n"]) expect(told([part], { closes: true })).toEqual([[], "", ["cut"]]);
  expect(told(["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab"], { closes: true })).toEqual([["200 content-length=3"], "ab", ["cut"]]);
  expect(read(["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n"], { closes: true }).ends).toEqual(["cut"]);
});

test("what is not HTTP is refused once, with a reason", () => {
  const ends = (...parts: string[]): string[] => read(parts, { closes: true }).ends;
  const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
  expect(ends("SSH-2.0-OpenSSH_9\r\n", "more")).toEqual(["does not speak HTTP"]);
  expect(ends("HTTP/2 200\r\n\r\n")).toEqual(["does not speak HTTP/1.1"]);
  expect(ends("HTTP/1.1 20 OK\r\n\r\n")).toEqual(["does not speak HTTP/1.1"]);
  expect(ends("HTTP/1.1 200 OK\r\ncontent-length: 1, x\r\n\r\n")).toEqual(["sent an invalid Content-Length"]);
  expect(ends("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n")).toEqual(["sent an invalid Content-Length"]);
  expect(ends("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n")).toEqual(["sent an invalid Content-Length"]);
  expect(ends(`${chunked}xyz\r\n`)).toEqual(["sent an invalid chunk"]);
  expect(ends(`${chunked}1\r\nab\r\n`)).toEqual(["sent an invalid chunk"]);
  expect(ends(`${chunked}${"0".repeat(5000)}`)).toEqual(["sent an invalid chunk"]);
  expect(ends(`HTTP/1.1 200 OK\r\nx: ${"a".repeat(70_000)}`)).toEqual(["sent a header of more than 64 KiB"]);
});
