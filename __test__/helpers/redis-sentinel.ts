/**
 * A group under real Sentinels: a master, its replicas, and three Sentinels (`redis-server --sentinel`), each a process of its own on a
 * free port.
 *
 *     const group = await SentinelGroup.start();
 *     const redis = new Redis({ sentinels: group.addresses, name: group.name });
 *     await group.failover();
 */
import { nowMs } from './clock';
import { makeCertificates, type CertificateSet } from './certificates';
import { RawClient, type Reply } from './raw-client';
import { RedisServer, type ServerOptions } from './redis-server';
import { until } from './until';

export interface GroupOptions {
  replicas?: number;
  sentinels?: number;
  /** After so much silence a Sentinel takes a server for dead, in ms. Default 800. */
  downAfterMs?: number;
  /** Servers and Sentinels speak TLS and nothing else. */
  tls?: boolean;
  /** The password of the servers. */
  password?: string;
  /** The password of the Sentinels. */
  sentinelPassword?: string;
  /** ACL users of the Sentinels. */
  sentinelUsers?: string[];
}

/** One Sentinel. */
export class SentinelProcess {
  constructor(readonly server: RedisServer) {}

  get address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.server.port };
  }

  /** `SENTINEL ...` on a connection of its own. */
  ask(...args: (string | number)[]): Promise<Reply> {
    return this.server.command('SENTINEL', ...args);
  }
}

export class SentinelGroup {
  readonly name = 'the-group';
  readonly servers: RedisServer[] = [];
  readonly sentinels: SentinelProcess[] = [];
  private readonly certificates: CertificateSet | undefined;

  private constructor(private readonly options: GroupOptions) {
    this.certificates = options.tls ? makeCertificates() : undefined;
  }

  static async start(options: GroupOptions = {}): Promise<SentinelGroup> {
    const group = new SentinelGroup(options);
    try {
      await group.launch();
      return group;
    } catch (error) {
      await group.stop();
      throw error;
    }
  }

  get addresses(): { host: string; port: number }[] {
    return this.sentinels.map(({ address }) => address);
  }

  /** What clients of the servers and of the Sentinels need, with `tls`. */
  get ca(): string | undefined {
    return this.certificates?.ca;
  }

  /** The server that the Sentinels call master. */
  async master(): Promise<RedisServer> {
    const [sentinel] = this.sentinels.filter(({ server }) => server.running);
    const [, port] = (await sentinel?.ask('get-master-addr-by-name', this.name)) as string[];
    return this.at(Number(port));
  }

  at(port: number): RedisServer {
    const found = this.servers.find((server) => server.port === port);
    if (found === undefined) throw new Error(`no server of the group is at port ${port}`);
    return found;
  }

  /** Servers that say themselves that they are replicas. */
  async replicas(): Promise<RedisServer[]> {
    const running = this.servers.filter((server) => server.running);
    const roles = await Promise.all(running.map(async (server) => ((await server.command('ROLE')) as string[])[0]));
    return running.filter((_, index) => roles[index] === 'slave');
  }

  /** Resolves when Sentinels (all, or one) call another server than `old` master, and that one agrees. Returns it. */
  async successor(old: RedisServer, ...told: (SentinelProcess | undefined)[]): Promise<RedisServer> {
    const asked = told.some((one) => one !== undefined) ? told : this.sentinels;
    const isDone = async (): Promise<RedisServer | undefined> => {
      const named = await Promise.all(asked.map(async (one) => ((await one?.ask('get-master-addr-by-name', this.name)) as string[])[1]));
      const [port] = named;
      if (Number(port) === old.port || named.some((other) => other !== port)) return undefined;
      const master = this.at(Number(port));
      return ((await master.command('ROLE')) as string[])[0] === 'master' ? master : undefined;
    };
    return until(isDone, { deadlineMs: 60_000, everyMs: 20, what: 'a new master' });
  }

  /** Promotes a replica by command and resolves when all agree. Returns the new master. */
  async failover(): Promise<RedisServer> {
    const old = await this.master();
    await until(async () => (await this.sentinels[0]?.ask('failover', this.name)) === 'OK', { deadlineMs: 60_000, everyMs: 100, what: 'the failover to begin' });
    return this.successor(old);
  }

  /** `announced` resolves at the next `+switch-master` of a Sentinel; `masters` has the ports that were announced, and when. */
  async announcement(sentinel = this.sentinels[0]): Promise<{ announced: Promise<void>; masters: { port: number; at: number }[]; close(): void }> {
    if (sentinel === undefined) throw new Error('the group has no Sentinel');
    const client = await RawClient.connect({ path: sentinel.server.path });
    if (this.options.sentinelPassword !== undefined) await client.command('AUTH', this.options.sentinelPassword);
    await client.command('SUBSCRIBE', '+switch-master');
    const masters: { port: number; at: number }[] = [];
    const announced = new Promise<void>((resolve) =>
      client.socket.on('data', (chunk: Buffer) => {
        for (const [, port] of chunk.toString().matchAll(/\+switch-master\r\n\$\d+\r\n.* (\d+)\r\n/g)) masters.push({ port: Number(port), at: nowMs() });
        if (masters.length > 0) resolve();
      }),
    );
    return { announced, masters, close: () => client.close() };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.sentinels.map(({ server }) => server.stop()), ...this.servers.map((server) => server.stop())]);
  }

  private async launch(): Promise<void> {
    const { replicas = 2, sentinels = 3, password } = this.options;
    const shared = this.shared(password);
    const auth = password === undefined ? [] : ['--masterauth', password];
    const fast = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];
    const master = await RedisServer.start({ ...shared, args: [...this.tlsArguments, ...auth, ...fast] });
    this.servers.push(master);
    for (let i = 0; i < replicas; i++) {
      this.servers.push(await RedisServer.start({ ...shared, args: [...this.tlsArguments, '--replicaof', '127.0.0.1', String(master.port), ...auth, ...fast] }));
    }
    const hasReplicas = async (): Promise<boolean> => (await master.info('replication')).connected_slaves === String(replicas);
    await until(hasReplicas, { deadlineMs: 20_000, what: 'the replicas to connect' });
    for (let i = 0; i < sentinels; i++) this.sentinels.push(await this.startSentinel(master, Math.floor(sentinels / 2) + 1));
    const allKnow = async (): Promise<boolean> => (await Promise.all(this.sentinels.map((one) => this.knowsAll(one)))).every(Boolean);
    await until(allKnow, { deadlineMs: 30_000, everyMs: 50, what: 'the Sentinels to know each other and the replicas' });
  }

  private shared(password: string | undefined): ServerOptions {
    return { ...(password === undefined ? {} : { password }), ...(this.certificates === undefined ? {} : { tls: true, certificates: this.certificates }) };
  }

  private get tlsArguments(): string[] {
    return this.options.tls ? ['--tls-replication', 'yes'] : [];
  }

  private async startSentinel(master: RedisServer, quorum: number): Promise<SentinelProcess> {
    const { downAfterMs = 800, password, sentinelPassword, sentinelUsers = [] } = this.options;
    const { name } = this;
    const configFile = [
      `sentinel monitor ${name} 127.0.0.1 ${master.port} ${quorum}`,
      `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
      `sentinel failover-timeout ${name} 6000`,
      ...(password === undefined ? [] : [`sentinel auth-pass ${name} ${password}`]),
    ];
    const args = ['--sentinel', ...this.tlsArguments];
    return new SentinelProcess(await RedisServer.start({ ...this.shared(sentinelPassword), users: sentinelUsers, configFile, args }));
  }

  private async knowsAll(sentinel: SentinelProcess): Promise<boolean> {
    const [fields] = (await sentinel.ask('masters')) as string[][];
    const known = (field: string): number => Number(fields?.[fields.indexOf(field) + 1]);
    const replicas = (await sentinel.ask('slaves', this.name)) as string[][];
    const isUp = replicas.every((row) => row[row.indexOf('flags') + 1] === 'slave');
    return isUp && known('num-slaves') === this.servers.length - 1 && known('num-other-sentinels') === this.sentinels.length - 1;
  }
}
