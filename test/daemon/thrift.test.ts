import { expect, test } from "bun:test";
import { Thrift } from "../../src/daemon/thrift.ts";

const MB = 1_000_000;
const looks = (heaps: readonly number[]): boolean[] => {
  const thrift = new Thrift();
  return heaps.map((mb, second) => thrift.look(second * 5000, mb * MB));
};

test("a heap that has grown by much is collected, one that stays as it is never", () => {
  expect(looks([20, 24, 31, 36])).toEqual([false, false, false, true]);
  expect(looks(Array.from({ length: 1000 }, () => 20)).includes(true)).toBe(false);
});

test("what stays after collections is taken for what is alive, in time", () => {
  const asked = looks(Array.from({ length: 200 }, (_, n) => (n === 0 ? 20 : 60)));
  expect(asked.slice(1, 10)).toEqual(Array.from({ length: 9 }, () => true));
  expect(asked.slice(100).includes(true)).toBe(false);
});

test("collections take a hundredth of the time at most", () => {
  const thrift = new Thrift();
  thrift.look(0, 20 * MB);
  expect(thrift.look(5000, 90 * MB)).toBe(true);
  thrift.took(100, 5100);
  expect([thrift.look(10_000, 90 * MB), thrift.look(15_099, 90 * MB), thrift.look(15_100, 90 * MB)]).toEqual([false, false, true]);
});
