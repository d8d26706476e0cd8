import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Placed } from "./layout.ts";

interface GraphView {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

const LEAST = 0.08;
const MOST = 2.5;
const STEP = 1.25;
/** The maximum scale after "fit", so that a graph of a few units is not larger than the other text of the page. */
const MOST_FIT = 1;
const MARGIN = 20;
/** The space for the buttons above a tall drawing. */
const TOP_MARGIN = 56;

/**
 * Lets the user zoom and pan a drawing with the wheel, by dragging, with two fingers, and with buttons. A `tall` drawing is fitted
 * to the width only, so that its text stays readable, and begins at the top.
 */
export function useZoom(svg: RefObject<SVGSVGElement | null>, { width, height }: Placed, tall: boolean) {
  const [position, setPosition] = useState<GraphView>({ x: MARGIN, y: MARGIN, scale: 1 });
  const fit = (): void => {
    const box = svg.current!.getBoundingClientRect();
    const high = tall ? MOST_FIT : (box.height - 2 * MARGIN) / Math.max(1, height);
    const scale = Math.max(LEAST, Math.min(MOST_FIT, (box.width - 2 * MARGIN) / Math.max(1, width), high));
    // A drawing that fits begins at the top left, like all other parts of the page.
    setPosition({ scale, x: MARGIN, y: tall ? TOP_MARGIN : MARGIN });
  };
  useEffect(fit, [width, height, tall]);
  const zoomAt = (x: number, y: number, factor: number): void =>
    setPosition((before) => {
      const scale = Math.min(MOST, Math.max(LEAST, before.scale * factor));
      const by = scale / before.scale;
      return { scale, x: x - (x - before.x) * by, y: y - (y - before.y) * by };
    });
  const middle = (factor: number): void => {
    const box = svg.current!.getBoundingClientRect();
    zoomAt(box.width / 2, box.height / 2, factor);
  };
  useEffect(() => {
    const element = svg.current!;
    // The listener is added without the framework, because it must be non-passive to prevent the page from scrolling.
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      zoomAt(event.clientX - box.left, event.clientY - box.top, Math.exp(-event.deltaY * 0.0015));
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    const stopDragging = watchPointers(element, {
      move: (dx, dy) => setPosition((before) => ({ ...before, x: before.x + dx, y: before.y + dy })),
      pinch: zoomAt,
    });
    return () => {
      element.removeEventListener("wheel", onWheel);
      stopDragging();
    };
  }, []);
  return {
    transform: `translate(${position.x} ${position.y}) scale(${position.scale})`,
    fit,
    closer: () => middle(STEP),
    farther: () => middle(1 / STEP),
  };
}

interface Moves {
  readonly move: (dx: number, dy: number) => void;
  readonly pinch: (x: number, y: number, factor: number) => void;
}

/** The maximum distance in pixels that the pointer may move during a click. A longer drag does not open the unit below the pointer. */
const DRAG_PX = 4;

function watchPointers(element: SVGSVGElement, { move, pinch }: Moves): () => void {
  const down = new Map<number, { readonly x: number; readonly y: number }>();
  let travelled = 0;
  const onDown = (event: PointerEvent): void => {
    if (down.size === 0) travelled = 0;
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
  };
  const onMove = (event: PointerEvent): void => {
    const before = down.get(event.pointerId);
    if (before === undefined) return;
    const at = { x: event.clientX, y: event.clientY };
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    travelled += Math.hypot(at.x - before.x, at.y - before.y);
    if (other === undefined) move(at.x - before.x, at.y - before.y);
    else {
      const box = element.getBoundingClientRect();
      const apart = (point: typeof at): number => Math.hypot(point.x - other.x, point.y - other.y);
      pinch((at.x + other.x) / 2 - box.left, (at.y + other.y) / 2 - box.top, apart(at) / Math.max(1, apart(before)));
    }
    down.set(event.pointerId, at);
  };
  const onUp = (event: PointerEvent): void => void down.delete(event.pointerId);
  const onClick = (event: MouseEvent): void => void (travelled > DRAG_PX && event.preventDefault());
  element.addEventListener("pointerdown", onDown);
  window.addEventListener("pointermove", onMove);
  window.addEventListener("pointerup", onUp);
  window.addEventListener("pointercancel", onUp);
  element.addEventListener("click", onClick);
  element.addEventListener("dragstart", preventDefault);
  return () => {
    element.removeEventListener("pointerdown", onDown);
    window.removeEventListener("pointermove", onMove);
    window.removeEventListener("pointerup", onUp);
    window.removeEventListener("pointercancel", onUp);
    element.removeEventListener("click", onClick);
    element.removeEventListener("dragstart", preventDefault);
  };
}

const preventDefault = (event: Event): void => event.preventDefault();
