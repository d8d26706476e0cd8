import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Service, ServiceDetail } from "../../api/contract/shapes.ts";
import { fullTime, mebibytes, memoryOf, percent } from "../format.ts";
import { Due, Relative, Since } from "../components/marks.tsx";
import { labelsOf } from "../filter.ts";
import { request } from "../state/api.ts";
import { clip, plain } from "../text.ts";
import { ReloadFiles } from "./reload-files.tsx";
import { useRequest } from "../state/use-request.ts";
import { detailOf } from "../words.ts";

/** Shows the detailed status. Values that change often come from the stream, and the others are requested when the unit changes. */
export function Facts({ service }: { readonly service: Service }) {
  const { value } = useRequest(service.id, () => request("service", { id: service.id }));
  const detail = detailOf(service);
  return (
    <>
      <h2>Status</h2>
      <dl class="facts">
        {service.pid !== null && <Fact name="Main process">pid {service.pid}</Fact>}
        {service.port !== null && <Fact name="Port">{service.port}</Fact>}
        <Fact name="Command">{value === null ? "…" : <Command text={plain(clip(value.command, 2000).text)} />}</Fact>
        {service.cpu_percent !== null && <Fact name="CPU">{percent(service.cpu_percent)}</Fact>}
        {service.memory_mb !== null && <Fact name="Memory">{memoryWords(service)}</Fact>}
        {service.status_text !== null && <Fact name="Status text">{plain(clip(service.status_text, 500).text)}</Fact>}
        {service.problems.length > 0 && (
          <Fact name="File">
            <span class="problem wrap">{service.problems.map((text) => plain(clip(text, 1000).text)).join("; ")}</span>
          </Fact>
        )}
        {service.file_removed && (
          <Fact name="File">
            removed from disk <ReloadFiles />
          </Fact>
        )}
        {service.changed_on_disk && !service.file_removed && service.problems.length === 0 && (
          <Fact name="File">
            changed on disk <ReloadFiles />
          </Fact>
        )}
        {service.waiting_for.length > 0 && <Fact name="Waiting for">{service.waiting_for.join(", ")}</Fact>}
        <Fact name="State">
          {service.state}
          {detail !== null && `, ${detail}`}
        </Fact>
        {service.pid !== null && (
          <Fact name="Uptime">
            <Since iso={service.start_time} />
          </Fact>
        )}
        <Fact name="Restarts">
          {service.restart_count}
          {service.last_restart !== null && (
            <span class="quiet-text">
              {" "}
              (<Relative iso={service.last_restart} />)
            </span>
          )}
        </Fact>
        {service.last_exit !== null && <Fact name="Last exit">{plain(clip(service.last_exit, 500).text)}</Fact>}
        {service.next_attempt !== null && (
          <Fact name="Next attempt">
            <Due iso={service.next_attempt} />
          </Fact>
        )}
        <Schedule service={service} />
        <Losses value={value} />
        <Fact name="Starts with daemon">{service.enabled ? "yes (enabled)" : "no (disabled)"}</Fact>
        <Fact name="Auto-restart">{service.auto_restart ? "yes" : "no"}</Fact>
        <Fact name="Priority">
          {service.priority}
          {service.critical && ", critical"}
        </Fact>
        {service.groups.length > 0 && <Fact name="Groups">{service.groups.map((group) => `@${plain(group)}`).join(" ")}</Fact>}
        {labelsOf(service).length > 0 && <Fact name="Labels">{labelsOf(service).map(plain).join(" ")}</Fact>}
        <Fact name="File">
          <span class="wrap">{plain(service.file)}</span>
        </Fact>
      </dl>
    </>
  );
}

function memoryWords({ memory_mb, over_limits = [] }: Service): string {
  const over = over_limits.find(({ limit }) => limit === "memory");
  return memory_mb === null || over === undefined ? mebibytes(memory_mb) : memoryOf(memory_mb, over.max);
}

const MOST_COMMAND = 160;

/** Shows the beginning of a long command, which can be a whole script, and the rest on request. */
function Command({ text }: { readonly text: string }) {
  const [whole, setWhole] = useState(false);
  if (text.length <= MOST_COMMAND) return <code class="wrap">{text}</code>;
  return (
    <>
      <code class="wrap">{whole ? text : `${clip(text, MOST_COMMAND).text}…`}</code>{" "}
      <button type="button" class="more" aria-expanded={whole} onClick={() => setWhole(!whole)}>
        {whole ? "Show less" : "Show all"}
      </button>
    </>
  );
}

export const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

function Losses({ value }: { readonly value: ServiceDetail | null }) {
  return (
    <>
      {value?.enforcement.map((words) => (
        <Fact key={words} name="Limit">
          {plain(words)}
        </Fact>
      ))}
      {value?.log.losses.map(({ why, lines, bytes, cause, over }) => (
        <Fact key={why} name="Not logged">
          {lines} lines ({bytes} bytes) {why === "limit" ? "dropped" : "lost"}: {plain(cause)}
          {over ? "" : "; still losing lines"}
        </Fact>
      ))}
      {value !== null && value.log.trouble !== null && <Fact name="Not rotated">{plain(value.log.trouble)}</Fact>}
    </>
  );
}

function Schedule({ service: { schedule } }: { readonly service: Service }) {
  if (schedule === null) return null;
  const when = schedule.cron ?? `every ${schedule.every_seconds} s`;
  return (
    <>
      <Fact name="Schedule">
        {plain(when)}
        {schedule.timezone !== null && ` (${plain(schedule.timezone)})`}
        {!schedule.active && ", not active"}
      </Fact>
      {schedule.next_run !== null && (
        <Fact name="Next run">
          <Due iso={schedule.next_run} />
        </Fact>
      )}
      {schedule.last_run !== null && (
        <Fact name="Last run">
          <span title={fullTime(schedule.last_run)}>
            <Relative iso={schedule.last_run} />
          </span>
        </Fact>
      )}
    </>
  );
}
