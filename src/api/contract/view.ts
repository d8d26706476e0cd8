import type { BrokenUnit, DaemonInfo, Event, Service, StreamChange } from "./shapes.ts";

/**
 * The state that people see, folded from the event stream. The command line and the page both use it. A view is never changed in
 * place, so a renderer may compare views by identity.
 *
 * Ids are consecutive. If one is missing, the view becomes `stale`. It then keeps its state and `lastId`, the last id that it can
 * resume from, and ignores changes until a snapshot comes.
 */
export interface View {
  readonly lastId: number | null;
  /** True before the first snapshot and after a gap. */
  readonly stale: boolean;
  readonly daemon: DaemonInfo | null;
  /** The services by id, in the order of the last snapshot. Units that were added later are at the end. */
  readonly services: ReadonlyMap<string, Service>;
  /** The units that could not be loaded because their file has errors. */
  readonly broken: readonly BrokenUnit[];
  /** At most `MAX_EVENTS` events, oldest first. */
  readonly events: readonly Event[];
}

export const MAX_EVENTS = 200;

export const emptyView = (): View => ({ lastId: null, stale: true, daemon: null, services: new Map(), broken: [], events: [] });

/** Returns the view with one change applied. `id` is the change's id in the stream. */
export function applyChange(view: View, id: number, change: StreamChange): View {
  if (change.kind === "snapshot") {
    const services = new Map(change.data.services.map((service) => [service.id, service]));
    const { daemon, broken = [] } = change.data;
    return { ...view, lastId: id, stale: false, daemon, services, broken };
  }
  if (view.stale) return view;
  if (view.lastId === null || id !== view.lastId + 1) return { ...view, stale: true };
  return { ...view, ...fold(view, change), lastId: id };
}

function fold(view: View, change: Exclude<StreamChange, { kind: "snapshot" }>): Partial<View> {
  switch (change.kind) {
    case "service":
      return { services: new Map(view.services).set(change.data.id, change.data) };
    case "removed": {
      const services = new Map(view.services);
      services.delete(change.data.id);
      return { services };
    }
    case "files": {
      const { notes, broken } = change.data;
      return { broken, daemon: view.daemon && { ...view.daemon, notes: [...notes] } };
    }
    case "event":
      return { events: [...view.events, change.data].slice(-MAX_EVENTS) };
    case "metrics": {
      const services = new Map(view.services);
      for (const { id, ...sample } of change.data) {
        const service = services.get(id);
        if (service) services.set(id, { ...service, ...sample });
      }
      return { services };
    }
  }
}
