/** `hawser audit`: on a backend with every fault, on one without any, on code that is written in other ways, and on folders of all kinds. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { AuditJson, FindingKind } from '../../lib/cli/audit/schema';
import { ROOT } from '../helpers/process';
import { hawser, hawserJson } from './hawser';

const BACKEND = path.join(ROOT, '__test__', 'cli', 'backend');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hawser-audit-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (files: Record<string, string | Buffer>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
};

/** Audits these files. The parser comes from hawser's own folder. */
const audited = (files: Record<string, string | Buffer>, ...args: string[]): Promise<AuditJson> => {
  write(files);
  return hawserJson<AuditJson>(['audit', folder, ...args]);
};

const placesOf = ({ findings }: AuditJson, kind: FindingKind): string[] => findings.filter((finding) => finding.kind === kind).map(({ file, line }) => `${file}:${line}`);

describe('a backend with the files and faults of the review', () => {
  let result: AuditJson;
  beforeAll(async () => {
    result = await hawserJson<AuditJson>(['audit', BACKEND]);
  });

  test('every connection is found, with its library, scope and life', () => {
    expect(result.connections.map(({ file, line, library, scope, hasErrorHandler, isClosed }) => [`${path.posix.basename(file)}:${line}`, library, scope, hasErrorHandler, isClosed])).toEqual([
      ['require-permission.middleware.ts:6', 'ioredis', 'request', false, false],
      ['permission.service.ts:6', 'ioredis', 'module', false, false],
      ['pricing-cache.service.ts:4', 'ioredis', 'module', true, true],
      ['connect.ts:5', 'ioredis', 'function', false, false],
      ['cache.service.ts:9', 'ioredis', 'class', true, true],
      ['rate-limiter.ts:4', 'ioredis', 'class', false, false],
      ['redis.connection.ts:5', 'redis', 'module', false, false],
      ['rateLimit.config.ts:5', 'redis', 'module', false, false],
      ['jwt.ts:6', 'ioredis', 'function', false, false],
      ['metrics.js:4', 'redis', 'module', true, true],
    ]);
    const wrapper = result.connections.find(({ file }) => file.endsWith('connect.ts'));
    expect(wrapper?.calledFrom.map(({ line }) => line)).toEqual([4, 5]);
    expect(result.connections.find(({ file }) => file.endsWith('permission.service.ts'))).toMatchObject({ name: 'sub', subscribes: true });
  });

  test.each<[FindingKind, string[]]>([
    ['mixed-libraries', ['src/infrastructure/utilities/redis.connection.ts:5']],
    ['keys', ['src/core/services/pricing-cache.service.ts:18', 'src/infrastructure/utilities/cache.service.ts:29']],
    ['flush', ['src/infrastructure/utilities/cache.service.ts:34', 'src/workers/metrics.js:18']],
    ['smembers-del', ['src/core/services/permission.service.ts:9']],
    ['hand-made-cache', ['src/core/services/pricing-cache.service.ts:9', 'src/infrastructure/utilities/cache.service.ts:19', 'src/workers/metrics.js:12']],
    ['literal-ttl', ['src/core/services/pricing-cache.service.ts:12', 'src/core/services/pricing-cache.service.ts:13', 'src/shared/helpers/jwt.ts:12', 'src/workers/metrics.js:15']],
    ['request-scope', ['src/api/require-permission.middleware.ts:6']],
    ['queue-connection', ['src/infrastructure/utilities/queue-manager.ts:7', 'src/infrastructure/utilities/queue-manager.ts:8', 'src/infrastructure/utilities/queue-manager.ts:11']],
    ['dependency', ['package.json:7', 'package.json:9']],
  ])('%s', (kind, places) => {
    expect(placesOf(result, kind)).toEqual(places);
  });

  test('queues tell how they connect', () => {
    expect(result.queues.map(({ type, name, connection, client }) => [type, name, connection, client && `${path.posix.basename(client.file)}:${client.line}`])).toEqual([
      ['Queue', 'emails', 'options', null],
      ['Queue', 'invoices', 'client', 'redis.connection.ts:5'],
      ['Worker', 'emails', 'options', null],
    ]);
  });

  test('packages tell who depends on them', () => {
    expect(result.dependencies.map((one) => [one.package, one.dependents.map(({ package: name, version, range }) => `${name} ${version} ${range}`)])).toEqual([
      ['ioredis', ['bullmq 5.66.0 5.8.2']],
      ['redis', ['connect-redis 9.0.0 >=5']],
    ]);
  });

  test('the migration goes from the least to the greatest risk, with a line for each place', () => {
    expect(result.migration.map(({ file, risk }) => [path.posix.basename(file), risk])).toEqual([
      ['pricing-cache.service.ts', 'low'],
      ['rateLimit.config.ts', 'low'],
      ['metrics.js', 'low'],
      ['connect.ts', 'low'],
      ['redis.connection.ts', 'low'],
      ['rate-limiter.ts', 'medium'],
      ['cache.service.ts', 'medium'],
      ['require-permission.middleware.ts', 'high'],
      ['permission.service.ts', 'high'],
      ['jwt.ts', 'high'],
      ['queue-manager.ts', 'critical'],
      ['package.json', 'low'],
    ]);
    expect(result.migration.find(({ file }) => file.endsWith('redis.connection.ts'))?.action).toMatch(/^delete/);
    expect(result.migration.flatMap(({ replacements }) => replacements).filter(({ replacement }) => replacement === '')).toEqual([]);
    const pricing = result.migration[0]?.replacements.map(({ line, replacement }) => `${line}: ${replacement}`);
    expect(pricing).toContain('9: return cache.getOrSet(key, () => load(), { ttl: 3600, tags: [tag] });');
  });

  test('text, JSON and page have no password of the code', async () => {
    for (const format of [[], ['--json'], ['--html']]) {
      const { code, stdout, stderr } = await hawser(['audit', BACKEND, ...format]);
      expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
      expect(stdout).not.toMatch(/hunter2|user:secret/);
      expect(stdout).toContain('redis.connection.ts');
      if (format[0] === '--html') expect(stdout).toMatch(/<svg [^>]*aria-label="Findings by kind"/);
    }
  });
});

test('a backend on hawser has no finding', async () => {
  const { code, stdout } = await hawser(['audit', path.join(ROOT, '__test__', 'cli', 'clean'), '--json']);
  const { findings, connections, queues } = JSON.parse(stdout) as AuditJson;
  expect(findings).toEqual([]);
  expect(connections).toEqual([]);
  expect(queues).toMatchObject([{ name: 'emails', connection: 'manager' }]);
  expect(code).toBe(0);
});

describe('ways to write it', () => {
  const client = "import Redis from 'ioredis';\nexport const client = new Redis();\nclient.on('error', () => {});\nprocess.on('exit', () => client.quit());\n";

  test.each<[string, Record<string, string>, string[]]>([
    ['a re-export under another name', { 'a.ts': client, 'b.ts': "export { client as store } from './a.js';", 'c.ts': "import { store as s } from './b';\ns.keys('*');" }, ['c.ts:2']],
    ['a namespace import', { 'a.ts': client, 'b.ts': "import * as all from './a';\nall.client.keys('*');" }, ['b.ts:2']],
    ['a dynamic import', { 'a.ts': client, 'b.ts': "export async function f() {\n  const { client: c } = await import('./a');\n  return c.keys('*');\n}" }, ['b.ts:3']],
    ['require of an object of exports', { 'a.js': "const Redis = require('ioredis');\nmodule.exports = { db: new Redis() };", 'b.js': "const { db } = require('./a');\ndb.keys('*');" }, ['b.js:2']],
    ['a class field through inheritance', { 'a.ts': "import Redis from 'ioredis';\nexport class Base { protected db = new Redis(); }", 'b.ts': "import { Base } from './a';\nclass Mine extends Base {\n  all() {\n    return this.db.keys('*');\n  }\n}" }, ['b.ts:4']],
    ['a parameter property with a type', { 'a.ts': "import type { Redis } from 'ioredis';\nexport class S {\n  constructor(private readonly r: Redis) {}\n  all = () => this.r.keys('*');\n}" }, ['a.ts:4']],
    ['a parameter without a type, from its caller', { 'a.js': "const { createClient } = require('redis');\nfunction all(c) {\n  return c.keys('*');\n}\nall(createClient());" }, ['a.js:3']],
    ['node-redis in capitals', { 'a.ts': "import { createClient } from 'redis';\nconst c = await createClient().on('error', console.error).connect();\nawait c.KEYS('*');" }, ['a.ts:3']],
    ['a command by name', { 'a.ts': `${client}client.call('KEYS', '*');\nclient.pipeline().get('a').keys('*');` }, ['a.ts:5', 'a.ts:6']],
    ['sendCommand of an array', { 'a.ts': "import { createClient } from 'redis';\ncreateClient().sendCommand(['KEYS', '*']);" }, ['a.ts:2']],
    ['an element access', { 'a.ts': `${client}client['keys']('*');` }, ['a.ts:5']],
    ['a provider of NestJS', { 'm.ts': "import Redis from 'ioredis';\nexport const p = { provide: 'DB', useFactory: () => new Redis() };", 's.ts': "import { Inject } from '@nestjs/common';\nexport class S {\n  constructor(@Inject('DB') private db) {}\n  all() {\n    return this.db.keys('*');\n  }\n}" }, ['s.ts:5']],
    ['a workspace package', { 'package.json': '{"name":"root"}', 'packages/db/package.json': '{"name":"@my/db","main":"dist/index.js"}', 'packages/db/src/index.ts': client, 'apps/api/main.ts': "import { client } from '@my/db';\nclient.keys('*');" }, ['apps/api/main.ts:2']],
    ['a constructor function', { 'a.js': "var redis = require('redis');\nfunction Store() {\n  this.c = redis.createClient();\n}\nStore.prototype.all = function (cb) {\n  this.c.keys('*', cb);\n};" }, ['a.js:6']],
    ['a type that is the return type of a function', { 'a.ts': "import { createClient } from 'redis';\ntype Client = ReturnType<typeof createClient>;\nexport const all = (c: Client) => c.keys('*');" }, ['a.ts:3']],
    ['a name alone, in code without types', { 'a.js': "require('redis');\nmodule.exports = function () {\n  var self = this;\n  self.client.keys('a*', (keys) => keys);\n};" }, ['a.js:4']],
    ['a global', { 'a.js': "globalThis.db ??= new (require('ioredis'))();", 'b.js': "// redis\nglobalThis.db.keys('*');" }, ['b.js:2']],
  ])('KEYS through %s', async (_, files, places) => {
    const result = await audited(files);
    expect(placesOf(result, 'keys')).toEqual(places);
    expect(result.connections.filter(({ library }) => !/redis/.test(library))).toEqual([]);
  });

  test.each<[string, string]>([
    ['Map, Set, URLSearchParams', "import Redis from 'ioredis';\nconst redis = new Map(); const redisClient = new Set();\nredis.keys(); redis.get('a'); redisClient.keys(); new URLSearchParams('a').keys();"],
    ['Object.keys and lodash', "import Redis from 'ioredis';\nimport _, { keys } from 'lodash';\nObject.keys({}); keys({}); _.keys({});"],
    ['a class of the code base called Redis', "class Redis { keys(p) { return [p]; } flushall() {} }\nconst redis = new Redis();\nredis.keys('*'); redis.flushall();"],
    ['another package with the same names', "import { Redis, createClient } from 'some-redis-like-thing';\nconst r = new Redis(); r.keys('*'); createClient().flushall();"],
    ['mongoose and express', "// redis\nimport mongoose from 'mongoose';\nimport express from 'express';\nconst app = express();\napp.get('/a', (req, res) => res.json(JSON.parse(app.get('b'))));\napp.set('b', JSON.stringify({}));\nmongoose.connection.close();"],
    ['words in comments and texts', "// new Redis() from 'ioredis' and client.keys('*')\nexport const text = \"redis.flushall()\";"],
    ['the options of a type', "import type { RedisOptions } from 'ioredis';\nexport const options: RedisOptions = { keyPrefix: 'a' };\nObject.keys(options);"],
  ])('nothing is found in %s', async (_, text) => {
    const { findings, connections } = await audited({ 'a.ts': text });
    expect({ findings, connections }).toEqual({ findings: [], connections: [] });
  });

  describe('a client of another library', () => {
    const libraries = async (files: Record<string, string>): Promise<string[]> => (await audited(files)).connections.map(({ file, line, library, how }) => `${file}:${line} ${library} ${how}`);
    const io = "import Redis from 'ioredis';\n";

    test.each<[string, Record<string, string>, string[]]>([
      ["Bun's own", { 'a.ts': "import { RedisClient } from 'bun';\nconst src = new RedisClient();\nconst copy = await src.duplicate();" }, ['a.ts:2 bun new RedisClient', 'a.ts:3 bun duplicate']],
      ['a method of that name on what nobody has made', { 'a.js': `${io}export function copy(src) {\n  return src.duplicate();\n}\nnew Redis();` }, ['a.js:5 ioredis new Redis']],
      ['a method of that name on a class of the code', { 'a.ts': `${io}class Page { duplicate() { return new Page(); } }\nconst src = new Page();\nsrc.duplicate();\nnew Redis();` }, ['a.ts:5 ioredis new Redis']],
      ['an adapter that is chosen by what the client has', {
        'adapt.js': "class BunAdapter {\n  constructor(raw) { this.raw = raw; }\n  copy() { return copyOf(this.raw); }\n}\nconst copyOf = (src) => src.duplicate();\nexport function wrap(client) {\n  const isOld = typeof client.defineCommand === 'function';\n  if (!isOld && typeof client.send === 'function' && 'connected' in client) {\n    return new BunAdapter(client);\n  }\n  return client;\n}",
        'b.js': `${io}import { wrap } from './adapt';\nconst client = new Redis();\nwrap(client).duplicate();`,
      }, ['b.js:3 ioredis new Redis', 'b.js:4 ioredis duplicate']],
      ['a question in a function of its own', {
        'a.js': `${io}const { createClient } = require('redis');\nconst isNode = (one) => 'isOpen' in one;\nfunction copy(client) {\n  return isNode(client) ? client.duplicate() : undefined;\n}\ncopy(new Redis());\ncopy(createClient());`,
      }, ['a.js:5 redis duplicate', 'a.js:7 ioredis new Redis', 'a.js:8 redis createClient']],
      ['instanceof, also of a derived class', {
        'a.ts': `${io}import { createClient } from 'redis';\nclass Mine extends Redis {}\nfunction close(client: any) {\n  if (client instanceof Mine) client.duplicate();\n  if (!(client instanceof Redis)) { client.sendCommand(['KEYS', '*']); }\n}\nclose(new Mine());\nclose(createClient());`,
      }, ['a.ts:5 ioredis duplicate', 'a.ts:8 ioredis new Mine', 'a.ts:9 redis createClient']],
      ['a question that proves nothing', { 'a.ts': `${io}const client = new Redis();\nif (client && client.options.db === 0 && typeof client.mine !== 'function') client.duplicate();` }, ['a.ts:2 ioredis new Redis', 'a.ts:3 ioredis duplicate']],
    ])('%s', async (_, files, found) => {
      expect(await libraries(files)).toEqual(found);
    });
  });

  test('error handlers and shutdown are found in helpers, loops and chains', async () => {
    const { connections } = await audited({
      'a.ts': "import Redis from 'ioredis';\nimport { watch } from './b';\nconst a = watch(new Redis());\nconst b = watch(new Redis());\nconst all = [a, b];\nexport async function stop() {\n  await Promise.all(all.filter(Boolean).map((one) => one.quit()));\n}",
      'b.ts': "import type { Redis } from 'ioredis';\nexport function watch(c: Redis) {\n  c.on('error', console.error);\n  return c;\n}",
    });
    expect(connections.map(({ hasErrorHandler, isClosed }) => [hasErrorHandler, isClosed])).toEqual([[true, true], [true, true]]);
  });

  test.each<[string, string, string]>([
    ['a handler of Express', "app.get('/a', async (req, res) => {\n  const r = new Redis();\n});", 'request'],
    ['what a handler calls', "function open() {\n  return new Redis();\n}\nrouter.post('/a', (req, res) => open().get('a'));", 'request'],
    ['a class that a handler makes', "class S {\n  r = new Redis();\n}\nexport async function GET(request) {\n  return new S();\n}", 'request'],
    ['a provider in request scope', "@Injectable({ scope: Scope.REQUEST })\nexport class S {\n  r = new Redis();\n}", 'request'],
    ['a method with a route', "export class C {\n  @Get('a')\n  async all() {\n    return new Redis();\n  }\n}", 'request'],
    ['a getter that keeps what it makes', "let r;\nfunction open() {\n  if (!r) r = new Redis();\n  return r;\n}\nrouter.post('/a', (req, res) => open().get('a'));", 'function'],
    ['a singleton', "class S {\n  static r;\n  static open() {\n    return (S.r ??= new Redis());\n  }\n}\nrouter.post('/a', (req, res) => S.open());", 'class'],
    ['a map by tenant', "const all = new Map();\nfunction open(t) {\n  if (!all.has(t)) all.set(t, new Redis());\n  return all.get(t);\n}\nrouter.post('/a', (req, res) => open(req.t));", 'function'],
    ['a factory of middleware', "export function limit() {\n  const r = new Redis();\n  return (req, res, next) => r.incr('a').then(() => next());\n}", 'function'],
  ])('the scope of %s', async (_, text, scope) => {
    const { connections } = await audited({ 'a.ts': `import Redis from 'ioredis';\n${text}` });
    expect(connections.map((one) => one.scope)).toEqual([scope]);
  });

  test('how queues connect', async () => {
    const { queues } = await audited({
      'a.ts': `import { Queue, Worker, QueueEvents } from 'bullmq';
import { BullModule } from '@nestjs/bullmq';
import Redis from 'ioredis';
import { RedisManager } from 'hawser';
const shared = new Redis({ maxRetriesPerRequest: null });
const options = { connection: shared, prefix: 'x' };
new Queue('a');
new Queue('b', options);
new Worker('b', async () => {}, { ...options, concurrency: 2 });
new QueueEvents('b', { connection: RedisManager.getBullMQConnection() });
BullModule.forRoot({ connection: { host: 'h' } });
export const other = (given) => new Queue('c', given);`,
    });
    expect(queues.map(({ type, connection }) => [type, connection])).toEqual([
      ['Queue', 'default'],
      ['Queue', 'client'],
      ['Worker', 'client'],
      ['QueueEvents', 'manager'],
      ['forRoot', 'options'],
      ['Queue', 'unknown'],
    ]);
  });
});

describe('folders', () => {
  test.each([
    [['no-such-folder'], 'there is no folder'],
    [[__filename], 'is not a folder'],
    [['.', '--max-files', '0'], "option '--max-files <n>' argument '0' is invalid"],
    [['.', '--max-files', 'ten'], "argument 'ten' is invalid"],
  ])('%j is an error that names it', async (args, says) => {
    const { code, stdout, stderr } = await hawser(['audit', ...args], { cwd: folder });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
  });

  test('one without code says so and is fine', async () => {
    write({ 'README.md': '# redis', 'src/.keep': '' });
    const { code, stdout } = await hawser(['audit', folder]);
    expect(code).toBe(0);
    expect(stdout).toContain('there is no TypeScript or JavaScript here');
  });

  test('broken, binary, wide and huge files are named, and the rest is read', async () => {
    const good = "import Redis from 'ioredis';\nnew Redis().keys('*');\n";
    const result = await audited({
      'good.ts': good,
      'broken.ts': `${good}export function (( {`,
      'aside.ts': 'export const nothing = ;\n',
      'binary.js': Buffer.from([0, 1, 2, 3]),
      'wide.ts': Buffer.from(`\ufeff${good}`, 'utf16le'),
      'huge.js': `// ${'x'.repeat(2_100_000)}`,
      'deep.js': `// redis\nvar a = ${'['.repeat(20_000)}${']'.repeat(20_000)};`,
      'package.json': '{ not json',
      'node_modules/x/index.js': good,
      'dist/index.js': good,
      '.git/hook.js': good,
      'types.d.ts': good,
    });
    expect(placesOf(result, 'keys')).toEqual(['broken.ts:2', 'good.ts:2', 'wide.ts:2']);
    const told = Object.fromEntries(result.notes.map(({ file, message }) => [file, message]));
    expect(told['broken.ts']).toMatch(/^syntax error in line 3/);
    expect(told['aside.ts']).toMatch(/^syntax error in line 1/);
    expect(told['binary.js']).toMatch(/binary/);
    expect(told['huge.js']).toMatch(/larger than 2 MB/);
    expect(told['deep.js']).toMatch(/cannot be parsed|syntax/);
    expect(told['package.json']).toMatch(/not valid JSON/);
  });

  test('a circle of links ends, and a link out of nowhere is passed over', async () => {
    mkdirSync(path.join(folder, 'a'));
    symlinkSync(folder, path.join(folder, 'a', 'up'));
    symlinkSync(path.join(folder, 'nowhere'), path.join(folder, 'a', 'gone.ts'));
    const result = await audited({ 'a/x.ts': "import Redis from 'ioredis';\nnew Redis();" });
    expect(result.connections).toHaveLength(1);
  });

  test('imports in a circle, and functions that call themselves, end', async () => {
    const result = await audited({
      'a.ts': "import { b } from './b';\nimport Redis from 'ioredis';\nexport const a = () => b() ?? new Redis();\na().keys('*');",
      'b.ts': "import { a } from './a';\nexport const b = () => a();\nexport * from './a';\nb().keys('*');",
    });
    expect(placesOf(result, 'keys')).toEqual(['a.ts:4', 'b.ts:4']);
  });

  test('objects that are spread into themselves end', async () => {
    const result = await audited({
      'a.js': "const Redis = require('ioredis');\nfunction open(options) {\n  options = { ...options, ...options, db: 1 };\n  options.client.keys('*');\n  return new Redis(options);\n}\nopen({}).keys('*');",
    });
    expect(placesOf(result, 'keys')).toEqual(['a.js:4', 'a.js:7']);
  });

  test('a large tree stops at the limit and says so', async () => {
    const result = await audited(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`src/f${i}.ts`, "import Redis from 'ioredis';\nexport const r = new Redis();\n"])), '--max-files', '50');
    expect(result.summary.files).toBe(50);
    expect(result.notes).toContainEqual({ file: null, message: 'only the first 50 files were looked at; --max-files sets the limit' });
  });

  test('tests are left out unless they are asked for', async () => {
    const files = { 'src/a.spec.ts': "import Redis from 'ioredis';\nnew Redis();", '__tests__/b.ts': "import Redis from 'ioredis';\nnew Redis();" };
    expect((await audited(files)).notes).toEqual(expect.arrayContaining([{ file: null, message: '2 test files were left out; --tests includes them' }]));
    expect((await audited({}, '--tests')).connections).toHaveLength(2);
  });
});

test('without a parser, or with a TypeScript that has none, the error has the command that brings one', async () => {
  // hawser's program alone, where no package typescript can be found.
  const program = path.join(folder, 'node_modules', 'hawser');
  cpSync(path.join(ROOT, 'dist'), path.join(program, 'dist'), { recursive: true });
  cpSync(path.join(ROOT, 'package.json'), path.join(program, 'package.json'));
  cpSync(path.join(ROOT, 'node_modules', 'commander'), path.join(folder, 'node_modules', 'commander'), { recursive: true });
  const run = (): string => {
    try {
      return execFileSync(process.execPath, [path.join(program, 'dist', 'cli', 'main.js'), 'audit', '.'], { cwd: folder, stdio: 'pipe' }).toString();
    } catch (error) {
      return String((error as { stderr: Buffer }).stderr);
    }
  };
  expect(run()).toMatch(/no package typescript was found\. Run: npx -p hawser -p typescript@5 hawser audit\n$/);
  write({ 'node_modules/typescript/package.json': '{"name":"typescript","version":"7.0.2"}', 'node_modules/typescript/index.js': 'exports.version = "7.0.2";' });
  expect(run()).toContain('typescript 7.0.2 in');
});
