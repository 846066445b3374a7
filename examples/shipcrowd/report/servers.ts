/** Redis servers of the report: processes of their own on free ports of this machine, one server, a group under Sentinels, or a cluster. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { Admin, type Reply } from './admin';
import { until } from './wait';

export class Server {
  private child: ChildProcess | undefined;
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'shipcrowd-redis-'));
  private readonly reap = (): void => void this.child?.kill('SIGKILL');

  private constructor(
    readonly port: number,
    private readonly args: readonly string[],
    /** Lines of a configuration file, which Sentinels rewrite. */
    private readonly config: readonly string[] | undefined,
  ) {
    process.on('exit', this.reap);
  }

  /**
   * Keeps its data when its process is killed: every write is handed to the system before it is answered. Waiting for the disk as well would matter
   * for a loss of power only.
   */
  static readonly DURABLE = ['--appendonly', 'yes', '--appendfsync', 'no'];

  static async start(args: readonly string[] = [], config?: readonly string[]): Promise<Server> {
    const server = new Server(await freePort(), args, config);
    if (config !== undefined) writeFileSync(path.join(server.folder, 'server.conf'), `${config.join('\n')}\n`);
    await server.launch();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get running(): boolean {
    return this.child !== undefined;
  }

  command(...args: (string | number)[]): Promise<Reply> {
    return Admin.once(this.port, ...args);
  }

  async info(section?: string): Promise<Record<string, string>> {
    const admin = await Admin.connect(this.port);
    try {
      return await admin.info(section);
    } finally {
      admin.close();
    }
  }

  /** Starts the process, again after `kill`. */
  async launch(): Promise<void> {
    const file = this.config === undefined ? [] : [path.join(this.folder, 'server.conf')];
    const own = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder, '--save', '', '--protected-mode', 'no'];
    const child = spawn('redis-server', [...file, ...own, ...this.args], { stdio: 'ignore' });
    this.child = child;
    let failure: Error | undefined;
    child.once('error', (error) => (failure = error));
    child.once('exit', () => {
      if (this.child === child) this.child = undefined;
    });
    await until(async () => failure !== undefined || (await this.command('PING')) === 'PONG', 'redis-server to answer (is it installed?)', 20_000);
    if (failure !== undefined) throw failure;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.child;
    if (child === undefined) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    child.kill('SIGCONT');
    await gone;
  }

  /** Its sockets stay open, and nothing answers. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    process.off('exit', this.reap);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A master, two replicas, and three Sentinels that watch them. */
export class SentinelGroup {
  readonly name = 'shipcrowd';

  private constructor(
    readonly servers: Server[],
    readonly sentinels: Server[],
  ) {}

  static async start(args: readonly string[] = []): Promise<SentinelGroup> {
    const group = new SentinelGroup([], []);
    const fast = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];
    const master = await Server.start([...args, ...fast]);
    group.servers.push(master);
    for (let i = 0; i < 2; i++) group.servers.push(await Server.start([...args, ...fast, '--replicaof', '127.0.0.1', String(master.port)]));
    const areUp = async (): Promise<boolean> => /(state=online.*){2}/s.test(JSON.stringify(await master.info('replication')));
    await until(areUp, 'the replicas to follow');
    for (let i = 0; i < 3; i++) group.sentinels.push(await Server.start(['--sentinel'], group.watch(master)));
    await until(async () => (await Promise.all(group.sentinels.map((one) => group.knowsAll(one)))).every(Boolean), 'the Sentinels to know the group');
    return group;
  }

  get url(): string {
    return `redis+sentinel://${this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${this.name}`;
  }

  async master(): Promise<Server> {
    const [, port] = (await this.sentinels[0].command('SENTINEL', 'get-master-addr-by-name', this.name)) as string[];
    const found = this.servers.find((server) => server.port === Number(port));
    if (found === undefined) throw new Error(`no server of the group is at port ${port}`);
    return found;
  }

  /** Kills the master and resolves when another server has taken its place. */
  async failover(): Promise<Server> {
    const old = await this.master();
    await old.kill();
    return until(async () => {
      const next = await this.master();
      return next !== old && ((await next.command('ROLE')) as string[])[0] === 'master' ? next : undefined;
    }, 'a new master');
  }

  async stop(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.servers].map((server) => server.stop()));
  }

  private watch(master: Server): string[] {
    const { name } = this;
    return [`sentinel monitor ${name} 127.0.0.1 ${master.port} 2`, `sentinel down-after-milliseconds ${name} 800`, `sentinel failover-timeout ${name} 6000`];
  }

  private async knowsAll(sentinel: Server): Promise<boolean> {
    const [fields] = (await sentinel.command('SENTINEL', 'masters')) as string[][];
    const known = (field: string): string | undefined => fields[fields.indexOf(field) + 1];
    return known('num-slaves') === '2' && known('num-other-sentinels') === '2';
  }
}

/** Three masters with a replica each. */
export class ClusterServers {
  private constructor(readonly servers: Server[]) {}

  static async start(): Promise<ClusterServers> {
    const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];
    const cluster = new ClusterServers([]);
    for (let i = 0; i < 6; i++) cluster.servers.push(await Server.start(args));
    await cluster.join();
    return cluster;
  }

  get url(): string {
    return this.servers[0].url;
  }

  get nodes(): string {
    return this.servers.map(({ port }) => `127.0.0.1:${port}`).join(',');
  }

  get masters(): Server[] {
    return this.servers.slice(0, 3);
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  private async join(): Promise<void> {
    const { servers, masters } = this;
    const bounds = [0, 5461, 10_923, 16_384];
    for (const [i, master] of masters.entries()) {
      await master.command('CLUSTER', 'ADDSLOTS', ...Array.from({ length: bounds[i + 1] - bounds[i] }, (_, slot) => bounds[i] + slot));
      await master.command('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    }
    for (const [i, server] of servers.entries()) {
      for (const other of servers.slice(i + 1)) await server.command('CLUSTER', 'MEET', '127.0.0.1', other.port);
    }
    const says = async (server: Server, text: string): Promise<boolean> => String(await server.command('CLUSTER', 'INFO')).includes(text);
    const all = (text: string) => async (): Promise<boolean> => (await Promise.all(servers.map((server) => says(server, text)))).every(Boolean);
    await until(all('cluster_known_nodes:6'), 'the nodes to know each other');
    for (const [i, replica] of servers.slice(3).entries()) {
      const id = String(await masters[i].command('CLUSTER', 'MYID'));
      await until(() => replica.command('CLUSTER', 'REPLICATE', id), 'a replica to know its master');
    }
    await until(all('cluster_state:ok'), 'the cluster to serve');
    const follow = async (): Promise<boolean> => (await Promise.all(servers.slice(3).map((one) => one.info('replication')))).every(({ master_link_status: link }) => link === 'up');
    await until(follow, 'the replicas to follow');
  }
}

/** Below the ports of outgoing connections, and with the port of a cluster's bus (10,000 above) free, too. Never 6379. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 500; tries++) {
    const port = 11_000 + Math.floor(Math.random() * 11_000);
    if ((await canListen(port)) && (await canListen(port + 10_000))) return port;
  }
  throw new Error('no free port found');
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
