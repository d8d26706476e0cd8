import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../../api/contract/errors.ts";
import type { Result } from "../../base/result.ts";
import { onChange } from "./live.ts";

export interface Answered<T> {
  /** The newest answer; null before the first. */
  readonly value: T | null;
  readonly problem: ApiError | null;
  readonly again: () => void;
}

const SETTLE_MS = 200;

/**
 * An answer of the daemon about a unit, asked for again when something happens to the unit. An answer that comes late,
 * after a newer question, is dropped.
 */
export function useRequest<T>(unit: string, question: () => Promise<Result<T, ApiError>>, everyMs?: number): Answered<T> {
  const [state, setState] = useState<Omit<Answered<T>, "again">>({ value: null, problem: null });
  const latest = useRef({ question, number: 0 });
  latest.current.question = question;
  const again = useCallback((): void => {
    const number = ++latest.current.number;
    void latest.current.question().then((answer) => {
      if (number !== latest.current.number) return;
      setState((before) => (answer.ok ? { value: answer.value, problem: null } : { ...before, problem: answer.error }));
    });
  }, []);
  useEffect(() => {
    again();
    let settling: ReturnType<typeof setTimeout> | undefined;
    const stop = onChange((change) => {
      const about =
        change.kind === "snapshot" ||
        (change.kind === "service" && change.data.id === unit) ||
        (change.kind === "event" && change.data.service_id === unit);
      if (!about) return;
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
