/**
 * How a client makes its commands. ioredis reads these options for each command, and applications change them at run time (for example,
 * they drop `keyPrefix` for a moment). hawser derives the defaults once, and again when one of these options is assigned. It reads
 * connection options whenever it opens a connection.
 */
import { define } from '../names';
import { AutoPipeline, type Held, type Sender } from './auto_pipeline';
import type { CommandOptions } from './command';
import type { TargetOptions } from './target_options';

/** Extra steps between a command's call and `sendCommand`, for options that few clients use. */
export interface SlowPath {
  /** `showFriendlyErrorStack`: each command keeps its caller's stack. */
  readonly keepsStacks: boolean;
  /** `enableAutoPipelining`. */
  readonly autoPipeline: Held | undefined;
}

/**
 * The internal members of a client or a pipeline have symbols as names, so that scripts (`defineCommand('queue', ...)`) and fields of
 * subclasses may use any name, and JSON.stringify does not show them.
 */
export const DEFAULTS = Symbol('defaults');
/** The client's own state; see {@link DEFAULTS}. */
export const LIFE = Symbol('life');

/** How a target makes its commands. */
export interface CommandDefaults {
  readonly utf8: CommandOptions;
  readonly buffers: CommandOptions;
  /** Undefined for most clients; then nothing is looked up per command. */
  readonly slowPath: SlowPath | undefined;
}

const WATCHED = ['keyPrefix', 'enableAutoPipelining', 'showFriendlyErrorStack'] as const;

const VALUES = Symbol('values');
interface Watched {
  [VALUES]: Record<string, unknown> & { readonly listeners: (() => void)[] };
}

/** Accessors that all clients share. */
const ACCESSORS = WATCHED.map((name) => ({
  configurable: true,
  get(this: Watched): unknown {
    return this[VALUES][name];
  },
  set(this: Watched, value: unknown): void {
    this[VALUES][name] = value;
    // An option that was not passed becomes enumerable when it is assigned.
    Object.defineProperty(this, name, { __proto__: null, enumerable: true } as PropertyDescriptor);
    for (const onChange of this[VALUES].listeners) onChange();
  },
}));

/**
 * Calls `onChange` whenever one of these options is assigned. This makes the object three times as large and slow to make, so it is done
 * only for options that somebody has read.
 */
export function watchOptions(options: TargetOptions, onChange: () => void): void {
  const known = (options as Partial<Watched>)[VALUES];
  if (known !== undefined) return void known.listeners.push(onChange);
  const values: Watched[typeof VALUES] = { listeners: [onChange] };
  for (const name of WATCHED) values[name] = options[name];
  define(options, VALUES, values);
  WATCHED.forEach((name, i) => {
    Object.defineProperty(options, name, { __proto__: null, ...ACCESSORS[i], enumerable: Object.hasOwn(options, name) } as PropertyDescriptor);
  });
}

/** The defaults of a client with these options. `former` are its previous defaults. */
export function makeDefaults(
  client: Sender,
  options: TargetOptions,
  former?: CommandDefaults,
  makeHeld: () => Held = () => new AutoPipeline(client),
): CommandDefaults {
  const { showFriendlyErrorStack, enableAutoPipelining } = options;
  const given = (options.keyPrefix as unknown) || '';
  const keyPrefix = given instanceof Uint8Array ? (given as Buffer) : String(given);
  return {
    utf8: { replyEncoding: 'utf8', keyPrefix },
    buffers: { replyEncoding: null, keyPrefix },
    slowPath:
      showFriendlyErrorStack || enableAutoPipelining
        ? { keepsStacks: Boolean(showFriendlyErrorStack), autoPipeline: enableAutoPipelining ? heldBy(options, former, makeHeld) : undefined }
        : undefined,
  };
}

function heldBy(options: TargetOptions, former: CommandDefaults | undefined, makeHeld: () => Held): Held {
  const held = former?.slowPath?.autoPipeline ?? makeHeld();
  held.options = options;
  return held;
}
