/**
 * The parsed values of this process: what stored texts mean, by the numbers that the engine gives to stamps. A stamp names one stored value for
 * ever, so a hit whose stamp is here needs no text: it gets a copy. The engine decides which values may be served; this is only their place.
 */
import { BoundedMap } from './bounded';
import { copyOfBytes, lengthOf, type Payload } from './bytes';
import { copyOf, isCopyable, isPlain } from './copy';
import { evicted } from '../observe/cache_channels';
import { copyBy, planOf, type Plan } from './plan';
import { JSON_SERIALIZER, type Serializer } from './serializer';

/** What a value takes besides its text: its places here and in the engine. */
const OVERHEAD_BYTES = 256;

/** Readers that need the text. */
export const NO_CODEC = 0;
/** Readers of plain JSON. */
export const JSON_CODEC = 1;
let lastCodec = JSON_CODEC;
const codecs = new WeakMap<Serializer, number>();

/** The number of a serializer. Readers with the same number may share parsed values; with `NO_CODEC`, they get the text. */
export function codecOf(serializer: Serializer | undefined): number {
  if (serializer === undefined || serializer === JSON_SERIALIZER) return JSON_CODEC;
  if (serializer.copyable !== true) return NO_CODEC;
  let codec = codecs.get(serializer);
  if (codec === undefined) codecs.set(serializer, (codec = ++lastCodec));
  return codec;
}

/** A payload that is no text, for a reader with this codec. Throws for readers that need a text. */
export function readBytes(codec: number, payload: Uint8Array | null): Uint8Array {
  // The core passes null for a text that JavaScript cannot hold, and JSON.parse accepts null.
  if (payload === null) throw new TypeError('the stored value is longer than a string can be');
  if (codec !== JSON_CODEC) throw new TypeError('the stored value is bytes, and a serializer of its own needs a text');
  return payload;
}

/** Whose values are evicted. */
export interface Owner {
  readonly prefix: string;
  counters: { nearEvictions: number; parsedEvictions: number };
}

/** One stored value. It keeps its text until it is read a second time: many values are read once. Bytes are copied for each reader. */
export class ParsedValue {
  private state: 'new' | 'read' | 'copied' | 'text' = 'new';
  private master: unknown = undefined;
  /** How to copy it. Made by the second copy: many values are copied once. */
  private plan: Plan | undefined = undefined;
  /** Of the repository that has read it last. */
  owner: Owner | undefined = undefined;

  /** `null`: a text that JavaScript cannot hold. */
  constructor(private text: Payload | null) {}

  /** The value, for one caller alone. `serializer` is the one that its readers have. Throws what `deserialize` throws. */
  read(serializer: Serializer, codec: number): unknown {
    if (this.state === 'copied') return this.copy();
    if (typeof this.text !== 'string') return copyOfBytes(readBytes(codec, this.text));
    const value = serializer.deserialize(this.text);
    if (this.state === 'new') {
      this.state = 'read';
    } else if (this.state === 'read') {
      this.state = 'text';
      if (codec === JSON_CODEC ? isCopyable(value) : isPlain(value)) {
        this.state = 'copied';
        this.master = value;
        this.text = '';
        return copyOf(value);
      }
    }
    return value;
  }

  private copy(): unknown {
    const { master } = this;
    return typeof master === 'object' && master !== null ? copyBy(master, (this.plan ??= planOf(master))) : master;
  }
}

/** The parsed values of one engine, bounded. The least recently used ones go first. */
export class ParsedValues {
  private readonly values: BoundedMap<number, ParsedValue> | undefined;
  /** Values that were evicted, until the engine knows it: a decision that names them may be on its way. */
  private readonly evicted = new Map<number, ParsedValue>();

  /** `maxBytes` bounds twice the lengths of the texts and bytes. `dropped` is told the number of every value that is not kept any longer. */
  constructor(
    maxBytes: number,
    private readonly dropped: (id: number) => void,
  ) {
    if (maxBytes <= 0) return;
    this.values = new BoundedMap<number, ParsedValue>(maxBytes, (value, id, isReplaced) => {
      if (!isReplaced) noteEviction(value);
      this.drop(id, value);
    });
  }

  /** Takes the text or the bytes of a value over, under the engine's number for it. */
  keep(id: number, text: Payload | null): void {
    const value = new ParsedValue(text);
    if (this.values?.set(id, value, 2 * lengthOf(text) + OVERHEAD_BYTES) !== true) this.drop(id, value);
  }

  /** The value under a number that a decision names. */
  get(id: number): ParsedValue | undefined {
    return this.values?.get(id) ?? this.evicted.get(id);
  }

  private drop(id: number, value: ParsedValue): void {
    this.evicted.set(id, value);
    this.dropped(id);
  }

  /** The engine knows everything that was dropped, and all its decisions have been taken. */
  release(): void {
    if (this.evicted.size > 0) this.evicted.clear();
  }

  /** How many bytes its values take, by the measure of `maxBytes`. */
  get bytes(): number {
    return this.values?.bytes ?? 0;
  }

  /** How many values there are. */
  get size(): number {
    return this.values?.size ?? 0;
  }
}

/** A value that nobody has read belongs to no repository. */
function noteEviction({ owner }: ParsedValue): void {
  if (owner !== undefined) owner.counters.parsedEvictions++;
  evicted('parsed', owner?.prefix);
}
