/** Every example runs, prints what it should and ends on its own, on memory:// and on a server. */
import { readdirSync } from 'node:fs';
import * as path from 'node:path';
import { NodeProcess, ROOT, runNode, type NodeOptions, type NodeResult } from '../helpers/process';
import { serverForAll } from '../helpers/lifetimes';

const RUN = 'examples/run.mjs';
const DEADLINE = 60_000;

const server = serverForAll();

const run = (args: string[], env: NodeOptions['env']): Promise<NodeResult> => runNode(RUN, { args, env, deadlineMs: DEADLINE });

const where: [string, () => string | undefined][] = [
  ['memory://', () => undefined],
  ['a server', () => server.url],
];

/** The lines without counts that depend on timing. */
const LINES: Record<string, string[]> = {
  tour: [
    'three readers, 1 query',
    'a cached null: true null',
    'entries invalidated: 2',
    'and gone: [ null, null ]',
    'by a tag of the loader: 1',
    'stale, at once: 1',
    'refreshed meanwhile: 2',
    'one list, its filters in two orders: 1 query',
    'warmed: 2 of 2',
    'lists dropped: 1',
    "heard: tags [ 'company:1:orders' ]",
  ],
  'apply-bus-messages': ['tags: the list is gone', 'key: the order is gone', 'pattern: the price is gone'],
};

describe.each(where)('on %s', (_, url) => {
  test.each(Object.keys(LINES))('%s prints its lines and ends', async (name) => {
    const { code, stdout, stderr, timedOut } = await run([name], { REDIS_URL: url() });
    expect({ code, stderr, timedOut }).toEqual({ code: 0, stderr: '', timedOut: false });
    expect(stdout.split('\n').slice(0, LINES[name].length)).toEqual(LINES[name]);
  });

  test('http-server answers, reports its health and stops on a signal', async () => {
    const process = new NodeProcess(RUN, { args: ['http-server'], env: { REDIS_URL: url(), PORT: '0' }, deadlineMs: DEADLINE });
    const base = /http:\S+/.exec(await process.line(/listening/, { deadlineMs: 30_000 }))![0];
    const get = async (what: string): Promise<[number, any]> => {
      const response = await fetch(base + what);
      return [response.status, response.headers.get('content-type')!.includes('json') ? await response.json() : await response.text()];
    };

    const [status, list] = await get('/companies/c1/orders?status=new');
    expect([status, list.orders.length]).toEqual([200, 20]);
    const { id } = list.orders[0];
    const changed = await fetch(`${base}/companies/c1/orders/${id}`, { method: 'PATCH', body: '{"status":"shipped"}' });
    expect(changed.status).toBe(200);
    expect((await get('/companies/c1/orders?status=new'))[1].total).toBe(list.total - 1);
    expect((await get(`/companies/c1/orders/${id}`))[1]).toMatchObject({ id, status: 'shipped' });
    expect(await get('/companies/c1/orders/none')).toEqual([404, { error: 'not found' }]);
    expect((await get('/companies/c1/orders?status=x'))[0]).toBe(400);
    expect(await get('/health/redis')).toMatchObject([200, { main: 'connected', subscriber: 'PONG', publisher: 'PONG' }]);
    expect((await get('/metrics'))[1]).toContain('hawser_cache_reads_total{repository="shop.orders",result="miss"}');

    const { signal, code, timedOut } = await process.kill('SIGTERM');
    expect({ ended: code === 0 || signal === 'SIGTERM', timedOut }).toEqual({ ended: true, timedOut: false });
  });

  test('the demo shows what the cache did and ends on its own', async () => {
    const { code, stdout, stderr, timedOut } = await runNode('examples/demo.mjs', {
      args: ['--seconds', '3', '--users', '12'],
      env: { REDIS_URL: url() },
      deadlineMs: DEADLINE,
    });
    expect({ code, stderr, timedOut }).toEqual({ code: 0, stderr: '', timedOut: false });
    // eslint-disable-next-line no-control-regex -- not a terminal: no escape sequence at all
    expect(stdout).not.toMatch(/\x1b/);
    expect(stdout).toMatch(/^ {2}order lists +[1-9]/m);
    expect(stdout).toMatch(/never +0 answers older than a finished invalidation, 0 failed calls/);
    expect(stdout).toMatch(/saved +\d/);
  });
});

test('test-without-redis passes', async () => {
  const { code, stdout } = await run(['test-without-redis'], { REDIS_URL: undefined });
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/^# pass [5-9]$/m) });
});

test('the demo fails if no server answers, and shows the address without the password', async () => {
  const { code, stderr } = await runNode('examples/demo.mjs', { env: { REDIS_URL: 'redis://ada:secret@127.0.0.1:1' }, deadlineMs: DEADLINE });
  expect(code).toBe(1);
  expect(stderr).toContain('no answer from redis://127.0.0.1:1');
  expect(stderr).not.toContain('secret');
});

test('the demo ends with 0 when it is interrupted', async () => {
  const process = new NodeProcess('examples/demo.mjs', { env: { REDIS_URL: undefined }, deadlineMs: DEADLINE });
  await process.line(/^hawser/, { deadlineMs: 30_000 });
  const { code, stdout, timedOut } = await process.kill('SIGINT');
  expect({ code, timedOut }).toEqual({ code: 0, timedOut: false });
  expect(stdout).toContain('Interrupted');
});

test('every example has a test here', () => {
  const names = readdirSync(path.join(ROOT, 'examples')).filter((name) => name.endsWith('.ts')).map((name) => name.slice(0, -3));
  expect(names.sort()).toEqual([...Object.keys(LINES), 'http-server', 'test-without-redis'].sort());
});
