import { expect, test } from "bun:test";
import { Invocations } from "../../../src/daemon/engine/invocations.ts";
import { tempDir } from "../../harness/temp.ts";

test("the next daemon names runs as this one does, also when the store is lost; after a boot no name comes again", () => {
  using dir = tempDir();
  const problems: string[] = [];
  const kept = new Map<string, string>([["boot-id", "one"]]);
  const store = { get: (key: string) => kept.get(key) ?? null, set: (key: string, value: string) => void kept.set(key, value) };
  const start = (boot: string): Invocations => new Invocations(store, boot, dir.path, (message) => problems.push(message));
  const first = start("one");
  const name = first.of("web", 1);
  expect(name).toMatch(/^[0-9a-f]{32}$/);
  expect(first.of("web", 2)).not.toBe(name);
  expect(start("one").of("web", 1)).toBe(name);
  kept.clear();
  expect(start("one").of("web", 1)).toBe(name);
  kept.set("boot-id", "one");
  const booted = start("two");
  expect(booted.of("web", 1)).not.toBe(name);
  expect(booted.runOf("web", name)).toBeNull();
  kept.set("boot-id", "two"); // once the units were recalled
  expect(start("two").of("web", 1)).toBe(booted.of("web", 1));
  kept.clear();
  expect(start("two").of("web", 1)).toBe(booted.of("web", 1));
  expect(problems).toEqual([]);
});
