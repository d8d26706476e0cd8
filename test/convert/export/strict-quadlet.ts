/**
 * Checks the files of Podman's quadlets. The keys of `[Container]` are those of podman-systemd.unit(5) of Podman 5.5. The
 * keys of the other sections are those that the export writes; test/e2e/export lets systemd-analyze check these sections.
 */
const CONTAINER = new Set(
  `AddCapability AddDevice AddHost Annotation AutoUpdate CgroupsMode ContainerName ContainersConfModule DNS DNSOption DNSSearch
  DropCapability Entrypoint Environment EnvironmentFile EnvironmentHost Exec ExposeHostPort GIDMap GlobalArgs Group GroupAdd HealthCmd
  HealthInterval HealthLogDestination HealthMaxLogCount HealthMaxLogSize HealthOnFailure HealthRetries HealthStartPeriod
  HealthStartupCmd HealthStartupInterval HealthStartupRetries HealthStartupSuccess HealthStartupTimeout HealthTimeout HostName Image
  IP IP6 Label LogDriver LogOpt Mask Memory Mount Network NetworkAlias NoNewPrivileges Notify PidsLimit Pod PodmanArgs PublishPort
  Pull ReadOnly ReadOnlyTmpfs ReloadCmd ReloadSignal Retry RetryDelay Rootfs RunInit SeccompProfile Secret SecurityLabelDisable
  SecurityLabelFileType SecurityLabelLevel SecurityLabelNested SecurityLabelType ShmSize StartWithPod StopSignal StopTimeout
  SubGIDMap SubUIDMap Sysctl Timezone Tmpfs UIDMap Ulimit Unmask User UserNS Volume WorkingDir`.split(/\s+/),
);

/** Keys that may be given only once, because Podman uses the last one. */
const SINGLE = new Set(
  "Image Entrypoint Exec WorkingDir User Group Notify HealthCmd StopSignal StopTimeout ReloadSignal ReloadCmd".split(" "),
);

export const sectionOf = (text: string, name: string): string[] =>
  (new RegExp(`^\\[${name}\\]\\n((?:(?!\\[).+\\n)*)`, "m").exec(text)?.[1] ?? "").split("\n").filter((line) => line !== "");

/** Returns what Podman's generator would refuse about a `.container` file. */
export function containerFaults(text: string): string[] {
  const lines = sectionOf(text, "Container");
  const keys = lines.map((line) => line.slice(0, line.indexOf("=")));
  const faults = keys.filter((key) => !CONTAINER.has(key)).map((key) => `[Container] has no key ${key}`);
  for (const key of SINGLE) if (keys.filter((each) => each === key).length > 1) faults.push(`[Container] has ${key} twice`);
  if (!keys.includes("Image")) faults.push("[Container] has no Image");
  if (keys.includes("Group") && !keys.includes("User")) faults.push("[Container] has a Group without a User");
  const service = sectionOf(text, "Service");
  const type = service.find((line) => line.startsWith("Type="))?.slice("Type=".length);
  // The generator accepts no other types, and sets KillMode by itself.
  if (type !== undefined && type !== "oneshot" && type !== "notify") faults.push(`[Service] has the type ${type}`);
  if (service.some((line) => /^(ExecStart|KillSignal|KillMode)=/.test(line))) faults.push("[Service] has a key that the generator writes");
  return faults;
}
