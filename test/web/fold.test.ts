import { expect, test } from "bun:test";
import { findService, foldRows } from "../../src/web/fold.ts";
import { aService } from "../api/server/fake.ts";

const unit = (number: number) => aService(`web@${number}`, { service: "web", instance: number });
const UNITS = [aService("db"), unit(1), unit(2)];

test("a service with several units is one row, and opened it has its units below", () => {
  const rows = (isOpen: boolean) => foldRows(UNITS, () => isOpen).map(({ service, fold }) => `${service.id} ${fold}`);
  expect(rows(false)).toEqual(["db plain", "web closed"]);
  expect(rows(true)).toEqual(["db plain", "web open", "web@1 inner", "web@2 inner"]);
});

test("a service is found by its name, a unit by its id", () => {
  const all = new Map(UNITS.map((service) => [service.id, service]));
  expect(findService(all, "web")).toMatchObject({ id: "web", ready: 2, wanted: 2 });
  expect(findService(all, "web@2")).toBe(UNITS[2]);
  expect(findService(all, "nobody")).toBeUndefined();
});
