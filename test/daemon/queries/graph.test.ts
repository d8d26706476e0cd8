import { expect, test } from "bun:test";
import { makeRig } from "../rig.ts";

test("the graph has every unit with its state and start wave, and every dependency with its condition", async () => {
  const { supervisor, stage } = makeRig({
    db: { command: "x" },
    cache: { command: "x", type: "oneshot" },
    web: { command: "x", dependencies: ["db", { unit: "cache", required: false, condition: "succeeded" }] },
    proxy: { command: "x", dependencies: ["web"] },
  });
  stage.start("web");
  const { nodes, edges } = await supervisor.graph();
  const waves = Object.fromEntries(nodes.map(({ id, wave }) => [id, wave]));
  expect(waves).toEqual({ db: 0, cache: 0, web: 1, proxy: 2 });
  expect(nodes.find(({ id }) => id === "db")!.state).toBe("running");
  expect(edges).toContainEqual({ from: "web", to: "cache", condition: "succeeded", required: false });
  expect(edges).toContainEqual({ from: "proxy", to: "web", condition: "ready", required: true });
  expect(edges).toHaveLength(3);
});
