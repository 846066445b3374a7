/** The second argument of a loader of several keys. */
import { badOption } from '../errors';
import type { Context, LoaderContext } from './context';
import type { LoadSignal } from './waiters';

/** The second argument of a loader of several keys. */
export interface ManyLoaderContext {
  /** As `LoaderContext.signal`: aborts when nobody in this process waits for any of these keys any more. Absent in a background refresh. */
  readonly signal?: AbortSignal | undefined;
  /** As `LoaderContext.addTags`, for one key or for all keys of this call. Await it before you read the source. */
  addTags: ((tags: readonly string[]) => Promise<void>) & ((key: string, tags: readonly string[]) => Promise<void>);
  /** As `LoaderContext.setTags`, for one key or for all keys of this call. */
  setTags: ((tags: readonly string[]) => void) & ((key: string, tags: readonly string[]) => void);
  /** What a loader of this key alone would get: `setTtl`, `setStaleAfter`, `skip`, `stale` and `keep` among it. Throws TypeError for any other key. */
  of: (key: string) => LoaderContext;
}

type Args = readonly [tags: readonly string[]] | readonly [key: string, tags: readonly string[]];

export class ManyContext implements ManyLoaderContext {
  constructor(
    private readonly contexts: readonly Context[],
    private readonly ownSignal: LoadSignal | undefined,
  ) {}

  get signal(): AbortSignal | undefined {
    return this.ownSignal?.signal;
  }

  get keys(): string[] {
    return this.contexts.map(({ key }) => key);
  }

  readonly of = (key: string): Context => this.contexts.find((context) => context.key === key) ?? badOption('key', 'one of the keys that are loaded', key);

  readonly addTags = async (...args: Args): Promise<void> => {
    const [contexts, tags] = this.meant(args);
    await Promise.all(contexts.map((context) => context.addTags(tags)));
  };

  readonly setTags = (...args: Args): void => {
    const [contexts, tags] = this.meant(args);
    for (const context of contexts) context.setTags(tags);
  };

  private meant(args: Args): [contexts: readonly Context[], tags: readonly string[]] {
    return args.length === 1 ? [this.contexts, args[0]] : [[this.of(args[0])], args[1]];
  }

  /** Call this after the loader has settled. */
  async close(): Promise<void> {
    await Promise.all(this.contexts.map((context) => context.close()));
  }

  /** As {@link Context.detach}. */
  detach(): void {
    this.ownSignal?.detach();
  }

  /** The loader's time is over. */
  expire(error: unknown): void {
    this.ownSignal?.abort(error);
    for (const context of this.contexts) context.expire(error);
  }
}
