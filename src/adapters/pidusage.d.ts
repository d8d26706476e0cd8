/** The part of pidusage 4 that is used; the package brings no types. */
declare module "pidusage" {
  interface Measured {
    /** Percent of one core since the last call for this pid; 0 at the first. */
    readonly cpu: number;
    /** Resident bytes. */
    readonly memory: number;
  }
  function pidusage(pids: number[]): Promise<Record<number, Measured | undefined>>;
  namespace pidusage {
    /** Forgets all processes and closes what it keeps open of them. */
    function clear(): void;
  }
  export default pidusage;
}
