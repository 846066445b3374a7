/** Constructors, options, events, streams, `Command`, errors and subclasses, as applications of ioredis write them. */
/* eslint-disable @typescript-eslint/no-floating-promises, @typescript-eslint/no-misused-promises -- as people write it */
import { createConnection, type Socket } from 'node:net';
import IORedis, {
  AbstractConnector,
  Cluster,
  Command,
  type ClusterNode,
  type ClusterOptions,
  type CommonRedisOptions,
  type DNSLookupFunction,
  type NatMap,
  type NodeRole,
  Pipeline,
  print,
  Redis,
  type RedisOptions,
  type RedisStatus,
  ReplyError,
  ScanStream,
  SentinelConnector,
  SentinelIterator,
  type ScanStreamOptions,
  type SentinelAddress,
  type SentinelConnectionOptions,
  type StandaloneConnectionOptions,
} from 'ioredis';
import { expectTypeOf } from 'expect-type';

// ---- constructors

declare const url: string;
declare const options: RedisOptions;
const redis = new Redis();
new IORedis();
new Redis(6379);
new Redis(6379, '127.0.0.1');
new Redis(6379, { db: 1 });
new Redis(6379, '127.0.0.1', { lazyConnect: true });
new Redis('/tmp/redis.sock');
new Redis(url);
new Redis(url, { maxRetriesPerRequest: null, enableReadyCheck: false });
new Redis(url, options);
new Redis(options);
new Redis({ ...options, connectionName: 'x', tls: { rejectUnauthorized: false } });
const ofOptions: Redis = new Redis(options);
const ofUrl: IORedis = new IORedis(url, options);
const created: Redis = Redis.createClient();
console.log(ofOptions.status, ofUrl.status, created.mode, redis.isCluster);
const made = (Client: typeof Redis): Redis => new Client({ lazyConnect: true });
made(IORedis);
const copy: Redis = redis.duplicate();
const renamed: Redis = redis.duplicate({ connectionName: 'b' });
const again: Redis = redis.duplicate(options);
console.log(copy, renamed, again);
new Redis({
  sentinels: [{ host: 'a', port: 26379 }, { host: 'b' }],
  name: 'mymaster',
  role: 'slave',
  sentinelRetryStrategy: (times) => Math.min(times * 10, 1000),
  preferredSlaves: [{ ip: '127.0.0.1', port: '31231', prio: 1 }],
  natMap: { '10.0.0.1:6379': { host: 'h', port: 1 } },
});

// ---- options are read

const host: string | undefined = options.host;
const port: number | undefined = options.port;
const prefix: string | undefined = options.keyPrefix;
const password: string | undefined = options.password;
const username: string | undefined = options.username;
const ca = options.tls?.ca;
const retries: number | null | undefined = redis.options.maxRetriesPerRequest;
const database: number = redis.options.db ?? 0;
const ownPrefix: string = redis.options.keyPrefix ?? '';
const name: string = redis.options.connectionName ?? '';
const { family = 4, path, commandTimeout } = redis.options;
redis.options.maxRetriesPerRequest = null;
const copied: RedisOptions = { ...redis.options, lazyConnect: true };
console.log(host, port, prefix, password, username, ca, retries, database, ownPrefix, name, family, path, commandTimeout, copied);
const strategies: RedisOptions = {
  retryStrategy(times) {
    expectTypeOf(times).toEqualTypeOf<number>();
    return times > 3 ? null : times * 50;
  },
  reconnectOnError: (err) => (err.message.includes('READONLY') ? 2 : false),
  scripts: { one: { lua: 'return 1', numberOfKeys: 0 } },
};
const delay = strategies.retryStrategy?.(1);
console.log(delay);
interface Settings extends RedisOptions {
  prefixed: boolean;
}
declare const settings: Settings;
new Redis(settings);
const common: CommonRedisOptions = { db: 1, connectTimeout: 100 };
const standalone: StandaloneConnectionOptions = { host: 'h', port: 1 };
const sentinel: SentinelConnectionOptions = { name: 'm', sentinels: [] };
new Redis({ ...common, ...standalone, ...sentinel });
const address: SentinelAddress = { host: 'h', port: 1 };
const statuses: Record<RedisStatus, boolean> = { wait: true, reconnecting: true, connecting: true, connect: true, ready: true, close: true, end: true };
console.log(address, statuses[redis.status]);

// ---- clusters

interface Endpoint {
  host: string;
  port: number;
  zone: string;
}
declare const endpoints: Endpoint[];
const nodes: ClusterNode[] = [6380, 'redis://h:6381', { host: 'h', port: 6382 }];
const clusterOptions: ClusterOptions = {
  scaleReads: 'slave',
  redisOptions: { password: 'p', tls: {} },
  dnsLookup: (hostname, callback) => callback(null, hostname),
  clusterRetryStrategy: (times) => Math.min(100 + times * 2, 2000),
  slotsRefreshTimeout: 2000,
};
const cluster = new Cluster(nodes, clusterOptions);
new Cluster(endpoints);
new Redis.Cluster([{ host: 'h', port: 1 }], { redisOptions: { username: 'u' } });
const role: NodeRole = 'all';
const found: Redis[] = cluster.nodes(role);
void Promise.all(found.map((node) => node.flushall()));
const map: NatMap = (key: string) => (key ? { host: 'h', port: 1 } : null);
const lookup: DNSLookupFunction = (hostname, callback) => callback(null, hostname, 4);
cluster.duplicate(nodes, { natMap: map, dnsLookup: lookup }).disconnect();
cluster.refreshSlotsCache((err) => console.log(err));
cluster.on('+node', (node) => node.options);
cluster.on('node error', (error, key) => console.log(error, key));
cluster.on('error', (error) => console.log(error.lastNodeError));
cluster.once('ready', () => console.log(cluster.status, cluster.slots[0]?.[0]));

// ---- events

redis.on('connect', () => {}).on('ready', async () => {}).once('end', () => {});
redis.on('error', (error) => expectTypeOf(error).toEqualTypeOf<Error>());
redis.on('error', (error: NodeJS.ErrnoException) => console.log(error.code));
redis.on('error', console.error);
redis.on('reconnecting', (ms: number) => console.log(ms));
redis.on('reconnecting', () => {});
redis.on('close', (hadError: boolean) => console.log(hadError));
redis.on('message', (channel, message) => {
  expectTypeOf(channel).toEqualTypeOf<string>();
  expectTypeOf(message).toEqualTypeOf<string>();
});
redis.on('messageBuffer', (channel, message) => expectTypeOf([channel, message]).toEqualTypeOf<Buffer[]>());
redis.on('pmessage', (pattern, channel, message) => expectTypeOf([pattern, channel, message]).toEqualTypeOf<string[]>());
redis.once('pmessageBuffer', (pattern, channel, message) => {
  expectTypeOf(pattern).toEqualTypeOf<string>();
  expectTypeOf([channel, message]).toEqualTypeOf<Buffer[]>();
});
redis.on('smessage', (channel, message) => console.log(channel, message));
redis.on('select', (db) => console.log(db));
redis.on('anything', (...args: unknown[]) => console.log(args));
redis.on(Symbol('own'), () => {});
const listener = (channel: string, message: string): void => console.log(channel, message);
redis.on('message', listener).off('message', listener).removeListener('message', listener).addListener('message', listener);
redis.prependListener('message', listener).prependOnceListener('ready', () => {}).removeAllListeners('message').setMaxListeners(0);
for (const event of ['connect', 'ready', 'close'] as const) redis.on(event, () => console.log(event));
declare const event: string;
redis.on(event, (first, second) => console.log(first, second));
const listen: (event: string, listener: (...args: unknown[]) => void) => unknown = redis.on.bind(redis);
listen('ready', () => {});
const onceReady = (client: Redis): Promise<void> => new Promise((resolve, reject) => client.once('ready', resolve).once('error', reject));
void onceReady(redis);
redis.emit('message', 'c', 'm');
const emitter: NodeJS.EventEmitter = redis;
console.log(emitter.listenerCount('x'));
void redis.monitor().then((monitor) => monitor.on('monitor', (time, args, source, database) => console.log(time, args, source, database)));
redis.monitor((_, monitor) => monitor?.disconnect());

// ---- scan streams

const scanOptions: ScanStreamOptions = { match: 'a*', count: 100, type: 'hash' };
const glob: string = scanOptions.match ?? '*';
const stream: ScanStream = redis.scanStream(scanOptions);
stream.on('data', (found: string[]) => {
  stream.pause();
  void redis.del(...found).then(() => stream.resume());
});
stream.on('end', () => stream.close());
redis.hscanStream('h', { match: glob, noValues: true }).on('data', (entries) => console.log(entries.length));
redis.sscanBufferStream('s').pipe(process.stdout);
cluster.zscanStream('z').destroy();
async function walk(): Promise<void> {
  for await (const page of redis.scanStream()) await redis.unlink(page as string[]);
}
void walk();
new ScanStream({ objectMode: true, redis, command: 'scan', count: 10 });

// ---- Command

const command = new Command('get', ['k'], { replyEncoding: 'utf8', keyPrefix: 'a:' }, (err, result) => console.log(err, result.length));
void redis.sendCommand(command);
void command.promise.then((result) => console.log(result.length));
const slot: number = command.getSlot();
const found2: (string | Buffer)[] = command.getKeys();
console.log(command.name, command.args.length, slot, found2, command.toWritable(redis.stream));
command.resolve('x');
command.reject(new Error('x'));
new Redis.Command('set', ['a', 1, Buffer.from('b'), ['c']]);
Command.setArgumentTransformer('mset', (args) => (args.length === 1 ? Object.entries(args[0]).flat() : args));
Command.setReplyTransformer('hgetall', (result) => (Array.isArray(result) ? new Map(result.map((item) => [item.key, item])) : result));
console.log(Command.checkFlag('ENTER_SUBSCRIBER_MODE', 'subscribe'), Command.FLAGS.WILL_DISCONNECT);
console.log(new Pipeline(redis).length, redis.getBuiltinCommands().includes('get'), redis.createBuiltinCommand('x').string);
redis.addBuiltinCommand('x');

// ---- errors and small things

async function guarded(): Promise<void> {
  try {
    await redis.get('k');
  } catch (error) {
    if (error instanceof ReplyError) console.log('a reply');
    else if (error instanceof Error) console.log(error.message);
  }
  try {
    await redis.incr('k');
  } catch (error: any) {
    if (error instanceof ReplyError) console.log(error.command.name, error.command.args[0], error.previousErrors[0].message, error.code);
  }
}
void guarded();
console.log(new ReplyError('ERR x').message);
print(null, 1);
redis.stream.destroy();
redis.stream.once('close', () => {});
if (redis.status === 'ready' || redis.status === 'connect') redis.disconnect(true);
console.log(redis.autoPipelineQueueSize, redis.mode === 'subscriber');
redis.end();

// ---- subclasses and stand-ins

class Prefixed extends Redis {
  readonly own = new Set<string>();
  constructor(
    private readonly prefix: string,
    more: RedisOptions,
  ) {
    super({ ...more, keyPrefix: prefix, replyMapping: 'legacy' });
  }
  override sendCommand(sent: Command): unknown {
    this.own.add(this.prefix + sent.name);
    return super.sendCommand(sent);
  }
  override async connect(): Promise<void> {
    await super.connect();
  }
  override disconnect(reconnect?: boolean): void {
    super.disconnect(reconnect);
  }
}
const asBase: Redis = new Prefixed('a', options);
console.log(asBase.status);
class Any extends IORedis {
  constructor(...args: ConstructorParameters<typeof IORedis>) {
    super(...args);
  }
}
console.log(new Any().status);
class Nodes extends Cluster {
  names(): string[] {
    return this.nodes('master').map(({ options: { host: at } }) => at ?? '');
  }
}
console.log(new Nodes([]).names());
const fake = { get: (key: string) => Promise.resolve(key), on: () => fake } as unknown as Redis;
const subset: Pick<Redis, 'status' | 'duplicate' | 'options'> = redis;
const partial: Partial<Redis> = { status: 'ready' };
type Getter = Parameters<Redis['on']>[0];
const anyEvent: Getter = Symbol('x');
console.log(fake, subset, partial, anyEvent);

// ---- a connector of the application's own

class Tunnel extends AbstractConnector {
  constructor(private readonly settings: { port: number }) {
    super(1000);
  }
  override check(info: { role?: string }): boolean {
    return info.role === 'master';
  }
  async connect(emit: (type: string, error: Error) => void): Promise<Socket> {
    const stream = createConnection(this.settings.port);
    stream.once('error', (error) => emit('error', error));
    this.connecting = true;
    this.stream = stream;
    return stream;
  }
}
const tunnelled: RedisOptions = { Connector: Tunnel as new (options: unknown) => Tunnel };
new Redis({ ...tunnelled, Connector: Tunnel as new (options: unknown) => Tunnel });
console.log(SentinelConnector.name, SentinelIterator.name, redis.commandQueue.length);
