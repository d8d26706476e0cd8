/** Which sockets the daemon watches for services that run on demand. */
import { expect, test } from "bun:test";
import type { WorldEvent } from "../../../src/core/world/world.ts";
import { ConnectionWatch } from "../../../src/daemon/engine/connection-watch.ts";
import type { Held } from "../../../src/daemon/engine/socket-holder.ts";
import { makeSpec } from "../../core/fixtures.ts";
import { Stage } from "../../core/world/stage.ts";

const SCALING = {
  ...{ min: 0, max: 1, metrics: [], tolerance: 0, upAfterMs: 0, downAfterMs: 0, idleAfterMs: 60_000 },
  ...{ maxStepUp: { count: 1, percent: 0 }, maxStepDown: { count: 1, percent: 0 } },
};
const WEB = makeSpec("web@1", { service: "web", instance: 1, instances: 1, scaling: SCALING });

/** A service whose sockets are opened and watched by fakes. `connects` is the call of the kernel, or null if nobody watches. */
function watching() {
  const stage = new Stage([WEB, makeSpec("db")]);
  const scene = { stage, posted: [] as WorldEvent[], connects: null as (() => void) | null, canOpen: true, held: [] as readonly Held[] };
  const watch = new ConnectionWatch({
    world: stage.world,
    sockets: {
      of: () => scene.held,
      watch: (_, callback) => {
        scene.connects = () => {
          scene.connects = null;
          callback();
        };
        return () => void (scene.connects = null);
      },
    },
    interpreter: { holdSockets: () => scene.canOpen },
    post: (...events) => void scene.posted.push(...events),
  });
  const handle = stage.handle.bind(stage);
  stage.handle = (event) => {
    const turn = handle(event);
    watch.followTurn(turn);
    return turn;
  };
  stage.post({ type: "resumed", open: [], lastId: 0 });
  return Object.assign(scene, { watch });
}

test("a sleeping service is watched until the first connection, which is reported once", () => {
  const scene = watching();
  expect(scene.connects).toBeNull();
  scene.stage.request("start", ["web@1", "db"], "boot");
  scene.connects!();
  expect(scene.posted).toEqual([{ type: "connected", service: "web" }]);
  expect(scene.connects).toBeNull();
  scene.stage.post(scene.posted[0]!);
  expect(scene.connects).toBeNull(); // it runs, and the sockets are readable until it accepts
  scene.stage.request("stop", ["web@1"], "scaling");
  expect(scene.connects).not.toBeNull();
  scene.stage.stop("web@1");
  expect(scene.connects).toBeNull();
});

test("a service that runs is watched from one sample to the first connection after it", () => {
  const scene = watching();
  scene.watch.expectActivity();
  expect(scene.connects).toBeNull();
  scene.stage.request("start", ["web@1"], "boot").post({ type: "connected", service: "web" });
  scene.watch.expectActivity();
  scene.connects!();
  expect(scene.posted).toEqual([{ type: "connected", service: "web" }]);
  expect(scene.connects).toBeNull();
  scene.watch.expectActivity();
  expect(scene.connects).not.toBeNull();
});

test("new sockets are watched in place of the old ones, and those of a removed service are not", () => {
  const scene = watching();
  scene.stage.request("start", ["web@1"], "boot");
  const before = scene.connects;
  scene.held = [];
  scene.stage.load({ ...WEB, description: "changed" });
  expect(scene.connects).not.toBe(before);
  scene.stage.unload("web@1");
  expect(scene.connects).toBeNull();
});

test("sockets that cannot be opened are reported, so that the start tells why", () => {
  const scene = watching();
  scene.canOpen = false;
  scene.stage.request("start", ["web@1"], "boot");
  expect(scene.posted).toEqual([{ type: "connected", service: "web", failed: true }]);
  expect(scene.connects).toBeNull();
});
