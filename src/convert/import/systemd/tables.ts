/** Keys of `[Service]` that need no code of their own. */

/** Resource limits by key, with the name in a unit file and the type of the value. */
export const LIMITS: Readonly<Record<string, readonly [name: string, type: "bytes" | "seconds" | "count"]>> = {
  LimitAS: ["as", "bytes"],
  LimitCORE: ["core", "bytes"],
  LimitCPU: ["cpu", "seconds"],
  LimitDATA: ["data", "bytes"],
  LimitFSIZE: ["fsize", "bytes"],
  LimitLOCKS: ["locks", "count"],
  LimitMEMLOCK: ["memlock", "bytes"],
  LimitMSGQUEUE: ["msgqueue", "bytes"],
  LimitNICE: ["nice", "count"],
  LimitNOFILE: ["nofile", "count"],
  LimitNPROC: ["nproc", "count"],
  LimitRSS: ["rss", "bytes"],
  LimitRTPRIO: ["rtprio", "count"],
  LimitRTTIME: ["rttime", "count"],
  LimitSIGPENDING: ["sigpending", "count"],
  LimitSTACK: ["stack", "bytes"],
};

/** Directories that systemd creates, by key: the parent directory, and the variable in which the service finds the paths. */
export const DIRECTORIES: Readonly<Record<string, readonly [below: string, variable: string]>> = {
  RuntimeDirectory: ["/run", "RUNTIME_DIRECTORY"],
  StateDirectory: ["/var/lib", "STATE_DIRECTORY"],
  CacheDirectory: ["/var/cache", "CACHE_DIRECTORY"],
  LogsDirectory: ["/var/log", "LOGS_DIRECTORY"],
  ConfigurationDirectory: ["/etc", "CONFIGURATION_DIRECTORY"],
};

/** Conditions of `[Unit]`, with the key inside an item of `conditions`. */
export const CONDITIONS: Readonly<Record<string, string>> = {
  ConditionPathExists: "path_exists",
  ConditionPathIsDirectory: "path_exists",
  ConditionFileNotEmpty: "file_not_empty",
  ConditionDirectoryNotEmpty: "directory_not_empty",
};

/** Hardening settings that a sandbox of sup could support, with the key inside `sandbox` and the type of the value. */
export const SANDBOX: Readonly<Record<string, readonly [key: string, type: "boolean" | "paths" | "network" | "capabilities"]>> = {
  NoNewPrivileges: ["no_new_privs", "boolean"],
  PrivateTmp: ["private_tmp", "boolean"],
  PrivateNetwork: ["network", "network"],
  CapabilityBoundingSet: ["capabilities", "capabilities"],
  ReadOnlyPaths: ["read_only", "paths"],
  ReadWritePaths: ["read_write", "paths"],
  InaccessiblePaths: ["hidden", "paths"],
  ReadOnlyDirectories: ["read_only", "paths"],
  ReadWriteDirectories: ["read_write", "paths"],
  InaccessibleDirectories: ["hidden", "paths"],
};

const HARDENING =
  /^(Protect\w+|Private\w+|Restrict\w+|SystemCall\w+|LockPersonality|MemoryDenyWriteExecute|AmbientCapabilities|RemoveIPC|SecureBits|Bind(ReadOnly)?Paths|TemporaryFileSystem|NoExecPaths|ExecPaths|AppArmorProfile|SELinuxContext|SmackProcessLabel|KeyringMode|Device(Allow|Policy)|IPAddress(Allow|Deny)|MountFlags|ProcSubset|NetworkNamespacePath|MountAPIVFS|RestrictNamespaces|BPFProgram|IPIngressFilterPath|IPEgressFilterPath|SocketBind(Allow|Deny))$/;

const RESOURCES =
  /^(CPU(Weight|Shares|Accounting|QuotaPeriodSec|Affinity|Scheduling\w+)|StartupCPU\w+|Memory(Low|Min|High|SwapMax|Accounting)|IO\w+|BlockIO\w+|TasksAccounting|Slice|Delegate\w*|NUMA\w+|AllowedCPUs|AllowedMemoryNodes|ManagedOOM\w+|IPAccounting|DefaultDependencies)$/;

const OWN_LOG = /^(Syslog\w+|LogRateLimit\w+|LogLevelMax|LogExtraFields|LogNamespace|TTY\w+|StandardInput(Text|Data)?)$/;

/** Why a key is dropped that neither systemd nor sup is known to have, and what to do about it. */
export const UNKNOWN_KEY = [
  "systemd does not know this key either, or this version of sup does not",
  "correct the key if it should have an effect",
] as const;

/** Explains why a key of `[Service]` is not used. Returns the reason and what to do, or null if systemd does not know the key. */
export function reasonFor(key: string): readonly [why: string, whatToDo: string | null] | null {
  if (HARDENING.test(key))
    return ["sup has no sandbox yet, so the service runs with the rights of its user", "give the service a user of its own"];
  if (RESOURCES.test(key)) return ["sup has no such resource control", 'see "resource_limits" for limits of memory, CPU and tasks'];
  if (OWN_LOG.test(key)) return ["sup logs the output under the unit's name by itself", null];
  return OTHERS.get(key) ?? null;
}

const OTHERS: ReadonlyMap<string, readonly [string, string | null]> = new Map([
  ["PIDFile", ["sup knows the main process by itself", null]],
  ["GuessMainPID", ["sup knows the main process by itself", null]],
  ["BusName", ["sup does not watch the message bus", null]],
  ["NotifyAccess", ["sup accepts notifications from every process of the unit", null]],
  ["TimeoutAbortSec", ["sup has no separate timeout after a watchdog", null]],
  ["TimeoutStopFailureMode", ["sup always sends SIGKILL after the timeout", null]],
  ["TimeoutStartFailureMode", ["sup stops a unit that does not become ready", null]],
  ["RuntimeMaxSec", ["sup does not limit how long a service runs", "run `timeout` in the command"]],
  ["RuntimeRandomizedExtraSec", ["sup does not limit how long a service runs", null]],
  ["RestartForceExitStatus", ["sup restarts after every failure unless the code is in no_restart_exit_codes", null]],
  ["RestartMode", ["sup has one way to restart", null]],
  ["RootDirectoryStartOnly", ["all commands of a unit run in the same environment", null]],
  ["PermissionsStartOnly", ["all commands of a unit run as its user", "run the preparation in another unit"]],
  ["SendSIGHUP", ["sup sends one signal", null]],
  ["SendSIGKILL", ["sup always ends the remaining processes with SIGKILL", null]],
  ["FinalKillSignal", ["sup always ends the remaining processes with SIGKILL", null]],
  ["RestartKillSignal", ["sup sends the same signal for a restart", null]],
  ["WatchdogSignal", ["sup sends SIGABRT", null]],
  ["PassEnvironment", ["a unit does not inherit the daemon's environment", 'set the variables in "environment"']],
  ["UnsetEnvironment", ["a unit gets only the variables in its file and a few basic ones", null]],
  ["SupplementaryGroups", ["sup gives a user its groups from the user database", "add the user to the groups"]],
  ["PAMName", ["sup opens no PAM session", null]],
  ["SetLoginEnvironment", ["sup sets HOME, USER, LOGNAME and SHELL by itself", null]],
  ["CoredumpFilter", ["sup does not set it", null]],
  ["IgnoreSIGPIPE", ["a service gets SIGPIPE as usual; its output pipes never break", null]],
  ["Personality", ["sup does not set it", null]],
  ["TimerSlackNSec", ["sup does not set it", null]],
  ["FileDescriptorStoreMax", ["sup stores no descriptors of services", null]],
  ["FileDescriptorStorePreserve", ["sup stores no descriptors of services", null]],
  ["OOMPolicy", ["the restart policy decides what happens after the OOM killer", null]],
  ["ExitType", ["a unit ends with its main process", null]],
  ["USBFunctionDescriptors", ["sup does not support it", null]],
  ["USBFunctionStrings", ["sup does not support it", null]],
  ["NonBlocking", ["sockets are passed as blocking descriptors", 'set "non_blocking" of the socket']],
  ["Sockets", ["sockets come from the .socket file", null]],
  ["LoadCredential", ["sup has no credentials yet", "read the file in the service, with the rights of its user"]],
  ["LoadCredentialEncrypted", ["sup has no credentials yet", null]],
  ["SetCredential", ["sup has no credentials yet", null]],
  ["SetCredentialEncrypted", ["sup has no credentials yet", null]],
  ["ImportCredential", ["sup has no credentials yet", null]],
  ["FailureAction", ["sup never reboots the machine", null]],
  ["SuccessAction", ["sup never reboots the machine", null]],
  ["StartLimitAction", ["sup never reboots the machine", null]],
  ["RebootArgument", ["sup never reboots the machine", null]],
  ["RuntimeDirectoryPreserve", ["sup does not remove directories when a unit stops", null]],
  ["RootDirectory", ["sup does not change the root directory", "install the program and its files on the machine itself"]],
  ["RootImage", ["sup does not change the root directory", "install the program and its files on the machine itself"]],
  ["UtmpIdentifier", ["sup writes no utmp entries", null]],
  ["UtmpMode", ["sup writes no utmp entries", null]],
  ["OpenFile", ["sup passes no open files", null]],
] as const);
