/** The keys under which the keeper holds descriptors. They tell the next daemon what each descriptor is. */
export const keeperKey = {
  output: (unit: string, stream: string): string => `output ${unit} ${stream}`,
  isProcess: (key: string): boolean => key.startsWith("process "),
  process: (pid: number): string => `process ${pid}`,
  socket: (unit: string, index: number, listen: string): string => `socket ${unit} ${index} ${listen}`,
  terminal: (unit: string): string => `terminal ${unit}`,
  notify: (unit: string, address: string): string => `notify ${unit} ${address}`,
} as const;
