/**
 * A real cluster per spec: redis-server processes on free ports that share out the slots, gone when the spec ends.
 *
 *     const servers = await RedisCluster.start();
 *     afterAll(() => servers.stop());
 *     await servers.moveSlot(servers.slotOf('foo'), servers.masters[1]);
 */
import calculateSlot from 'cluster-key-slot';
import { makeCertificates, type CertificateSet } from './certificates';
import type { Reply } from './raw-client';
import { RedisServer, type ServerOptions } from './redis-server';
import { until } from './until';

export const SLOTS = 16_384;

export interface ClusterServerOptions extends Pick<ServerOptions, 'args' | 'password' | 'users' | 'tls' | 'binary'> {
  /** Default 3. */
  masters?: number;
  /** Replicas of each master. Default 1. */
  replicas?: number;
  /** After this time without an answer, nodes call another one dead. Default 1000. */
  nodeTimeoutMs?: number;
}

export class RedisCluster {
  /** Masters first, as they were at the start; then the replicas, in the order of their masters. */
  readonly servers: RedisServer[] = [];

  private constructor(private readonly options: ClusterServerOptions & { masters: number }) {}

  /** Starts the servers and resolves when every one of them knows all others and serves. */
  static async start(options?: ClusterServerOptions): Promise<RedisCluster> {
    const cluster = RedisCluster.unstarted(options);
    await cluster.begin();
    return cluster;
  }

  /** A cluster that `begin` starts. */
  static unstarted(options: ClusterServerOptions = {}): RedisCluster {
    return new RedisCluster({ ...options, masters: options.masters ?? 3 });
  }

  /** Starts the servers for the first time and resolves when every one of them knows all others and serves. */
  async begin(): Promise<void> {
    const { masters, replicas = 1, nodeTimeoutMs = 1000, args = [], ...rest } = this.options;
    const secret = rest.password === undefined ? [] : ['--masterauth', rest.password];
    const tls = rest.tls ? ['--tls-cluster', 'yes', '--tls-replication', 'yes'] : [];
    const certificates = rest.tls ? { certificates: makeCertificates() } : {};
    try {
      for (let i = 0; i < masters * (1 + replicas); i++) {
        this.servers.push(await RedisServer.start({
          ...rest,
          ...certificates,
          args: [
            '--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs), '--cluster-require-full-coverage', 'no',
            '--cluster-replica-validity-factor', '0', '--cluster-allow-replica-migration', 'no', '--repl-diskless-sync-delay', '0',
            // Until the first byte of replication a replica is in no map.
            '--repl-ping-replica-period', '1',
            ...secret, ...tls, ...args,
          ],
        }));
      }
      await this.join();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** The servers that were masters at the start. */
  get masters(): RedisServer[] {
    return this.servers.slice(0, this.options.masters);
  }

  /** The servers that were replicas at the start. */
  get replicas(): RedisServer[] {
    return this.servers.slice(this.options.masters);
  }

  /** Start nodes for a client: all servers. */
  get nodes(): { host: string; port: number }[] {
    return this.servers.map(({ host, port }) => ({ host, port }));
  }

  /** The same as `host:port`, for the manager. */
  get addresses(): string[] {
    return this.servers.map(({ host, port }) => `${host}:${port}`);
  }

  /** Options of the nodes' connections. */
  get redisOptions(): { password?: string; tls?: { ca: string } } {
    const { certificates } = this;
    return {
      ...(this.options.password === undefined ? {} : { password: this.options.password }),
      ...(certificates === undefined ? {} : { tls: { ca: certificates.ca } }),
    };
  }

  get certificates(): CertificateSet | undefined {
    return this.servers[0]?.certificates;
  }

  slotOf(key: string): number {
    return calculateSlot(key);
  }

  /** The first key `prefix0`, `prefix1` ... in a slot that `server` serves. */
  async keyOn(server: RedisServer, prefix = 'k'): Promise<string> {
    const own = await this.slotsOf(server);
    for (let i = 0; ; i++) if (own.has(calculateSlot(`${prefix}${i}`))) return `${prefix}${i}`;
  }

  /** The slots that a server says it serves. */
  async slotsOf(server: RedisServer): Promise<Set<number>> {
    const own = new Set<number>();
    for (const [from, to, [, port]] of (await server.command('CLUSTER', 'SLOTS')) as [number, number, [string, number]][]) {
      if (port === server.port) for (let slot = from; slot <= to; slot++) own.add(slot);
    }
    return own;
  }

  /** The server that serves a slot, as the servers that answer agree. */
  async ownerOf(slot: number): Promise<RedisServer> {
    return until(
      async () => {
        const ports = new Set<number>();
        for (const server of this.answering) {
          for (const [from, to, [, port]] of (await server.command('CLUSTER', 'SLOTS')) as [number, number, [string, number]][]) {
            if (from <= slot && slot <= to) ports.add(port);
          }
        }
        return ports.size === 1 ? this.servers.find(({ port }) => ports.has(port)) : undefined;
      },
      { deadlineMs: 15_000, what: `all servers to agree who serves slot ${slot}` },
    );
  }

  /** The replicas of a master that follow it now. */
  async replicasOf(master: RedisServer): Promise<RedisServer[]> {
    const found: RedisServer[] = [];
    for (const server of this.answering) {
      const { role, master_port: port } = await server.info('replication');
      if (role === 'slave' && Number(port) === master.port) found.push(server);
    }
    return found;
  }

  // ---- moving slots

  /** Opens a slot's move: `from` answers ASK for keys that it does not have any more. */
  async openMove(slot: number, to: RedisServer): Promise<RedisServer> {
    const from = await this.ownerOf(slot);
    await setSlot(to, slot, 'IMPORTING', await idOf(from));
    await setSlot(from, slot, 'MIGRATING', await idOf(to));
    return from;
  }

  /** Moves keys of an open slot. Default: all. */
  async moveKeys(slot: number, from: RedisServer, to: RedisServer, keys?: string[]): Promise<void> {
    for (;;) {
      const some = keys ?? ((await from.command('CLUSTER', 'GETKEYSINSLOT', slot, 10)) as string[]);
      if (some.length === 0) return;
      const secret = this.options.password === undefined ? [] : ['AUTH', this.options.password];
      // The source still serves a key whose move failed on the way (IOERR), so it is moved again.
      const isMoved = (): Promise<boolean> =>
        from.command('MIGRATE', to.host, to.port, '', 0, 5000, 'REPLACE', ...secret, 'KEYS', ...some).then(
          () => true,
          (error: Error) => (error.message.startsWith('IOERR') ? false : Promise.reject(error)),
        );
      await until(isMoved, { deadlineMs: 30_000, everyMs: 50, what: `keys of slot ${slot} to be moved` });
      if (keys !== undefined) return;
    }
  }

  /** Ends a slot's move: `from` answers MOVED. */
  async closeMove(slot: number, to: RedisServer): Promise<void> {
    const id = await idOf(to);
    await this.knowsEpoch(to);
    // The new owner first, so that the slot is never nobody's.
    for (const server of [to, ...this.answering.filter((other) => other !== to)]) {
      if ((await server.info('replication')).role === 'master') await setSlot(server, slot, 'NODE', id);
    }
  }

  /**
   * Resolves when a server has heard of the newest epoch. The new owner of a slot takes the next one: if another has that already, they
   * settle it between themselves, and the slot may go back.
   */
  private async knowsEpoch(server: RedisServer): Promise<void> {
    await until(
      async () => {
        const newest = Math.max(...(await Promise.all(this.answering.map(epochOf))));
        return (await epochOf(server)) >= newest;
      },
      { deadlineMs: 10_000, what: 'the new owner to know the newest epoch' },
    );
  }

  /** Moves a slot with its keys while clients use it. */
  async moveSlot(slot: number, to: RedisServer): Promise<void> {
    const from = await this.openMove(slot, to);
    if (from === to) return;
    await this.moveKeys(slot, from, to);
    await this.closeMove(slot, to);
  }

  /** Gives slots without keys to a server. */
  async moveEmptySlots(slots: number[], to: RedisServer): Promise<void> {
    const id = await idOf(to);
    await this.knowsEpoch(to);
    const masters: RedisServer[] = [];
    for (const server of this.answering) if ((await server.info('replication')).role === 'master') masters.push(server);
    for (let from = 0; from < slots.length; from += 256) {
      const some = slots.slice(from, from + 256);
      // The new owner first, so that no slot is ever nobody's.
      for (const server of [to, ...masters.filter((other) => other !== to)]) {
        await Promise.all(some.map((slot) => setSlot(server, slot, 'NODE', id)));
      }
    }
  }

  // ---- failing over

  /**
   * Makes `replica` the master of its slots, and resolves when it is. `FORCE` does not ask the master. Masters vote once in two node
   * time-outs for a shard: until then it is asked again.
   */
  async failOver(replica: RedisServer, how?: 'FORCE' | 'TAKEOVER'): Promise<void> {
    const isMaster = async (): Promise<boolean> => (await replica.info('replication')).role === 'master';
    const ask = async (): Promise<boolean> => {
      if (await isMaster()) return true;
      await replica.command('CLUSTER', 'FAILOVER', ...(how === undefined ? [] : [how]));
      return until(isMaster, { deadlineMs: 6000, everyMs: 20 });
    };
    await until(ask, { deadlineMs: 60_000, everyMs: 100, what: 'the replica to be promoted' });
  }

  /** Resolves when a server is a master. */
  async promoted(replica: RedisServer): Promise<void> {
    await until(async () => (await replica.info('replication')).role === 'master', { deadlineMs: 20_000, everyMs: 20, what: 'the replica to be promoted' });
  }

  /**
   * Resolves when all running servers say the same of who serves which slots, call the cluster working and follow their masters. Without the first, a
   * master that was just demoted, or was away meanwhile, still takes itself for one.
   */
  async settled(): Promise<void> {
    await until(
      async () => {
        const maps = await Promise.all(this.answering.map(mapOf));
        if (new Set(maps).size > 1) return false;
        for (const server of this.answering) {
          if (!String(await server.command('CLUSTER', 'INFO')).includes('cluster_state:ok')) return false;
          const { role, master_link_status: link } = await server.info('replication');
          if (role === 'slave' && link !== 'up') return false;
        }
        return true;
      },
      { deadlineMs: 30_000, everyMs: 20, what: 'the cluster to work' },
    );
  }

  async flush(): Promise<void> {
    for (const server of this.answering) if ((await server.info('replication')).role === 'master') await server.command('FLUSHALL');
  }

  /** Stops all servers. Idempotent. */
  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  private get answering(): RedisServer[] {
    return this.servers.filter((server) => server.running);
  }

  /** Shares out the slots and makes the servers known to each other. */
  private async join(): Promise<void> {
    const { masters, replicas, servers } = this;
    for (const [i, master] of masters.entries()) {
      const from = Math.floor((SLOTS * i) / masters.length);
      const to = Math.floor((SLOTS * (i + 1)) / masters.length);
      await master.command('CLUSTER', 'ADDSLOTS', ...Array.from({ length: to - from }, (_, slot) => from + slot));
      // Different epochs from the start: otherwise the servers settle that among themselves, and a failover waits for it.
      await master.command('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    }
    // Everybody meets everybody: waiting for gossip takes seconds.
    for (const [i, server] of servers.entries()) {
      for (const other of servers.slice(i + 1)) await server.command('CLUSTER', 'MEET', other.host, other.port);
    }
    await until(
      async () => {
        for (const server of servers) {
          if (!String(await server.command('CLUSTER', 'INFO')).includes(`cluster_known_nodes:${servers.length}`)) return false;
          if (/handshake/.test(String(await server.command('CLUSTER', 'NODES')))) return false;
        }
        return true;
      },
      { deadlineMs: 20_000, everyMs: 20, what: 'all servers to know each other' },
    );
    for (const [i, replica] of replicas.entries()) {
      const id = await idOf(masters[i % masters.length]);
      await until(() => replica.command('CLUSTER', 'REPLICATE', id), { what: 'the replica to know its master' });
    }
    await this.settled();
    await until(
      async () => {
        for (const server of servers) {
          const ranges = (await server.command('CLUSTER', 'SLOTS')) as Reply[][];
          if (ranges.length !== masters.length || ranges.some((range) => range.length !== 3 + replicas.length / masters.length)) return false;
        }
        return true;
      },
      { deadlineMs: 20_000, everyMs: 20, what: 'all servers to show all nodes' },
    );
  }
}

/** Which port serves which slots, as a server has it. */
async function mapOf(server: RedisServer): Promise<string> {
  const rows = (await server.command('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
  return JSON.stringify(rows.map(([from, to, [, port]]) => [from, to, port]).sort(([a], [b]) => a - b));
}

async function epochOf(server: RedisServer): Promise<number> {
  return Number(/cluster_current_epoch:(\d+)/.exec(String(await server.command('CLUSTER', 'INFO')))?.[1]);
}

async function idOf(server: RedisServer): Promise<string> {
  return String(await server.command('CLUSTER', 'MYID'));
}

/** Valkey asks the replicas first, and refuses while they are slow to agree (NOREPLICAS). */
async function setSlot(server: RedisServer, slot: number, ...change: string[]): Promise<void> {
  const isSet = (): Promise<boolean> => server.command('CLUSTER', 'SETSLOT', slot, ...change).then((reply) => String(reply) === 'OK');
  await until(isSet, { deadlineMs: 20_000, everyMs: 50, what: `slot ${slot} to be ${change.join(' ')}` });
}
