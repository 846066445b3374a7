/**
 * How a client makes its commands. ioredis reads these options for each command, and applications change them at run time (they drop `keyPrefix`
 * for a moment, for example). hawser derives the defaults once and again when one of the options is assigned. It reads the options of the
 * connection whenever it opens one.
 */
import { AutoPipeline, type Sender } from './auto_pipeline';
import type { CommandOptions } from './command';
import type { ResolvedOptions } from '../options/options';

/** What happens to commands of a target between their call and `sendCommand`, by options that few clients have. */
export interface SlowPath {
  /** `showFriendlyErrorStack`: each command keeps where it was called. */
  readonly keepsStacks: boolean;
  /** `enableAutoPipelining`. */
  readonly autoPipeline: AutoPipeline | undefined;
}

/**
 * The names of what a client or a pipeline keeps for itself are symbols: scripts (`defineCommand('queue', ...)`) and the fields of subclasses may
 * have any other name, and JSON.stringify shows none of it.
 */
export const DEFAULTS = Symbol('defaults');
/** The client's own state; see {@link DEFAULTS}. */
export const LIFE = Symbol('life');

/** How a target makes its commands. */
export interface CommandDefaults {
  readonly utf8: CommandOptions;
  readonly buffers: CommandOptions;
  /** Undefined for most: then nothing is looked up per command. */
  readonly slowPath: SlowPath | undefined;
}

const WATCHED = ['keyPrefix', 'enableAutoPipelining', 'showFriendlyErrorStack'];

const VALUES = Symbol('values');
interface Watched {
  [VALUES]: Record<string, unknown> & { readonly listeners: (() => void)[] };
}

/** The same functions for all clients. */
const ACCESSORS = WATCHED.map((name) => ({
  configurable: true,
  get(this: Watched): unknown {
    return this[VALUES][name];
  },
  set(this: Watched, value: unknown): void {
    this[VALUES][name] = value;
    // One that was not given is no key, until it is.
    Object.defineProperty(this, name, { enumerable: true });
    for (const onChange of this[VALUES].listeners) onChange();
  },
}));

/**
 * Calls `onChange` whenever one of them is assigned. It makes the object three times as large and slow to make: for options that somebody has
 * asked for.
 */
export function watchOptions(options: ResolvedOptions, onChange: () => void): void {
  const known = (options as Partial<Watched>)[VALUES];
  if (known !== undefined) return void known.listeners.push(onChange);
  const values: Watched[typeof VALUES] = { listeners: [onChange] };
  for (const name of WATCHED) values[name] = options[name];
  Object.defineProperty(options, VALUES, { value: values, enumerable: false, configurable: true });
  WATCHED.forEach((name, i) => {
    Object.defineProperty(options, name, { ...ACCESSORS[i], enumerable: Object.hasOwn(options, name) });
  });
}

/** How commands of a client with these options are made; `former` is how they were. */
export function makeDefaults(client: Sender, options: ResolvedOptions, former?: CommandDefaults): CommandDefaults {
  const { showFriendlyErrorStack, enableAutoPipelining } = options;
  const given = (options.keyPrefix as unknown) || '';
  const keyPrefix = given instanceof Uint8Array ? (given as Buffer) : String(given);
  return {
    utf8: { replyEncoding: 'utf8', keyPrefix },
    buffers: { replyEncoding: null, keyPrefix },
    slowPath:
      showFriendlyErrorStack || enableAutoPipelining
        ? { keepsStacks: Boolean(showFriendlyErrorStack), autoPipeline: enableAutoPipelining ? heldBy(client, options, former) : undefined }
        : undefined,
  };
}

function heldBy(client: Sender, options: ResolvedOptions, former: CommandDefaults | undefined): AutoPipeline {
  const held = former?.slowPath?.autoPipeline ?? new AutoPipeline(client);
  held.options = options;
  return held;
}
