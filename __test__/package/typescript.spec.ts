/**
 * Applications compile with every TypeScript in use, with all libraries checked, with or without types of Node. The newest types of Node do
 * not compile with the oldest of these compilers, so hawser must not add them to a project without types of Node.
 */
import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { Installed, installTools, toolPath } from './installed';

jest.setTimeout(180_000);

const VERSIONS = ['5.5', '5.6', '5.7', '5.8', '5.9', '6.0', '7.0'];
const STRICT = { target: 'ES2022', lib: ['ES2022'], types: [], strict: true, skipLibCheck: false, noEmit: true };

const REQUIRED = `
import hawser = require('hawser');
import Redis, { CacheRepository, type CacheOptions } from 'hawser';

const redis: Redis = new hawser({ lazyConnect: true });
redis.on('error', (error) => { throw error; });
export const text: Promise<string | null> = redis.get('key');
export const number: Promise<number | null> = new hawser<'resp3'>({ replyMapping: 'resp3' }).zscore('key', 'member');
export const options: hawser.RedisOptions & Partial<hawser.CacheOptions> = { db: 1, ttl: 60 };
export const cluster: hawser.Cluster = new hawser.Cluster([]);
export const cache: CacheRepository = new hawser.CacheRepository('orders', { ttl: 60 } satisfies CacheOptions);
export class Own extends hawser {}
// @ts-expect-error a reply is text or null
export const wrongReply: Promise<number> = redis.get('key');
// @ts-expect-error a database is a number
new hawser({ db: 'one' });
`;

const IMPORTED = `
import Redis, { CacheRepository, Redis as Named, type RedisOptions, type Result } from 'hawser';
import * as everything from 'hawser';

declare module 'hawser' {
  interface RedisCommander<Context> {
    takeToken(key: string): Result<string, Context>;
  }
}

const options: RedisOptions = { lazyConnect: true };
const redis: Named = new Redis(options);
export const token: Promise<string> = redis.takeToken('key');
export const orders: Promise<number[]> = new CacheRepository('orders').getOrSet('list', async () => [1], { ttl: 60, tags: ['orders'] });
export const same: typeof Redis = everything.Redis;
`;

/** Where copies of the types of Node are installed in a project, and their major versions. */
function typesOfNode(project: string): Record<string, number> {
  const manifests = readdirSync(project, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith(path.join('@types', 'node', 'package.json')));
  const major = (file: string): number => parseInt((JSON.parse(readFileSync(path.join(project, file), 'utf8')) as { version: string }).version, 10);
  return Object.fromEntries(manifests.map((file) => [path.dirname(file).split(path.sep).join('/'), major(file)]));
}

beforeAll(installTools);

const NODE16 = { module: 'Node16' };
const BUNDLER = { module: 'ESNext', moduleResolution: 'Bundler' };
const NODE10 = { module: 'CommonJS', moduleResolution: 'Node10', esModuleInterop: false };

type Case = [version: string, name: string, compilerOptions: object];
const CURRENT = VERSIONS.map((version): Case => [version, 'as CommonJS and as ES modules', NODE16]);
const OTHER: Case[] = [
  ['5.5', 'for a bundler', BUNDLER],
  ['7.0', 'for a bundler', BUNDLER],
  ['5.5', 'the old way without interop', NODE10],
  ['6.0', 'the old way without interop', { ...NODE10, ignoreDeprecations: '6.0' }],
];

describe.each([
  ['a project without types of Node', {}, [...CURRENT, ...OTHER]],
  ['a project with types of an older Node', { '@types/node': '20' }, CURRENT.slice(0, 1)],
  ['a project with types of a newer Node than those that hawser brings', { '@types/node': '26' }, [CURRENT[1], CURRENT[6]]],
])('%s', (_, dependencies: Record<string, string>, cases: Case[]) => {
  let app: Installed;
  beforeAll(async () => {
    app = await Installed.create(dependencies);
    for (const extension of ['cts', 'ts']) app.write(`src/required.${extension}`, REQUIRED);
    for (const extension of ['mts', 'ts']) app.write(`src/imported.${extension}`, IMPORTED);
  });
  afterAll(() => app?.remove());

  test('has one copy of the types of Node', () => {
    const found = typesOfNode(app.project);
    expect(Object.keys(found)).toEqual(['node_modules/@types/node']);
    const own = dependencies['@types/node'];
    if (own !== undefined) expect(Object.values(found)).toEqual([Number(own)]);
  });

  test.each(cases)('compiles with TypeScript %s, %s', async (version, _, compilerOptions) => {
    const files = compilerOptions === NODE16 ? ['required.cts', 'imported.mts', 'imported.ts'] : compilerOptions === BUNDLER ? ['imported.ts'] : ['required.ts', 'imported.ts'];
    app.write('src/tsconfig.json', JSON.stringify({ compilerOptions: { ...STRICT, ...compilerOptions }, files }));
    expect(await app.node(toolPath(`typescript-${version}`, 'bin', 'tsc'), '--pretty', 'false', '-p', 'src')).toEqual({ code: 0, output: '' });
  });
});
