/** The user database. */
export interface Users {
  /** Null name: the user that the daemon runs as. Null: no such user. */
  lookup(name: string | null): Account | null;
}

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}
