import { hostname } from "node:os";
import type { World } from "../../core/world/world.ts";
import type { Settings } from "../../spec/schema/settings.ts";
import type { Engine } from "../engine/engine.ts";
import type { Recorder } from "../engine/recorder.ts";
import { Dispatcher } from "../notifications/dispatcher.ts";
import { MessageMaker, type MessageMakerOptions } from "../notifications/message-maker.ts";
import type { Machine } from "./machine.ts";

interface Needed extends Pick<Machine, "clock" | "store" | "logs" | "notifier"> {
  readonly world: World;
  readonly settings: Settings;
  readonly planOf: MessageMakerOptions["planOf"];
  /** Called only after all parts exist: the recorder and the engine need the dispatcher themselves. */
  readonly parts: () => { readonly recorder: Recorder; readonly engine: Engine };
}

export function makeDispatcher({ parts, ...rest }: Needed): Dispatcher {
  const maker = new MessageMaker({ ...rest, host: hostname(), pageUrl: () => dispatcher.settings.pageUrl });
  const dispatcher: Dispatcher = new Dispatcher({
    ...rest,
    maker,
    tell: (...args) => parts().recorder.tell(...args),
    engine: () => parts().engine,
  });
  return dispatcher;
}
