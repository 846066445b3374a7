/**
 * A real redis-server for a spec, with its own process, port, socket and directory. It ends with the spec or its process.
 *
 *     const server = serverForAll();                  // from `lifetimes.ts`: for all tests of a file or a `describe`
 *     const server = await RedisServer.start();       // in a test, which stops it
 *
 * `HAWSER_TEST_SERVER` chooses another server: a path, or a name that `node scripts/servers.mjs` has unpacked.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { makeCertificates, type CertificateSet } from './certificates';
import { clearRealTimeout, setRealTimeout } from './clock';
import { RawClient, type Reply } from './raw-client';
import { until } from './until';

export interface ServerOptions {
  /** Default: a free port below the range that the kernel uses for outgoing connections. */
  port?: number;
  /** Addresses to listen on. Default `['127.0.0.1']`. */
  bind?: string[];
  /** More configuration, as on redis-server's command line: `['--maxmemory', '10mb']`. */
  args?: string[];
  /** `requirepass`: the default user's password. */
  password?: string;
  /** ACL users: `['alice on >secret ~* &* +@all']`. */
  users?: string[];
  /** `port` speaks TLS. `clientCertificates` refuses clients without a certificate. */
  tls?: boolean | { clientCertificates?: boolean };
  /** Certificates of the caller's own, so that several servers have one authority. */
  certificates?: CertificateSet;
  /** Lines of a configuration file, which the server may rewrite. */
  configFile?: string[];
  /** The server's program. Default: `HAWSER_TEST_SERVER`, or `redis-server` on the PATH. */
  binary?: string;
  readyDeadlineMs?: number;
}

/** The version that a server program reports. */
export interface ServerVersion {
  valkey: boolean;
  /** `[7, 0, 15]` */
  numbers: number[];
  text: string;
}

/** Never an ephemeral port: a client that reconnects to one while nobody listens can get that port itself. */
const PORTS = { first: 10_500, count: 11_000 };

export class RedisServer {
  readonly host = '127.0.0.1';
  /** The certificates for TLS clients; present with `tls`. */
  certificates: CertificateSet | undefined;
  readonly binary: string;
  version!: ServerVersion;
  /** Its directory, in the system's temporary one. */
  directory = '';
  /** Its unix socket, which never speaks TLS. */
  path = '';
  port: number;
  /** The end of the process's output. */
  log = '';

  readonly config = {
    get: async (name: string): Promise<string | undefined> => {
      const pair = (await this.command('CONFIG', 'GET', name)) as string[];
      return pair[1];
    },
    set: async (name: string, value: string | number): Promise<void> => {
      await this.command('CONFIG', 'SET', name, value);
    },
  };

  private child: ChildProcess | undefined;
  private watchdog: ChildProcess | undefined;
  private admin: Promise<RawClient> | undefined;

  private constructor(private readonly options: ServerOptions) {
    this.binary = options.binary ?? (options.tls ? tlsBinary() : serverBinary());
    this.port = options.port ?? 0;
  }

  /** Starts a server and resolves when it answers. */
  static async start(options?: ServerOptions): Promise<RedisServer> {
    const server = RedisServer.unstarted(options);
    await server.begin();
    return server;
  }

  /** A server that `begin` starts. */
  static unstarted(options: ServerOptions = {}): RedisServer {
    return new RedisServer(options);
  }

  /** Starts the server for the first time and resolves when it answers. */
  async begin(): Promise<void> {
    this.prepare();
    for (let left = 5; ; left--) {
      if (this.options.port === undefined) this.port = await freePort();
      try {
        return await this.launch();
      } catch (error) {
        // Another process took the port in the meantime.
        if (this.options.port === undefined && left > 1 && /address already in use|failed listening/i.test(this.log)) continue;
        await this.stop();
        throw error;
      }
    }
  }

  /** Makes the server's directory. */
  private prepare(): void {
    this.version = serverVersion(this.binary);
    this.directory = mkdtempSync(path.join(tmpdir(), 'hawser-redis-'));
    this.path = path.join(this.directory, 'socket');
    const { configFile, tls } = this.options;
    if (configFile) writeFileSync(this.configPath, `${configFile.join('\n')}\n`);
    if (!tls) return;
    const { ca, server } = (this.certificates = this.options.certificates ?? makeCertificates());
    for (const [file, pem] of [['ca', ca], ['cert', server.cert], ['key', server.key]] as const) {
      writeFileSync(path.join(this.directory, `${file}.pem`), pem);
    }
  }

  /** `redis://[:password@]127.0.0.1:port`, or `rediss://`. */
  get url(): string {
    const secret = this.options.password === undefined ? '' : `:${encodeURIComponent(this.options.password)}@`;
    return `${this.certificates ? 'rediss' : 'redis'}://${secret}${this.host}:${this.port}`;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get running(): boolean {
    return this.child !== undefined;
  }

  /** One command on the helper's own connection (the unix socket). Rejects with the server's error. */
  async command(...args: (string | number | Buffer)[]): Promise<Reply> {
    return (await this.connection()).command(...args);
  }

  /** Like `command`, with strings as Buffers. */
  async commandBuffer(...args: (string | number | Buffer)[]): Promise<Reply> {
    return (await this.connection()).commandBuffer(...args);
  }

  /** A new raw connection over the unix socket, authenticated as the default user. The caller closes it. */
  async connect(): Promise<RawClient> {
    const client = await RawClient.connect({ path: this.path });
    if (this.options.password !== undefined) await client.command('AUTH', this.options.password);
    return client;
  }

  /** `INFO`, as a record. */
  async info(section = 'everything'): Promise<Record<string, string>> {
    const text = String(await this.command('INFO', section));
    return Object.fromEntries(
      text
        .split('\r\n')
        .filter((line) => line.includes(':') && !line.startsWith('#'))
        .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
    );
  }

  /** Calls since the start by command, in lower case: `{ get: 3, 'config|get': 1 }`. */
  async commandCalls(): Promise<Record<string, number>> {
    const stats = await this.info('commandstats');
    return Object.fromEntries(
      Object.entries(stats).map(([name, line]) => [name.replace(/^cmdstat_/, ''), Number(/calls=(\d+)/.exec(line)?.[1])]),
    );
  }

  /**
   * The commands that the server ran during `run`, including those of scripts, but without this helper's own, and without EXISTS: a
   * second after an invalidation the process asks once whether anybody wants to hear of it, whatever `run` does then.
   */
  async countCommands(run: () => Promise<unknown>): Promise<Record<string, number>> {
    const before = await this.commandCalls();
    await run();
    const after = await this.commandCalls();
    before.info = (before.info ?? 0) + 1;
    return Object.fromEntries(
      Object.entries(after)
        .map(([name, calls]) => [name, calls - (before[name] ?? 0)] as const)
        .filter(([name, calls]) => calls !== 0 && name !== 'exists'),
    );
  }

  /** Ids of the connected clients without the helper's own. `type`: normal, pubsub, replica, master. */
  async clientIds(type = 'normal'): Promise<number[]> {
    const own = Number(await this.command('CLIENT', 'ID'));
    const list = String(await this.command('CLIENT', 'LIST', 'TYPE', type));
    return [...list.matchAll(/^id=(\d+) /gm)].map((match) => Number(match[1])).filter((id) => id !== own);
  }

  /** Stops the process. Its sockets stay open and silent. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  /** Sends a signal and resolves when the process is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.child;
    if (!child) return;
    const gone = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
    });
    this.closeAdmin();
    child.kill(signal);
    child.kill('SIGCONT');
    const hard = setRealTimeout(() => child.kill('SIGKILL'), 2000);
    await gone;
    clearRealTimeout(hard);
  }

  /** Kills the process (default: SIGKILL) and starts it again on the same port. Its data is lost unless `args` persist it. */
  async restart(options: { signal?: NodeJS.Signals } = {}): Promise<void> {
    await this.kill(options.signal);
    await this.launch();
  }

  /** After `kill`: starts the process again on the same port. */
  async launch(): Promise<void> {
    if (this.child) throw new Error(`${this.binary} is running already`);
    this.log = '';
    const child = spawn(this.binary, this.arguments(), { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.directory });
    this.child = child;
    let failure: Error | undefined;
    child.once('error', (error) => {
      failure = error;
      this.child = undefined;
    });
    child.once('exit', (code, signal) => {
      failure = new Error(`${this.binary} ended (${signal ?? code}):\n${this.log}`);
      if (this.child === child) this.child = undefined;
      this.closeAdmin();
      this.watchdog?.kill('SIGKILL');
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => (this.log = (this.log + text.toString()).slice(-65_536)));
      (stream as net.Socket).unref();
    }
    child.unref();
    this.guard(child);
    await until(
      async () => {
        if (failure) return true;
        return (await this.command('PING')) === 'PONG';
      },
      { deadlineMs: this.options.readyDeadlineMs ?? 10_000, what: `${this.binary} to answer on port ${this.port}` },
    );
    if (failure) throw failure;
  }

  /** Stops the process and removes its directory. Idempotent. */
  async stop(): Promise<void> {
    await this.kill();
    this.closeAdmin();
    if (this.directory !== '') rmSync(this.directory, { recursive: true, force: true });
  }

  private get configPath(): string {
    return path.join(this.directory, 'server.conf');
  }

  private arguments(): string[] {
    const { bind = ['127.0.0.1'], tls, password, users = [], args = [], configFile } = this.options;
    const out = [...(configFile ? [this.configPath] : []), '--unixsocket', this.path, '--dir', this.directory, '--bind', ...bind];
    out.push('--save', '', '--appendonly', 'no', '--protected-mode', 'no', '--daemonize', 'no');
    if (this.version.numbers[0] >= 7) out.push('--enable-debug-command', 'local');
    if (tls) {
      out.push('--port', '0', '--tls-port', String(this.port));
      for (const [name, file] of [['ca-cert', 'ca'], ['cert', 'cert'], ['key', 'key']]) {
        out.push(`--tls-${name}-file`, path.join(this.directory, `${file}.pem`));
      }
      out.push('--tls-auth-clients', typeof tls === 'object' && tls.clientCertificates ? 'yes' : 'no');
    } else {
      out.push('--port', String(this.port));
    }
    if (password !== undefined) out.push('--requirepass', password);
    for (const user of users) out.push('--user', ...user.split(' '));
    return [...out, ...args];
  }

  /** Kills the server when this process ends in any way. jest hides the process's `exit` event from specs. */
  private guard(child: ChildProcess): void {
    if (child.pid === undefined) return;
    const script = 'cat >/dev/null; kill -9 "$0"; rm -rf "$1"';
    this.watchdog = spawn('/bin/sh', ['-c', script, String(child.pid), this.directory], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.watchdog.unref();
    (this.watchdog.stdin as net.Socket).unref();
  }

  private connection(): Promise<RawClient> {
    this.admin ??= this.connect().then(
      (client) => {
        client.socket.once('close', () => (this.admin = undefined));
        return client;
      },
      (error: Error) => {
        this.admin = undefined;
        throw error;
      },
    );
    return this.admin;
  }

  private closeAdmin(): void {
    this.admin?.then((client) => client.close()).catch(() => undefined);
    this.admin = undefined;
  }
}

/** Sharded pub/sub is there from Redis 7 on. */
export function hasShards(): boolean {
  return serverVersion(serverBinary()).numbers[0] >= 7;
}

/** Nodes of a cluster announce host names from Redis 7 on. */
export const announcesNames = hasShards;

const versions = new Map<string, ServerVersion>();

function serverVersion(binary: string): ServerVersion {
  let version = versions.get(binary);
  if (!version) {
    let text: string;
    try {
      text = execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim();
    } catch (error) {
      throw new Error(`cannot run ${binary}; \`npm test\` installs a redis-server where it may`, { cause: error });
    }
    const numbers = (/v=(\d+(?:\.\d+)*)/.exec(text)?.[1] ?? '0').split('.').map(Number);
    version = { valkey: /valkey/i.test(text), numbers, text };
    versions.set(binary, version);
  }
  return version;
}

/** The program that specs run against. */
export function serverBinary(chosen = process.env.HAWSER_TEST_SERVER): string {
  if (!chosen) return 'redis-server';
  if (chosen.includes('/') || chosen === 'redis-server') return chosen;
  const binary = path.join(__dirname, '..', '..', '.cache', 'servers', chosen, 'server');
  if (!existsSync(binary)) throw new Error(`HAWSER_TEST_SERVER=${chosen}: run \`node scripts/servers.mjs ${chosen}\` first, or give a path`);
  return binary;
}

/** The servers of `scripts/servers.mjs` are built without TLS; the system's server has it. */
function tlsBinary(): string {
  try {
    serverVersion('redis-server');
    return 'redis-server';
  } catch {
    return serverBinary();
  }
}

let offset = Math.floor(Math.random() * PORTS.count);

/** A free port of 127.0.0.1 outside the ephemeral range. The port 10,000 above it is free as well, for a cluster bus. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    offset = (offset + 1 + Math.floor(Math.random() * 97)) % PORTS.count;
    const port = PORTS.first + offset;
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
