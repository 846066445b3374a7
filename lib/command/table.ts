/**
 * Properties of a command by its name: the positions of its keys (from `@ioredis/commands`), its class (from the core), its transformers.
 * There is one `Meta` per spelling of a name, made at first use.
 */
import { exists, getKeyIndexes, hasFlag, list } from '@ioredis/commands';
import { ClassBit } from '../contract.generated';
import { native } from '../native';

export type Argument = string | Buffer | number | null | undefined | object;
/* eslint-disable @typescript-eslint/no-explicit-any -- as in ioredis: the transformer knows its types */
/** Takes the caller's arguments with lists flattened; returns the arguments to send. */
export type ArgumentTransformer = (args: any[]) => any[];
/** What a reply transformer knows about its command. */
export interface ReplyContext {
  commandName: string;
  protocol: 2 | 3;
  replyMapping: 'legacy' | 'resp3';
}
/** Takes a reply; returns the value for the caller. If it throws, the command rejects with the exception. */
export type ReplyTransformer = (reply: any, context: ReplyContext) => any;
/* eslint-enable @typescript-eslint/no-explicit-any */

/** Arguments that can mark other arguments as keys: a count, a destination, sources. */
const FOLLOWERS = ['2', 'GET', 'BY', 'STORE', 'STOREDIST', 'STREAMS', 'KEYS', ''].map((word) => [word, word, word, word, word, word, word, word]);

/** The indexes of the arguments that are keys. */
export function keyIndexes(name: string, args: readonly (string | Buffer)[]): number[] {
  if (!exists(name)) return [];
  try {
    return getKeyIndexes(name, args as (string | Buffer)[], { nameCaseInsensitive: true });
  } catch {
    return [];
  }
}

/** Whether the command changes nothing, so that a replica may run it. */
export function isReadOnly(name: string): boolean {
  return exists(name) && hasFlag(name, 'readonly');
}

export class Meta {
  readonly lower: string;
  readonly class: number;
  /** Whether the command changes state that the client tracks, and therefore takes the slow path. */
  readonly takesSlowPath: boolean;
  readonly isExec: boolean;
  /** Whether the command only reads, by the command table. */
  readonly isReadOnly: boolean;
  /** Whether the first argument is always the only key. If so, no call has to search for keys. */
  readonly hasOneKey: boolean;
  argumentTransformer: ArgumentTransformer | undefined;
  replyTransformer: ReplyTransformer | undefined;
  /** `*<count>\r\n$<length>\r\n<name>\r\n` by number of arguments. */
  readonly heads: (Buffer | undefined)[] = [];

  constructor(readonly name: string) {
    this.lower = name.toLowerCase();
    this.class = native.classify(this.lower);
    this.isExec = this.lower === 'exec';
    this.isReadOnly = exists(this.lower) && hasFlag(this.lower, 'readonly');
    this.hasOneKey = FOLLOWERS.every((args) => String(keyIndexes(this.lower, args)) === '0');
    // Uses the name as the caller spelled it, as in ioredis: `call('HGETALL')` returns the server's reply.
    this.refresh();
    this.takesSlowPath = this.lower === 'himport' || (this.class & (ClassBit.Kind | ClassBit.Blocking)) !== 0;
  }

  /**
   * Reads the transformers of its name again. Ignores values that are not functions, because some code sets null to remove a transformer.
   */
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
/** Bounds the cache, in case an application makes up command names. */
const MAX_METAS = 4096;

export function metaOf(name: string): Meta {
  let meta = metas.get(name);
  if (meta === undefined) {
    meta = new Meta(name);
    if (metas.size < MAX_METAS) metas.set(name, meta);
  }
  return meta;
}

/** A table that applications may write to and delete from, as in ioredis. Commands read the copies in their `Meta`. */
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

/** The transformers by name, shared by all clients of the process, as in ioredis. */
export const transformers = { argument: watched(argumentTransformers), reply: watched(replyTransformers) };

/** The names that get methods: all commands except `monitor`, which has its own method, and also `sentinel`. */
export const builtinCommands: string[] = list.filter((name) => name !== 'monitor').concat('sentinel');
