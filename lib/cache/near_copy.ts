/** One copy of an entry in this process's memory: its value, and for whom it is good enough. */
import { copyOfBytes, type Payload } from './bytes';
import { isCopyable, isPlain } from './copy';
import type { CallOptions } from './options';
import type { Share } from './near_options';
import { JSON_CODEC, NO_CODEC, readBytes } from './parsed';
import { copyBy, planOf, type Plan } from './plan';
import type { Serializer } from './serializer';

/** The engine's knowledge of a copy. Times in milliseconds of the gate's clock. */
export interface CopyFacts {
  /** The engine's number for it. */
  readonly copy: number;
  /** The moment at which the entry's age was zero, or earlier. */
  readonly bornAt: number;
  readonly freshMs: number;
  readonly ttlMs: number;
  /** Not served after this. */
  readonly endsAt: number;
  readonly tags: readonly string[];
}

type State = 'text' | 'shared' | 'copied' | 'parsed each time' | 'bytes';

export class NearCopy {
  private state: State = 'text';
  private master: unknown = undefined;
  private readonly freshUntil: number;
  /** The tags that a caller named last. */
  private named: readonly string[] = [];
  /** Set with the state `copied`. */
  private plan: Plan | undefined = undefined;

  constructor(
    readonly facts: CopyFacts,
    private text: Payload,
  ) {
    this.freshUntil = Math.min(facts.bornAt + Math.min(facts.freshMs, facts.ttlMs), facts.endsAt);
  }

  get number(): number {
    return this.facts.copy;
  }

  /** Whether it has ended for everybody. */
  hasEnded(at: number): boolean {
    return at >= this.facts.endsAt;
  }

  /** Whether a reader without options may have it. */
  isFresh(at: number): boolean {
    return at < this.freshUntil;
  }

  /** Whether a caller with these options may have it as a fresh value. */
  serves(o: CallOptions, at: number): boolean {
    const { facts } = this;
    if (o.fresh === '' && o.maxAge === '' && o.early === undefined) {
      if (at >= this.freshUntil) return false;
    } else {
      const fresh = o.fresh === '' ? facts.freshMs : Number(o.fresh);
      const served = o.maxAge === '' ? facts.ttlMs : Math.min(Number(o.maxAge), facts.ttlMs);
      // From the point of an early refresh on, the engine has to see the read: it decides who refreshes.
      if (at >= facts.endsAt || at - facts.bornAt >= Math.min(fresh, served) * (o.early ?? 1)) return false;
    }
    return o.tags.length === 0 || this.hasTags(o.tags);
  }

  /** Whether the entry has all of these tags. Callers name the same ones again and again, mostly the same strings. */
  hasTags(tags: readonly string[]): boolean {
    const { named } = this;
    let i = 0;
    while (i < tags.length && i < named.length && tags[i] === named[i]) i++;
    if (i === tags.length) return true;
    for (i = 0; i < tags.length; i++) if (!this.facts.tags.includes(tags[i])) return false;
    this.named = tags.slice();
    return true;
  }

  /** The value, for one caller. Throws what the serializer throws. */
  read(serializer: Serializer, codec: number, share: Share): unknown {
    switch (this.state) {
      case 'shared':
        return this.master;
      case 'copied':
        return copyBy(this.master as object, this.plan as Plan);
      case 'parsed each time':
        return serializer.deserialize(this.text as string);
      case 'bytes':
        return copyOfBytes(this.text as Uint8Array);
      default:
        return this.readFirst(serializer, codec, share);
    }
  }

  private readFirst(serializer: Serializer, codec: number, share: Share): unknown {
    if (typeof this.text !== 'string') {
      // Memory cannot be frozen, so these are copied in any case.
      const copy = copyOfBytes(readBytes(codec, this.text));
      this.state = 'bytes';
      return copy;
    }
    const value = serializer.deserialize(this.text);
    if (codec === NO_CODEC) {
      this.state = 'parsed each time';
    } else if (typeof value !== 'object' || value === null) {
      this.hold(value, 'shared');
    } else if (share === 'frozen' && mayBeShared(value, codec)) {
      deepFreeze(value);
      this.hold(value, 'shared');
    } else if (share === 'copy' && (codec === JSON_CODEC ? isCopyable(value) : isPlain(value))) {
      this.hold(value, 'copied');
      this.plan = planOf(value);
      return copyBy(value, this.plan);
    } else {
      this.state = 'parsed each time';
    }
    return value;
  }

  private hold(value: unknown, state: State): void {
    this.master = value;
    this.state = state;
    this.text = '';
  }
}

/** Whether all callers may have one frozen object. Freezing does not keep a Date or a Map from being changed. */
export function mayBeShared(value: object, codec: number): boolean {
  return codec === JSON_CODEC || (codec !== NO_CODEC && isPlain(value));
}

/** Freezes a value and all that it contains, however deep. */
export function deepFreeze(value: object): void {
  const open: object[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    Object.freeze(next);
    for (const item of Object.values(next) as unknown[]) if (typeof item === 'object' && item !== null && !Object.isFrozen(item)) open.push(item);
  }
}
