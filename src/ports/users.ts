/** The user database. */
export interface Users {
  /** A null name asks for the daemon's own user. Returns null when there is no such user. */
  lookup(name: string | null): Account | null;
}

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}
