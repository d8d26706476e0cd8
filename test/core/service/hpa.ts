/**
 * The algorithm of Kubernetes' HorizontalPodAutoscaler, written down from its documentation ("Algorithm details", "Configurable scaling
 * behavior") with integers only. It shares no code with src/core/service/scaler.ts.
 */
export interface Pod {
  readonly ready: boolean;
  /** An integer per metric, or null if the metric is missing. */
  readonly metrics: ReadonlyArray<number | null>;
}

export interface HpaPolicy {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** The desired value of each metric. */
  readonly targets: readonly number[];
  /** The tolerance in percent. */
  readonly tolerance: number;
  readonly scaleUp: Behavior;
  readonly scaleDown: Behavior;
}

interface Behavior {
  readonly stabilizationWindowSeconds: number;
  /** With `selectPolicy: Max`, the policy that allows the largest change is used. `periodSeconds` is 15. */
  readonly policies: ReadonlyArray<{ readonly type: "Pods" | "Percent"; readonly value: number }>;
}

const PERIOD_SECONDS = 15;

export class Hpa {
  replicas: number;
  readonly #policy: HpaPolicy;
  /** All recommendations ever made. */
  readonly #recommended: Array<readonly [second: number, replicas: number]> = [];
  readonly #scaled: Array<readonly [second: number, from: number, to: number]> = [];

  constructor(policy: HpaPolicy, replicas: number) {
    this.#policy = policy;
    this.replicas = replicas;
  }

  sync(pods: readonly Pod[], second: number): number {
    const { minReplicas, maxReplicas } = this.#policy;
    if (this.replicas > maxReplicas) this.#scaleTo(maxReplicas, second);
    else if (this.replicas < minReplicas) this.#scaleTo(minReplicas, second);
    else {
      const desired = this.#desired(pods);
      if (desired !== null) this.#scaleTo(this.#rateLimited(this.#stabilised(desired, second), second), second);
    }
    return this.replicas;
  }

  /** The largest proposal of all metrics. If one of them is not available, there is no scaling down. */
  #desired(pods: readonly Pod[]): number | null {
    const proposals = this.#policy.targets.map((target, index) => this.#proposal(pods, target, index));
    const valid = proposals.filter((proposal) => proposal !== null);
    if (valid.length === 0) return null;
    const largest = Math.max(...valid);
    return valid.length < proposals.length && largest < this.replicas ? null : largest;
  }

  #proposal(pods: readonly Pod[], target: number, index: number): number | null {
    const metrics: number[] = [];
    let [missing, notReady] = [0, 0];
    for (const { ready, metrics: values } of pods) {
      if (!ready) notReady++;
      else if (values[index] == null) missing++;
      else metrics.push(values[index]);
    }
    if (metrics.length === 0) return null;
    const direction = compare(metrics, target);
    if (missing === 0 && (notReady === 0 || direction <= 0))
      return this.#withinTolerance(metrics, target) ? this.replicas : divideUp(sum(metrics), target);
    // Missing metrics: 100 % of the desired value when scaling down, 0 % when scaling up. Pods that are not ready: 0 % when scaling up.
    const assumed = [...metrics, ...Array.from({ length: missing }, () => (direction < 0 ? target : 0))];
    if (direction > 0) for (let i = 0; i < notReady; i++) assumed.push(0);
    // If the new ratio reverses the scale direction, or is within the tolerance, no scaling action is taken.
    const isReversed = compare(assumed, target) !== direction;
    if (isReversed || this.#withinTolerance(assumed, target)) return this.replicas;
    const proposal = divideUp(sum(assumed), target);
    const contradicts = direction < 0 ? proposal > this.replicas : proposal < this.replicas;
    return contradicts ? this.replicas : proposal;
  }

  #withinTolerance(metrics: readonly number[], target: number): boolean {
    const ideal = target * metrics.length;
    return 100 * Math.abs(sum(metrics) - ideal) <= this.#policy.tolerance * ideal;
  }

  /** "picking the safest desired state over the window": the lowest to scale up, the highest to scale down. */
  #stabilised(desired: number, second: number): number {
    const { scaleUp, scaleDown } = this.#policy;
    const longest = Math.max(scaleUp.stabilizationWindowSeconds, scaleDown.stabilizationWindowSeconds);
    if (!this.#recommended.some(([at]) => second - at < longest)) this.#recommended.push([second, this.replicas]);
    const within = (seconds: number): number[] => this.#recommended.filter(([at]) => second - at < seconds).map(([, replicas]) => replicas);
    const forUp = Math.min(desired, ...within(scaleUp.stabilizationWindowSeconds));
    const forDown = Math.max(desired, ...within(scaleDown.stabilizationWindowSeconds));
    this.#recommended.push([second, desired]);
    if (forUp > this.replicas) return forUp;
    if (forDown < this.replicas) return forDown;
    return this.replicas;
  }

  #rateLimited(desired: number, second: number): number {
    const { minReplicas, maxReplicas, scaleUp, scaleDown } = this.#policy;
    let start = this.replicas;
    for (const [at, from, to] of this.#scaled) if (second - at < PERIOD_SECONDS) start -= to - from;
    if (desired > this.replicas) {
      const most = scaleUp.policies.map(({ type, value }) => (type === "Pods" ? start + value : divideUp(start * (100 + value), 100)));
      return Math.min(desired, maxReplicas, Math.max(this.replicas, ...most));
    }
    // "10 % of 72 is 7.2, but it is rounded up to 8": 72 pods become 64.
    const least = scaleDown.policies.map(({ type, value }) => (type === "Pods" ? start - value : start - divideUp(start * value, 100)));
    return Math.max(desired, minReplicas, Math.min(this.replicas, ...least));
  }

  #scaleTo(replicas: number, second: number): void {
    if (replicas !== this.replicas) this.#scaled.push([second, this.replicas, replicas]);
    this.replicas = replicas;
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** 1 if the mean exceeds the target, -1 if it is below, 0 if they are equal. */
const compare = (metrics: readonly number[], target: number): number => Math.sign(sum(metrics) - target * metrics.length);

const divideUp = (dividend: number, divisor: number): number =>
  (dividend - (dividend % divisor)) / divisor + (dividend % divisor > 0 ? 1 : 0);
