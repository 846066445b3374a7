/**
 * Options by which commands are made. ioredis reads them for each command, and applications change them on the way (no `keyPrefix` for a moment,
 * for example); here what follows from them is kept, and made anew when one of them is assigned. Options of the connection are read whenever one
 * is opened.
 */
import { AutoPipeline, type Sender } from '../command/auto_pipeline';
import type { Way } from '../command/commander';
import type { ResolvedOptions } from './options';

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
export function wayOf(client: Sender, options: ResolvedOptions, former?: Way): Way {
  const { showFriendlyErrorStack, enableAutoPipelining } = options;
  const given = (options.keyPrefix as unknown) || '';
  const keyPrefix = given instanceof Uint8Array ? (given as Buffer) : String(given);
  return {
    utf8: { replyEncoding: 'utf8', keyPrefix },
    buffers: { replyEncoding: null, keyPrefix },
    detours:
      showFriendlyErrorStack || enableAutoPipelining
        ? { keepsStacks: Boolean(showFriendlyErrorStack), autoPipeline: enableAutoPipelining ? heldBy(client, options, former) : undefined }
        : undefined,
  };
}

function heldBy(client: Sender, options: ResolvedOptions, former: Way | undefined): AutoPipeline {
  const held = former?.detours?.autoPipeline ?? new AutoPipeline(client);
  held.options = options;
  return held;
}
