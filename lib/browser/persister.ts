/**
 * What `hawser/client/persister` exports: a persister on IndexedDB for `@tanstack/query-persist-client-core` and `@tanstack/react-query-persist-client` 5. An entry of its own, because it
 * needs `idb-keyval`.
 */
// eslint-disable-next-line @typescript-eslint/ban-ts-comment -- no error where modules are ES modules
// @ts-ignore -- its types say that it is an ES module alone; it has a CommonJS build as well
import { createStore, del, get, set, type UseStore } from 'idb-keyval';
import { badOption } from '../errors';
import { ownOptions } from '../names';
import type { QueryLike } from './query_client';

/** The options of `indexedDbPersister` and `persistOptions`. */
export interface PersisterOptions {
  /** Name of the database. Default `hawser`. */
  database?: string | undefined;
  /** Key of the stored cache. Take another one for each user of a browser. Default `queries`. */
  key?: string | undefined;
  /** Another buster drops what is stored: a version of the data's form. Default `''`. */
  buster?: string | undefined;
  /** What is stored is dropped after this time, in milliseconds. Default: a day. */
  maxAge?: number | undefined;
  /** The cache is stored at most once in this time, in milliseconds. Default 1,000. */
  throttleMs?: number | undefined;
  /** Whether a query with data is stored. Default: if its `meta.persist` is true, as `queryDefaults` sets it from the tier. */
  shouldPersist?: ((query: QueryLike) => boolean) | undefined;
  /** Called if the browser refuses to read or store, for example in a private window or on a full disk. The application goes on without. */
  onError?: ((error: unknown) => void) | undefined;
}

/** A stored cache. */
export interface StoredClient {
  timestamp: number;
  buster: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- TanStack's `DehydratedState`
  clientState: any;
}

/** The interface `Persister` of TanStack Query. */
export interface IndexedDbPersister {
  persistClient(client: StoredClient): Promise<void>;
  restoreClient(): Promise<StoredClient | undefined>;
  removeClient(): Promise<void>;
}

/** The options of `persistQueryClient` and `PersistQueryClientProvider`. */
export interface PersistOptions {
  /** Stores the cache in IndexedDB. */
  persister: IndexedDbPersister;
  /** Drops what another buster has stored. */
  buster: string;
  /** Drops what is older, in milliseconds. */
  maxAge: number;
  /** Which queries are stored. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a query of TanStack's, of any version
  dehydrateOptions: { shouldDehydrateQuery(query: any): boolean };
}

const NAMES = new Set(['database', 'key', 'buster', 'maxAge', 'throttleMs', 'shouldPersist', 'onError']);
const DAY_MS = 86_400_000;

/**
 * Options that store the queries of tiers with `persist: true` in IndexedDB. Throws TypeError or RangeError that names the option.
 *
 *     <PersistQueryClientProvider client={queryClient} persistOptions={persistOptions({ buster: 'v3', maxAge: 7 * 86_400_000 })} />
 */
export function persistOptions(options: PersisterOptions = {}): PersistOptions {
  const { buster = '', maxAge = DAY_MS, shouldPersist = isPersistent } = checked(options);
  return {
    persister: indexedDbPersister(options),
    buster,
    maxAge,
    dehydrateOptions: { shouldDehydrateQuery: (query: QueryLike & { state: { status?: string } }) => query.state.status === 'success' && shouldPersist(query) },
  };
}

/** The persister alone. It keeps nothing that is older than `maxAge` or has another buster, also if another library restores it. Throws as `persistOptions`. */
export function indexedDbPersister(options: PersisterOptions = {}): IndexedDbPersister {
  const { database = 'hawser', key = 'queries', buster, maxAge = DAY_MS, throttleMs = 1_000, onError } = checked(options);
  return new Stored({ database, key, buster, maxAge, throttleMs, onError });
}

const isPersistent = ({ meta }: QueryLike): boolean => meta?.persist === true;

type StoredOptions = Required<Pick<PersisterOptions, 'database' | 'key' | 'maxAge' | 'throttleMs'>> & Pick<PersisterOptions, 'buster' | 'onError'>;

/** Writes the latest client at most once in `throttleMs`. What the browser refuses is told, and never an error of the application. */
class Stored implements IndexedDbPersister {
  private store: UseStore | undefined;
  private next: StoredClient | undefined;
  private writing: Promise<void> | undefined;
  /** Writes and removals, one after the other. */
  private queue: Promise<void> = Promise.resolve();

  constructor(private readonly o: StoredOptions) {}

  persistClient(client: StoredClient): Promise<void> {
    this.next = client;
    return (this.writing ??= new Promise<void>((resolve) => setTimeout(resolve, this.o.throttleMs)).then(() => {
      this.writing = undefined;
      const { next } = this;
      this.next = undefined;
      return next === undefined ? undefined : this.inTurn(() => set(this.o.key, next, this.open()));
    }));
  }

  async restoreClient(): Promise<StoredClient | undefined> {
    try {
      const stored: unknown = await get(this.o.key, this.open());
      if (stored === undefined || (isStored(stored) && this.isCurrent(stored))) return stored;
    } catch (error) {
      this.refused(error);
      return undefined;
    }
    await this.removeClient();
    return undefined;
  }

  removeClient(): Promise<void> {
    this.next = undefined;
    return this.inTurn(() => del(this.o.key, this.open()));
  }

  private isCurrent({ timestamp, buster }: StoredClient): boolean {
    return Date.now() - timestamp <= this.o.maxAge && (this.o.buster === undefined || buster === this.o.buster);
  }

  private inTurn(run: () => Promise<void>): Promise<void> {
    const again = (error: unknown): Promise<void> => {
      if ((error as { name?: unknown } | null)?.name !== 'InvalidStateError') throw error;
      // The browser has closed the database, for example because the user has cleared the site's data.
      this.store = undefined;
      return run();
    };
    return (this.queue = this.queue.then(run).catch(again).catch((error: unknown) => this.refused(error)));
  }

  /** A database that could not be opened is opened again by the next use. */
  private refused(error: unknown): void {
    this.store = undefined;
    this.o.onError?.(error);
  }

  /** At first use, since servers render without IndexedDB. */
  private open(): UseStore {
    return (this.store ??= createStore(this.o.database, 'queries'));
  }
}

function isStored(value: unknown): value is StoredClient {
  return typeof value === 'object' && value !== null && typeof (value as StoredClient).timestamp === 'number' && typeof (value as StoredClient).buster === 'string';
}

function checked(options: PersisterOptions): PersisterOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) badOption('options', 'an object', options);
  const own = ownOptions(options);
  for (const name in own) {
    if (!NAMES.has(name)) throw Object.assign(new TypeError(`options.${name} is not an option; there are: ${[...NAMES].join(', ')}`), { code: 'E_BAD_OPTION' });
  }
  for (const name of ['database', 'key'] as const) {
    if (own[name] !== undefined && (typeof own[name] !== 'string' || own[name] === '')) badOption(`options.${name}`, 'a non-empty string', own[name]);
  }
  if (own.buster !== undefined && typeof own.buster !== 'string') badOption('options.buster', 'a string', own.buster);
  for (const name of ['maxAge', 'throttleMs'] as const) {
    const value: unknown = own[name];
    if (value !== undefined && !(typeof value === 'number' && value >= 0)) badOption(`options.${name}`, 'a number of milliseconds from 0', value, typeof value === 'number' ? RangeError : TypeError);
  }
  for (const name of ['shouldPersist', 'onError'] as const) {
    if (own[name] !== undefined && typeof own[name] !== 'function') badOption(`options.${name}`, 'a function', own[name]);
  }
  return own;
}
