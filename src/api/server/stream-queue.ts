interface Message {
  readonly text: string;
  /** The number of messages that this message counts as in a gap. */
  readonly weight: number;
}

/** The total size of all queues. */
export interface QueueTotal {
  chars: number;
}

/** The messages of one stream that its client has not read yet. */
export class StreamQueue {
  /** Number of characters in the queue. */
  chars = 0;
  #messages: Message[] = [];
  /** Index of the first message that was not taken yet. */
  #at = 0;
  readonly #total: QueueTotal;

  constructor(total: QueueTotal) {
    this.#total = total;
  }

  get length(): number {
    return this.#messages.length - this.#at;
  }

  push(text: string, weight: number): void {
    this.#messages.push({ text, weight });
    this.#count(text.length);
  }

  /** Adds many messages at once. */
  pushAll(texts: readonly string[]): void {
    let from = 0;
    let chars = 0;
    for (let to = 1; to <= texts.length; to++) {
      chars += texts[to - 1]!.length;
      if (chars < GROUP_CHARS && to < texts.length) continue;
      this.push(texts.slice(from, to).join(""), to - from);
      from = to;
      chars = 0;
    }
  }

  /** Removes and returns whole messages of up to `limit` characters together, but at least one message. */
  take(limit: number): string {
    const from = this.#at;
    let chars = 0;
    while (this.length > 0 && (chars === 0 || chars + this.#messages[this.#at]!.text.length <= limit))
      chars += this.#messages[this.#at++]!.text.length;
    const texts = this.#messages.slice(from, this.#at).map(({ text }) => text);
    this.#count(-chars);
    if (this.length === 0 || this.#at > COMPACT_AT) {
      this.#messages = this.#messages.slice(this.#at);
      this.#at = 0;
    }
    return texts.join("");
  }

  /** Empties the queue. Returns the total weight of the messages that were in it. */
  drop(): number {
    let weight = 0;
    for (; this.length > 0; this.#at++) weight += this.#messages[this.#at]!.weight;
    this.#messages = [];
    this.#at = 0;
    this.#count(-this.chars);
    return weight;
  }

  #count(chars: number): void {
    this.chars += chars;
    this.#total.chars += chars;
  }
}

/** `pushAll` joins messages up to this length, because a few long messages take less memory than many short ones. */
const GROUP_CHARS = 16 << 10;
/** When this many messages were taken, they are removed from the array. */
const COMPACT_AT = 1000;
