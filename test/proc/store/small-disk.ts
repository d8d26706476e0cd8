import { type TempDir, tempDir } from "../../harness/temp.ts";

/** Mounts a file system of that size; unmounts it at the end of the scope. Needs root. */
export function smallDisk(size = "1m"): TempDir & { readonly mounted: boolean; grow(size: string): void } {
  const dir = tempDir();
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${size}`, "none", dir.path]).exitCode === 0;
  return {
    path: dir.path,
    mounted,
    grow: (to) => void Bun.spawnSync(["mount", "-o", `remount,size=${to}`, dir.path]),
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
