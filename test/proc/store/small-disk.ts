import { type TempDir, tempDir } from "../../harness/temp.ts";

/** A file system of 1 MiB, unmounted at the end of the scope. Needs root. */
export function smallDisk(): TempDir & { readonly mounted: boolean } {
  const dir = tempDir();
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=1m", "none", dir.path]).exitCode === 0;
  return {
    path: dir.path,
    mounted,
    [Symbol.dispose]: () => {
      if (mounted) Bun.spawnSync(["umount", "-l", dir.path]);
      dir[Symbol.dispose]();
    },
  };
}

export function canMount(): boolean {
  if (process.getuid!() !== 0 || Bun.which("mount") === null) return false;
  using disk = smallDisk();
  return disk.mounted;
}
