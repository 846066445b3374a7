/**
 * What is known about a command by its name: where its keys are (from `@ioredis/commands`), its class (from the core), its transformers.
 * One `Meta` per name as typed, made at its first use.
 */
import { exists, getKeyIndexes, list } from '@ioredis/commands';
import { native } from '../native';

export type Argument = string | Buffer | number | null | undefined | object;
/* eslint-disable @typescript-eslint/no-explicit-any -- as in ioredis: what comes and goes is the transformer's to know */
/** Arguments as the caller gave them, lists flattened, to what is sent in their place. */
export type ArgumentTransformer = (args: any[]) => any[];
/** What a reply transformer is told about its command. */
export interface ReplyContext {
  commandName: string;
  protocol: 2 | 3;
  replyMapping: 'legacy' | 'resp3';
}
/** A reply as it came, to what the caller gets. What it throws rejects the command. */
export type ReplyTransformer = (reply: any, context: ReplyContext) => any;
/* eslint-enable @typescript-eslint/no-explicit-any */

/** Bits of a command's class that the facade sets per call. See `src/command/class.rs`. */
export const enum ClassBit {
  Idempotent = 1,
  Blocking = 2,
  Loading = 1 << 3,
  Buffers = 1 << 16,
  PipelineTail = 1 << 17,
  InTransaction = 1 << 18,
}

/** Arguments that mark keys where they mean anything: a count, a store's name, sources. */
const FOLLOWERS = ['2', 'GET', 'BY', 'STORE', 'STOREDIST', 'STREAMS', 'KEYS', ''].map((word) => [word, word, word, word, word, word, word, word]);

/** Which arguments of a command are keys. */
export function keyIndexes(name: string, args: readonly (string | Buffer)[]): number[] {
  if (!exists(name)) return [];
  try {
    return getKeyIndexes(name, args as (string | Buffer)[], { nameCaseInsensitive: true });
  } catch {
    return [];
  }
}

export class Meta {
  readonly lower: string;
  readonly class: number;
  /** Commands that change what the client itself has to know: they take the long way. */
  readonly takesSlowPath: boolean;
  readonly isExec: boolean;
  /** Whether the first argument is its key, and the only one, whatever follows: then nobody has to look for keys per call. */
  readonly hasOneKey: boolean;
  argumentTransformer: ArgumentTransformer | undefined;
  replyTransformer: ReplyTransformer | undefined;
  /** `*<count>\r\n$<length>\r\n<name>\r\n` by number of arguments. */
  readonly heads: (Buffer | undefined)[] = [];

  constructor(readonly name: string) {
    this.lower = name.toLowerCase();
    this.class = native.classify(this.lower);
    this.isExec = this.lower === 'exec';
    this.hasOneKey = FOLLOWERS.every((args) => String(keyIndexes(this.lower, args)) === '0');
    // By the name as typed, as in ioredis: `call('HGETALL')` gets what the server sent.
    this.refresh();
    this.takesSlowPath = ((this.class >> 8) & 0xff) !== 0 || (this.class & ClassBit.Blocking) !== 0;
  }

  /** Takes over the transformers of its name. What is no function is none: some set null to be rid of one. */
  refresh(): void {
    const argument = argumentTransformers[this.name];
    const reply = replyTransformers[this.name];
    this.argumentTransformer = typeof argument === 'function' ? argument : undefined;
    this.replyTransformer = typeof reply === 'function' ? reply : undefined;
  }

  head(args: number): Buffer {
    return (this.heads[args] ??= Buffer.from(`*${args + 1}\r\n$${Buffer.byteLength(this.name)}\r\n${this.name}\r\n`));
  }
}

const argumentTransformers = Object.create(null) as Record<string, ArgumentTransformer | undefined>;
const replyTransformers = Object.create(null) as Record<string, ReplyTransformer | undefined>;

const metas = new Map<string, Meta>();
/** Names come from code, not from data; an application that makes them up must not fill the memory. */
const MAX_METAS = 4096;

export function metaOf(name: string): Meta {
  let meta = metas.get(name);
  if (meta === undefined) {
    meta = new Meta(name);
    if (metas.size < MAX_METAS) metas.set(name, meta);
  }
  return meta;
}

/** A table that people write to and delete from, as in ioredis; commands read the copies in their `Meta`. */
function watched<T>(table: Record<string, T | undefined>): Record<string, T | undefined> {
  return new Proxy(table, {
    set(target, name: string, transformer: T) {
      target[name] = transformer;
      metas.get(name)?.refresh();
      return true;
    },
    deleteProperty(target, name: string) {
      delete target[name];
      metas.get(name)?.refresh();
      return true;
    },
  });
}

/** Transformers by name, for all clients of the process, as in ioredis. */
export const transformers = { argument: watched(argumentTransformers), reply: watched(replyTransformers) };

/** Names that get methods: all commands but `monitor`, which is a method of its own, and `sentinel`. */
export const builtinCommands: string[] = list.filter((name) => name !== 'monitor').concat('sentinel');
