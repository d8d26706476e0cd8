import type { Epoll } from "../../linux/io/epoll.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Keeper } from "../../ports/keeper.ts";
import type { DeletedLogs, LogLoss, LogRetention } from "../../ports/logs.ts";

export interface LogOptions {
  /** Directory of the journal. FIFOs are created in its folder `fifo`. */
  readonly runtimeDir: string;
  readonly logDir: string;
  readonly epoll: Epoll;
  /** Keeps the FIFOs open while no daemon runs, because bytes in a FIFO are lost once no process has it open. */
  readonly keeper?: Keeper;
  readonly clock: Pick<Clock, "wallMs" | "monotonicMs">;
  /** Limits for all logs. If absent, files are deleted only according to the settings of each log. */
  readonly retention?: LogRetention;
  readonly onDeleted?: (deleted: DeletedLogs) => void;
  /** Called when a loss begins, from time to time while it continues, and when it ends; never during a call of the store. */
  readonly onLoss?: (unit: string, loss: LogLoss) => void;
  /** Receives a complete message about a failure that loses no output, for example in a rotation, a compression or a subscriber. */
  readonly onProblem?: (message: string) => void;
}
