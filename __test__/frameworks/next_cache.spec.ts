/**
 * `hawser/next` under `use cache` in Next.js: a real build, and two instances of `next start` that share entries and revalidations. Large, as the other spec here:
 * `npm test -- --only frameworks`.
 */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { readPage } from '../docs/pages';
import { NodeProcess } from '../helpers/process';
import { freePort, RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';
import { Installed } from '../package/installed';

jest.setTimeout(400_000);

interface Data {
  name: string;
  made: number;
  by: string;
}

let app: Installed;
let server: RedisServer;
const next = (): string => path.join(app.project, 'node_modules', 'next', 'dist', 'bin', 'next');

beforeAll(async () => {
  [app, server] = await Promise.all([Installed.create({ next: '^16.4.6', react: '^19.2.0', 'react-dom': '^19.2.0' }), RedisServer.start()]);
  app.write('app/layout.js', 'export default function Layout({ children }) { return <html><body>{children}</body></html>; }');
  app.write('app/page.js', 'export default function Page() { return <p>hello</p>; }');
  // The files of the page, which begin with their names.
  for (const [, name, code] of readPage('docs/integrations/next.md').matchAll(/^```js\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)) app.write(name, code);
  const { code, output } = await app.runIn('.', { NEXT_TELEMETRY_DISABLED: '1', REDIS_URL: server.url }, process.execPath, next(), 'build');
  if (code !== 0) throw new Error(output);
});
afterAll(async () => {
  await server?.stop();
  app?.remove();
});

test('two instances share what `use cache` has made, and revalidateTag of one holds for both, at once or after one stale answer', async () => {
  const ports = [await freePort(), await freePort()];
  const instances = ports.map(
    (port) => new NodeProcess(next(), { cwd: app.project, args: ['start', '-p', String(port), '-H', '127.0.0.1'], env: { INSTANCE: String(port), REDIS_URL: server.url, NEXT_TELEMETRY_DISABLED: '1' }, deadlineMs: 300_000 }),
  );
  const get = async (instance: number, name: string): Promise<Data> => (await fetch(`http://127.0.0.1:${ports[instance]}/api/data?name=${name}`)).json() as Promise<Data>;
  const patiently = { deadlineMs: 100_000, everyMs: 50 };
  const other = (instance: number, former: Data): Promise<Data> =>
    until(
      async () => {
        const data = await get(instance, former.name);
        return data.made === former.made ? undefined : data;
      },
      { ...patiently, what: 'a value that was made anew' },
    );
  const revalidate = (instance: number, tag: string, profile: unknown): Promise<Response> =>
    fetch(`http://127.0.0.1:${ports[instance]}/api/revalidate`, { method: 'POST', body: JSON.stringify({ tag, profile }) });
  try {
    for (const instance of [0, 1]) await until(() => get(instance, 'first'), { ...patiently, what: 'an answer of the server' });
    const a = await get(0, 'a');
    expect(await get(1, 'a')).toEqual(a);
    const b = await get(1, 'b');
    expect((await revalidate(1, 'order:a', { expire: 0 })).status).toBe(200);
    const again = await other(0, a);
    expect(await get(1, 'a')).toEqual(again);
    expect(await get(0, 'b')).toEqual(b);
    await revalidate(0, 'orders', 'max');
    expect(await get(1, 'b')).toEqual(b);
    const fresh = await other(1, b);
    expect((await get(0, 'b')).made).toBe(fresh.made);
  } finally {
    for (const instance of instances) await instance.kill();
  }
});

test('under `next dev`: values are kept and revalidated, an edited file counts at once, and connections do not grow with edits', async () => {
  const port = await freePort();
  const env = { INSTANCE: 'dev', REDIS_URL: server.url, NEXT_TELEMETRY_DISABLED: '1' };
  const dev = new NodeProcess(next(), { cwd: app.project, args: ['dev', '-p', String(port), '-H', '127.0.0.1'], env, deadlineMs: 350_000 });
  const patiently = { deadlineMs: 100_000, everyMs: 100 };
  const get = async (name: string): Promise<Data> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/data?name=${name}`);
    if (!answer.ok) throw new Error(`${answer.status} ${(await answer.text()).slice(0, 500)} ${dev.stdout} ${dev.stderr}`);
    return answer.json() as Promise<Data>;
  };
  const connections = async (): Promise<number> => (String(await server.command('CLIENT', 'LIST')).match(/ name=hawser/g) ?? []).length;
  const route = path.join(app.project, 'app/api/data/route.js');
  const code = readFileSync(route, 'utf8');
  try {
    await until(() => get('warm'), { ...patiently, what: 'the first answer' });
    const a = await get('dev-a');
    expect(await get('dev-a')).toEqual(a);
    await fetch(`http://127.0.0.1:${port}/api/revalidate`, { method: 'POST', body: JSON.stringify({ tag: 'order:dev-a', profile: { expire: 0 } }) });
    const again = await until(async () => {
      const data = await get('dev-a');
      return data.made === a.made ? undefined : data;
    }, { ...patiently, what: 'a value that was made anew' });
    expect(await get('dev-a')).toEqual(again);
    const before = await connections();
    for (const version of ['one', 'two', 'three']) {
      app.write('app/api/data/route.js', code.replace('by: process.env.INSTANCE', `by: '${version}'`));
      await until(async () => (await get('dev-a')).by === version, { ...patiently, what: `the edited file ${version}` });
    }
    expect(await connections()).toBeLessThanOrEqual(before);
  } finally {
    app.write('app/api/data/route.js', code);
    await dev.kill('SIGTERM');
  }
});
