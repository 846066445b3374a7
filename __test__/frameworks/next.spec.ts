/**
 * hawser in a Next.js server with `output: 'standalone'`, which runs without node_modules. Next.js is larger than everything else that the
 * tests install, so run it with `npm test -- --only frameworks`.
 */
import { readdirSync } from 'node:fs';
import * as path from 'node:path';
import { LEAVE_OUT } from '../../lib/native_error';
import { NodeProcess } from '../helpers/process';
import { freePort, RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';
import { Installed, type Ran } from '../package/installed';

jest.setTimeout(300_000);

const ROUTE = `
import Redis, { CacheRepository, RedisManager } from 'hawser';
export const dynamic = 'force-dynamic';
RedisManager.configure({ url: process.env.REDIS_URL });
let loads = 0;
export async function GET() {
  const cache = new CacheRepository('app');
  const list = () => cache.getOrSet('list', () => ++loads, { ttl: 60, tags: ['orders'] });
  const seen = [await list(), await list()];
  await cache.invalidateTags(['orders']);
  seen.push(await list());
  if (process.env.REDIS_URL !== 'memory://') {
    const redis = new Redis(process.env.REDIS_URL);
    seen.push(await redis.echo('hello'));
    await redis.quit();
  }
  return Response.json(seen);
}
`;

let app: Installed;
let server: RedisServer;
beforeAll(async () => {
  [app, server] = await Promise.all([Installed.create({ next: '^16.4.6', react: '^19.2.0', 'react-dom': '^19.2.0' }), RedisServer.start()]);
  app.write('app/layout.js', 'export default function Layout({ children }) { return <html><body>{children}</body></html>; }');
  app.write('app/page.js', 'export default function Page() { return <p>hello</p>; }');
  app.write('app/api/read/route.js', ROUTE);
});
afterAll(async () => {
  await server?.stop();
  app?.remove();
});

function build(line: string, ...args: string[]): Promise<Ran> {
  app.write('next.config.js', `module.exports = { output: 'standalone', ${line} };`);
  const next = path.join(app.project, 'node_modules', 'next', 'dist', 'bin', 'next');
  return app.runIn('.', { NEXT_TELEMETRY_DISABLED: '1', REDIS_URL: 'memory://' }, process.execPath, next, 'build', ...args);
}

async function answerOf(place: string, url: string): Promise<unknown> {
  const port = await freePort();
  const env = { PORT: String(port), HOSTNAME: '127.0.0.1', REDIS_URL: url };
  const running = new NodeProcess(path.join(place, 'server.js'), { cwd: place, env, deadlineMs: 120_000 });
  try {
    return await until(async () => (await fetch(`http://127.0.0.1:${port}/api/read`)).json(), { deadlineMs: 60_000, everyMs: 100, what: 'an answer of the server' });
  } finally {
    await running.kill();
  }
}

test.each([['Turbopack'], ['webpack', '--webpack']])('with %s, the standalone server has the binary and runs elsewhere', async (_, ...args) => {
  const built = await build(new Map(LEAVE_OUT).get('Next.js')!, ...args);
  expect({ code: built.code, output: built.code === 0 ? '' : built.output }).toEqual({ code: 0, output: '' });
  const place = app.moveOut('.next/standalone');
  expect(readdirSync(path.join(place, 'node_modules', 'hawser', 'binding')).filter((file) => file.endsWith('.node'))).toHaveLength(1);
  expect(await answerOf(place, 'memory://')).toEqual([1, 1, 2]);
  await server.command('FLUSHALL');
  expect(await answerOf(place, server.url)).toEqual([1, 1, 2, 'hello']);
});

test.each([['Turbopack'], ['webpack', '--webpack']])('with %s and without the line, the build fails at the binary, so that the server does not fail at its start', async (_, ...args) => {
  const { code, output } = await build('', ...args);
  expect(code).not.toBe(0);
  expect(output).toContain('hawser/binding/');
});
