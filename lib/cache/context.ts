/** The argument of a loader: what it learns about its load, and what it says about its result. */
import { HawserError } from '../errors';
import { refusingPromise } from '../guard';
import { Decision } from '../contract.generated';
import type { Load } from './call';
import { decodeStored } from './decoding';
import type { CallOptions } from './options';
import { warnTagsOff, type CachePort } from './port';
import { jittered } from './rules';
import type { ResultOptions } from './result_options';
import { checkSeconds, checkTags, checkTtl, MAX_TAGS } from './validate';
import type { LoadSignal } from './waiters';

/** The argument of a loader. */
export interface LoaderContext {
  /** The key, as the caller passed it. */
  readonly key: string;
  /**
   * Aborts when nobody in this process waits for the load any more, because all of its callers have given up (their own `signal`), and when
   * `loaderTimeoutMs.hard` has passed. It never aborts because only one of several callers has given up. The loader may stop then; a value
   * that it returns all the same is stored, unless its time is over. Absent in a background refresh without a time limit, which nobody waits for.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Adds tags that only the loader knows to the tags of the call. Await it **before** you read the source, so that no invalidation during
   * the read is missed. It resolves even if Redis could not be reached; the value is then returned and not stored. Rejects with TypeError
   * or RangeError for invalid tags, and with HawserError `E_LOAD_OVER` after the loader has settled.
   */
  addTags: (tags: readonly string[]) => Promise<void>;
  /**
   * Tags the result with tags that are known only from the source. The value is stored if none of them can have been invalidated since the
   * load began; otherwise it is returned and not stored. Prefer `addTags`, or the option `tagsFrom`, which announces such tags: without either,
   * the first result of a process that brings an unknown tag is not stored. Throws TypeError, RangeError, and `E_LOAD_OVER`.
   */
  setTags: (tags: readonly string[]) => void;
  /** Sets the time to live of the result in seconds, in place of the call's. Throws RangeError, and `E_LOAD_OVER` after the loader has settled. */
  setTtl: (seconds: number) => void;
  /**
   * Sets the age from which the result is stale, in seconds, at most its time to live. It holds for readers that leave it to the entry: one that names `staleAfter`
   * itself, or whose repository does, decides by that. Throws as `setTtl`.
   */
  setStaleAfter: (seconds: number) => void;
  /** The result is returned and not stored. Returns `undefined`, so that a loader without a result may `return skip()`. */
  skip: () => undefined;
  /**
   * The value that this load replaces, as a copy of its own, or `undefined`: the entry was there and not invalidated, but stale, expired and
   * kept, or too old for its caller. For conditional requests to a source: send its ETag along.
   */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the loader knows what it has stored under this key
  readonly stale: any;
  /**
   * The source says that `stale` has not changed: it is stored again for a new time to live, without being sent to Redis where it is still there,
   * and it is the result. Write `return keep()`. Throws HawserError `E_NOTHING_TO_KEEP` if there is no such value, and `E_LOAD_OVER`.
   */
  keep: () => never;
}

const NO_TAGS: readonly string[] = [];

export class Context implements LoaderContext {
  /** The value must not be stored: one of its tags could not be, or the loader said so. */
  unstorable = false;
  isSkipped = false;
  private over = false;
  private readonly all: Set<string>;
  private adding: Promise<void>[] = [];
  private resultTags: readonly string[] = NO_TAGS;
  private ttl = '';
  private fresh = '';
  private former: { readonly value: unknown } | undefined;
  private isKept = false;

  constructor(
    private readonly port: CachePort,
    readonly key: string,
    /** Absent if nothing is stored. */
    private readonly load: Load | undefined,
    private readonly options: CallOptions,
    private readonly ownSignal: LoadSignal | undefined,
  ) {
    this.all = new Set(options.tags);
  }

  get signal(): AbortSignal | undefined {
    return this.ownSignal?.signal;
  }

  /** A property, as the others, so that a loader may destructure its context: `({ addTags }) => ...`. */
  readonly addTags = async (tags: readonly string[]): Promise<void> => {
    const list = this.admit(tags, 'addTags');
    if (list.length === 0 || this.load === undefined || this.unstorable) return;
    const added = this.tell(this.load, list);
    this.adding.push(added);
    await added;
  };

  readonly setTags = (tags: readonly string[]): void => {
    this.resultTags = [...this.resultTags, ...this.admit(tags, 'setTags')];
  };

  readonly setTtl = (seconds: number): void => {
    this.refuseIfOver('setTtl');
    this.ttl = String(checkTtl('ttl', seconds));
  };

  readonly setStaleAfter = (seconds: number): void => {
    this.refuseIfOver('setStaleAfter');
    this.fresh = String(checkSeconds('staleAfter', seconds));
  };

  readonly skip = (): undefined => {
    this.isSkipped = true;
    return undefined;
  };

  get stale(): unknown {
    return this.staleValue();
  }

  readonly keep = (): never => {
    this.refuseIfOver('keep');
    const value = this.staleValue();
    if (this.former === undefined) throw new HawserError('E_NOTHING_TO_KEEP', 'keep was called where there is no value to keep: look at `stale` first');
    this.isKept = true;
    return value as never;
  };

  /** Read once, when the loader asks for it: most loaders do not. */
  private staleValue(): unknown {
    const { load, port } = this;
    if (this.former !== undefined || load === undefined || this.over) return this.former?.value;
    const stored = port.driver.stale(load);
    const decoded = stored === undefined ? undefined : decodeStored(port, stored);
    if (decoded?.ok === true) this.former = { value: decoded.value };
    return this.former?.value;
  }

  /** The tags of a list that are new. */
  private admit(tags: readonly string[], name: string): string[] {
    const list = checkTags('tags', tags);
    this.refuseIfOver(name);
    return this.include(list);
  }

  private include(tags: readonly string[]): string[] {
    const list = tags.filter((tag) => !this.all.has(tag));
    if (this.all.size + list.length > MAX_TAGS) {
      throw Object.assign(new RangeError(`an entry may have at most ${MAX_TAGS} tags, got ${this.all.size + list.length} with those added`), { code: 'E_BAD_OPTION' });
    }
    for (const tag of list) this.all.add(tag);
    if (list.length > 0 && !this.port.tags) {
      warnTagsOff(this.port);
      this.unstorable = true;
    }
    return list;
  }

  private refuseIfOver(name: string): void {
    if (this.over) throw new HawserError('E_LOAD_OVER', `${name} was called after the loader had settled; call it inside the loader, and await addTags there`);
  }

  private async tell(load: Load, tags: readonly string[]): Promise<void> {
    const call = await this.port.driver.addTags(load, tags).next();
    if (call.kind === Decision.Error) this.unstorable = true;
  }

  /** The loader's result: the kept value, if the loader has said that it is to stay. */
  result<T>(value: T): T {
    if (value !== undefined && value !== this.former?.value) this.isKept = false;
    return this.isKept ? (this.former?.value as T) : value;
  }

  /** Whether the result is the value that was to be replaced. Valid after `result`. */
  get keepsFormer(): boolean {
    return this.isKept;
  }

  /** What the loader, and the options of its call, say about this result; undefined if nothing. Throws for invalid tags of `tagsFrom`. */
  resultOptions(value: unknown): ResultOptions | undefined {
    const { rules } = this.options;
    let { ttl } = this;
    let keep = '';
    if (ttl === '' && value === null && rules?.negativeTtl !== undefined) {
      ttl = String(rules.negativeTtl);
      keep = '0';
    }
    if (ttl === '' && rules !== undefined && rules.jitter > 0) ttl = jittered(this.options.ttl, rules);
    let tags = this.resultTags;
    if (rules?.tagsFrom !== undefined && value !== null) {
      const taken = refusingPromise((rules.tagsFrom as (value: unknown, key: string) => unknown)(value, this.key));
      tags = [...tags, ...this.include(checkTags('the result of cache.tagsFrom', taken))];
    }
    if (ttl === '' && keep === '' && this.fresh === '' && tags.length === 0) return undefined;
    return { ttl, keep, fresh: this.fresh, tags };
  }

  /** Call this when the loader has settled: refuses further words. */
  end(): void {
    this.over = true;
    this.ownSignal?.close();
  }

  /** Call this after the loader has settled: also waits for tags that are on their way. */
  async close(): Promise<void> {
    this.end();
    if (this.adding.length > 0) await Promise.all(this.adding);
  }

  /** The loader's time is over. */
  expire(error: unknown): void {
    this.ownSignal?.abort(error);
    // Nobody waits for tags of a load that has failed.
    this.adding = [];
    this.end();
  }

  /** Nobody waits for the load any more, and it goes on all the same. */
  detach(): void {
    this.ownSignal?.detach();
  }
}
