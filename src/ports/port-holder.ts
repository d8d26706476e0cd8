/** A process that listens on the TCP port of a unit without being a part of the unit. */
export interface PortHolder {
  readonly pid: number;
  /** Name and pid, such as `nginx (pid 812)`. */
  readonly name: string;
  /** The unit that the process belongs to, or null. */
  readonly unit: string | null;
  /** Returns true if no other socket listens on the port now, so that every connection reaches this process. */
  isAlone(): boolean;
}
