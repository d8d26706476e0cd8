import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../../api/contract/errors.ts";
import type { Result } from "../../base/result.ts";
import { onChange } from "./live.ts";

export interface Requested<T> {
  /** The newest successful answer, or null before the first. */
  readonly value: T | null;
  readonly problem: ApiError | null;
  readonly again: () => void;
}

const SETTLE_MS = 200;

/**
 * Returns the daemon's answer to a request about a unit. Repeats the request when the unit changes, and also every `everyMs` if
 * that is set. Discards an answer that arrives after a newer request was sent.
 */
export function useRequest<T>(unit: string, send: () => Promise<Result<T, ApiError>>, everyMs?: number): Requested<T> {
  const [state, setState] = useState<Omit<Requested<T>, "again">>({ value: null, problem: null });
  const latest = useRef({ send, number: 0 });
  latest.current.send = send;
  const again = useCallback((): void => {
    const number = ++latest.current.number;
    void latest.current.send().then((answer) => {
      if (number !== latest.current.number) return;
      setState((before) => (answer.ok ? { value: answer.value, problem: null } : { ...before, problem: answer.error }));
    });
  }, []);
  useEffect(() => {
    again();
    let settling: ReturnType<typeof setTimeout> | undefined;
    const stop = onChange((change) => {
      const isRelevant =
        change.kind === "snapshot" ||
        (change.kind === "service" && change.data.id === unit) ||
        (change.kind === "event" && change.data.service_id === unit);
      if (!isRelevant) return;
      clearTimeout(settling);
      settling = setTimeout(again, SETTLE_MS);
    });
    const timer = everyMs === undefined ? undefined : setInterval(() => document.hidden || again(), everyMs);
    const { current } = latest;
    return () => {
      current.number++;
      stop();
      clearTimeout(settling);
      clearInterval(timer);
    };
  }, [unit]);
  return { ...state, again };
}
