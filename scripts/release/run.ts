export const say = (text: string): void => console.error(text);

/** Runs a program to its end and returns its output. Throws if it fails. */
export function sh(command: readonly string[], { cwd, env = {} }: { readonly cwd: string; readonly env?: Record<string, string> }): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], {
    cwd,
    env: { ...process.env, ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}:\n${stdout.toString()}${stderr.toString()}`);
  return stdout.toString().trim();
}
