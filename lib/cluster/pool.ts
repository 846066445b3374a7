/**
 * The connections to the nodes: one `Redis` for each number that the core gives to an address. A node that has ended leaves the pool; the
 * core opens it again when it is needed, as a new `Redis`.
 */
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { LIFE } from '../command/command_defaults';
import { Redis } from '../client/redis';
import { noop } from '../client/lifecycle';
import type { CommandOwner } from '../link/link_client';
import type { NodeRole, ResolvedClusterOptions } from '../options/cluster_options';
import type { ClientOptions, HimportFieldset } from '../options/options';
import { addressOf, keyOf, NAME, type NodeOptions } from './startup';

export interface PoolEvents {
  onAdded(redis: Redis): void;
  onRemoved(redis: Redis, key: string): void;
  onUp(node: number): void;
  /** The node's connection is lost; `ended`: it will not try again. */
  onDown(node: number, ended: boolean): void;
  onError(error: Error, key: string): void;
  /** Who takes over the commands that a node refuses or gives up. */
  ownerOf(node: number): CommandOwner;
}

export class Pool {
  /** The connections by the core's numbers. A sparse list: what is missing is no node or has ended. */
  readonly byNumber: (Redis | undefined)[] = [];
  private readonly byKey = new Map<string, Redis>();
  private readonly keys: string[] = [];
  /** The options that the caller gave for single nodes. */
  private specified = new Map<string, NodeOptions>();

  /** What each master's connection prepares. */
  private readonly fieldsets: readonly HimportFieldset[] | undefined;

  constructor(
    private readonly options: ResolvedClusterOptions,
    private readonly events: PoolEvents,
  ) {
    if (options.himportFieldsets?.length) this.fieldsets = options.himportFieldsets;
  }

  get size(): number {
    return this.byKey.size;
  }

  /** Whether a node can be talked to now. */
  get isUp(): boolean {
    return [...this.byKey.values()].some(({ status }) => status === 'ready');
  }

  get(key: string): Redis | undefined {
    return this.byKey.get(key);
  }

  /** The address of the core's number. */
  keyOf(node: number): string | undefined {
    return this.keys[node];
  }

  /** The nodes of a role, as far as it is known. */
  list(role: NodeRole = 'all'): Redis[] {
    const all = [...this.byKey.values()];
    return role === 'all' ? all : all.filter(({ options }) => Boolean(options.readOnly) === (role === 'slave'));
  }

  /**
   * A node of a role by chance: one that is about to answer, if there is one, and of these one with the fewest commands that wait for an answer, so that
   * a node that hangs gets none that any other could answer. Every command without a key comes here, so nothing is allocated.
   */
  sample(role: NodeRole, former?: Redis): Redis | undefined {
    let found: Redis | undefined;
    let isAble = false;
    let fewest = 0;
    let equals = 0;
    for (const redis of this.byKey.values()) {
      const { options, link } = redis[LIFE];
      if (redis === former || (role !== 'all' && Boolean(options.readOnly) !== (role === 'slave'))) continue;
      const { status } = redis;
      const isAbleToo = status === 'ready' || status === 'wait';
      const queued = link?.queued ?? 0;
      if (found === undefined || (isAbleToo && !isAble) || (isAbleToo === isAble && queued < fewest)) {
        found = redis;
        isAble = isAbleToo;
        fewest = queued;
        equals = 1;
      } else if (isAbleToo === isAble && queued === fewest && Math.random() * ++equals < 1) {
        found = redis;
      }
    }
    return found;
  }

  /** The options of these nodes win over those of all nodes. */
  specify(nodes: readonly NodeOptions[]): void {
    this.specified = new Map(nodes.map((node) => [keyOf(node), node]));
  }

  open(node: number, key: string, readOnly: boolean): void {
    const redis = this.create(key, readOnly);
    if (this.fieldsets !== undefined && !readOnly) redis[LIFE].useFieldsets(this.fieldsets);
    this.byNumber[node] = redis;
    this.keys[node] = key;
    this.byKey.set(key, redis);
    redis[LIFE].setOwner(this.events.ownerOf(node));
    const isCurrent = (): boolean => this.byNumber[node] === redis;
    redis.on('ready', () => {
      if (isCurrent()) this.events.onUp(node);
    });
    redis.on('close', () => {
      if (isCurrent() && redis.status !== 'end') this.events.onDown(node, false);
    });
    redis.once('end', () => {
      if (this.byKey.get(key) === redis) this.byKey.delete(key);
      const hasEnded = isCurrent();
      if (hasEnded) this.byNumber[node] = undefined;
      this.events.onRemoved(redis, key);
      if (hasEnded) this.events.onDown(node, true);
    });
    redis.on('error', (error) => this.events.onError(error, key));
    this.events.onAdded(redis);
  }

  /** The node has left the cluster. */
  close(node: number): void {
    const redis = this.byNumber[node];
    if (redis === undefined) return;
    this.forget(node, redis);
    redis.disconnect();
  }

  /** Drops a connection at once: its commands have another node. */
  cut(node: number): void {
    const redis = this.byNumber[node];
    if (redis === undefined) return;
    redis[LIFE].link?.socket?.destroy();
    redis[LIFE].link?.handBackWaiting();
  }

  setRole(node: number, readOnly: boolean): void {
    const redis = this.byNumber[node];
    if (redis === undefined || Boolean(redis.options.readOnly) === readOnly) return;
    redis.options.readOnly = readOnly;
    if (redis.status !== 'wait') redis[readOnly ? 'readonly' : 'readwrite']().catch(noop);
    if (this.fieldsets !== undefined) this.moveFieldsets(redis, readOnly ? [] : this.fieldsets, this.keys[node]);
  }

  /** A node that has become a master prepares the fieldsets; a replica has none. */
  private moveFieldsets(redis: Redis, fieldsets: readonly HimportFieldset[], key: string): void {
    redis[LIFE].useFieldsets(fieldsets);
    const onFailed = (error: Error): void => this.events.onError(error, key);
    const prepare = (): void => {
      for (const preparation of redis[LIFE].fieldsets?.prepareAll() ?? []) preparation.catch(onFailed);
    };
    if (redis.status === 'ready') prepare();
    else if (redis.status === 'wait' && fieldsets.length > 0) redis.connect().catch(onFailed);
  }

  /** The options for another connection to an address. */
  optionsOf(key: string, readOnly: boolean): ClientOptions {
    const { clusterNodeRetryStrategy, redisOptions } = this.options;
    const own = this.specified.get(key);
    const options: Record<string, unknown> = {
      lazyConnect: true,
      ...given(redisOptions ?? {}),
      himportFieldsets: undefined,
      ...given(own ?? addressOf(key)),
      // As in ioredis: a node does not reconnect on its own.
      retryStrategy: typeof clusterNodeRetryStrategy === 'function' ? clusterNodeRetryStrategy : null,
      enableOfflineQueue: true,
      readOnly,
    };
    if (own?.[NAME] !== undefined) options.tls = namedTls(options.tls as ClientOptions['tls'], own.host, own[NAME]);
    return options;
  }

  private create(key: string, readOnly: boolean): Redis {
    return new Redis(this.optionsOf(key, readOnly) as ClientOptions<'legacy'>);
  }

  private forget(node: number, redis: Redis): void {
    this.byNumber[node] = undefined;
    for (const [key, other] of this.byKey) if (other === redis) this.byKey.delete(key);
  }
}

export function oneOf<T>(list: readonly T[]): T | undefined {
  return list[Math.floor(Math.random() * list.length)];
}

/** Options that say something. */
function given(options: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** A certificate belongs to the name and not to the address that stands for it. */
function namedTls(tls: ClientOptions['tls'], host: string, name: string): ClientOptions['tls'] {
  if (!tls || isIP(host) === 0) return tls;
  if (typeof tls === 'function') return async () => ({ servername: name, ...(await tls()) });
  const own: ConnectionOptions & { profile?: string } = typeof tls === 'object' ? tls : typeof tls === 'string' ? { profile: tls } : {};
  if (own.servername !== undefined) return tls;
  // Getters stay getters: they are asked at each connection.
  return Object.defineProperty(Object.defineProperties({}, Object.getOwnPropertyDescriptors(own)), 'servername', { value: name, enumerable: true });
}
