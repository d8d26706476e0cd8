/** Access to the user database. */
export interface Users {
  /** Returns the account of a user, or null if there is no such user. A null name stands for the user that the daemon runs as. */
  lookup(name: string | null): Account | null;
}

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}
