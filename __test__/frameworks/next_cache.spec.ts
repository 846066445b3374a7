/**
 * `hawser/next` under `use cache` in Next.js: a real build, and two instances of `next start` that share entries and revalidations. Large, as the other spec here:
 * `npm test -- --only frameworks`.
 */
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
