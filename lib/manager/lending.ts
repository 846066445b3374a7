/**
 * `RedisManager.withConnection`: connections of the borrowers' own, for commands that block, watch or select. A connection is lent again
 * only if it is as a new one; otherwise it is closed, and the next borrower gets another.
 */
import { LIFE } from '../client/lifecycle';
import type { Redis } from '../client/redis';
import { checkFunction, checkMs, checkNames } from '../cache/validate';
import { HawserError } from '../errors';
import { LATE, within } from './budget';
import { closeClient } from './close';
import { connectionsOf, rest } from './cluster';
import { isClosing, onClose, openClient, settings, type Client } from './connections';
import { Loan } from './loan';
import { POOL, type PoolSettings, type Settings } from './options';
import { Pool } from './pool';

/** Options of `RedisManager.withConnection`. */
export interface LendOptions {
  /** How long to wait for a connection if all are lent, in milliseconds. Default: `pool.waitTimeoutMs` of the manager. */
  waitTimeoutMs?: number;
}

/** The pool of the manager's connections, as `RedisManager.stats()` shows it. */
export interface PoolStats {
  /** Connections that are lent or being cleaned. */
  lent: number;
  /** Connections that wait for a borrower. */
  idle: number;
  /** Borrowers that wait for a connection. */
  waiting: number;
  max: number;
}

/** How long cleaning a connection may take. */
const CLEAN_MS = 1_000;
const NAMES = new Set(['waitTimeoutMs']);

let pool: Pool<Client> | undefined;
let limits: PoolSettings | undefined;

onClose(async (timeoutMs) => {
  const clients = pool?.empty(() => new HawserError('E_CONN_CLOSED', 'withConnection: RedisManager.closeAll was called while the caller waited for a connection')) ?? [];
  pool = limits = undefined;
  // QUIT would wait behind a command that blocks.
  const close = async (client: Client): Promise<void> => (isBlocked(client) ? client.disconnect() : closeClient(client, timeoutMs));
  await Promise.all(clients.map(close));
});

function openPool(): Pool<Client> {
  limits ??= settings().pool;
  return (pool ??= new Pool<Client>(
    {
      open: () => openClient('lent'),
      isUsable: (client) => !isLost(client),
      close: (client) => client.disconnect(),
      // A connection that nobody has borrowed keeps no process alive.
      rest,
    },
    limits,
  ));
}

/** On a cluster, what is lent is a client of the cluster with connections of its own: it knows where a key is, and follows it. */
export async function withConnection<T>(use: (redis: never) => Promise<T> | T, options: LendOptions = {}): Promise<T> {
  checkFunction('fn', use);
  const { waitTimeoutMs }: LendOptions = checkNames('options', options, NAMES);
  if (waitTimeoutMs !== undefined) checkMs('waitTimeoutMs', waitTimeoutMs, POOL.waitTimeoutMs);
  if (isClosing()) throw new HawserError('E_CONN_CLOSED', 'withConnection: RedisManager.closeAll is under way; call it again afterwards');
  const from = openPool();
  const client = await from.take(waitTimeoutMs ?? settings().pool.waitTimeoutMs, exhausted);
  const loan = new Loan(client);
  try {
    return await use(loan.view as never);
  } finally {
    loan.end();
    await giveBack(from, loan);
  }
}

function exhausted(): HawserError {
  const max = limits?.max ?? POOL.max.default;
  return new HawserError(
    'E_TIMEOUT',
    `withConnection: all ${max} connections are lent, and none came back in time; raise pool.max, or do not call withConnection inside withConnection`,
  );
}

/** Never rejects. */
async function giveBack(to: Pool<Client>, loan: Loan): Promise<void> {
  const { client } = loan;
  const steps = isLost(client) || loan.isSpoilt ? undefined : cleaning(loan);
  // The next caller in line is not to open another connection meanwhile.
  const isClean = steps?.length === 0 || (steps !== undefined && (await succeeds(steps)));
  if (isClean && !isLost(client)) to.give(client);
  else to.discard(client);
}

function isLost(client: Client): boolean {
  return client.status !== 'ready' || client[LIFE].isClosingByHand || isBlocked(client);
}

/** Whether a command blocks that nobody waits for any more. */
function isBlocked(client: Client): boolean {
  return nodesOf(client).some((redis) => redis[LIFE].link?.isBlocked() === true);
}

const nodesOf = (client: Client): Redis[] => (client.isCluster ? connectionsOf(client) : [client]);

async function succeeds(steps: Promise<unknown>[]): Promise<boolean> {
  try {
    return (await within(Promise.all(steps), CLEAN_MS)) !== LATE;
  } catch {
    return false;
  }
}

/** Undoes what the borrower left behind, after the commands that it did not wait for. Undefined: that is not worth it. */
function cleaning({ client, isInTransaction, isWatching, hasSelected }: Loan): Promise<unknown>[] | undefined {
  if (client.isCluster) {
    // Which nodes have seen it is not known here.
    if (isInTransaction || isWatching || hasSelected) return undefined;
    return nodesOf(client).flatMap((redis) => ((redis[LIFE].link?.queued ?? 0) > 0 ? [redis.ping()] : []));
  }
  const steps: Promise<unknown>[] = [];
  if (isInTransaction) steps.push(client.discard());
  else if (isWatching) steps.push(client.unwatch());
  if (hasSelected) steps.push(client.select(client.options.db));
  else if (steps.length === 0 && (client[LIFE].link?.queued ?? 0) > 0) steps.push(client.ping());
  return steps;
}

export function poolStats(run: Settings): PoolStats {
  const { size = 0, resting = 0, waiting = 0 } = pool ?? {};
  return { lent: size - resting, idle: resting, waiting, max: limits?.max ?? run.pool.max };
}
