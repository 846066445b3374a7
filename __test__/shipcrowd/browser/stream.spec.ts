/** What the page does when its stream of invalidations breaks, in each of the ways that a network and a fleet have. */
import type { BrowserContext, Page } from 'playwright-core';
import { endsWithTest } from '../../helpers/lifetimes';
import { Proxy, type ProxyConnection } from '../../helpers/proxy';
import { browsersOf, live, rowOf, stackForPages, until } from '../browsers';
import { ORDER } from '../stack';

jest.setTimeout(300_000);

const HEARTBEAT_MS = '200';
const { server, stack } = stackForPages({ STREAM_HEARTBEAT_MS: HEARTBEAT_MS });
const { open } = browsersOf(stack);
const ends = endsWithTest();

interface Watched {
  page: Page;
  context: BrowserContext;
  proxy: Proxy;
  base: string;
}

/** A manager's list, from instance 2, through a proxy. */
async function watched(): Promise<Watched> {
  const proxy = ends(await Proxy.start({ port: Number(new URL(stack.url).port) }));
  const base = `http://127.0.0.1:${proxy.port}`;
  // A service worker that still fetches the page's files would be taken for the stream.
  const { page, context } = await open('/orders', 'manager', 2, { base, settled: true });
  await page.getByRole('table', { name: 'Orders' }).waitFor();
  return { page, context, proxy, base };
}

/** An order of the same company, through instance 1, which the page does not use. */
async function order(customer: string): Promise<string> {
  const { status, body } = await stack.ask('/api/orders', { token: await stack.signIn('owner'), body: { ...ORDER, customer }, instance: 1 });
  expect(status).toBe(201);
  return (body as { id: string }).id;
}

const orders = async (n: number): Promise<string[]> => {
  const ids: string[] = [];
  for (let i = 0; i < n; i++) ids.push(await order(`In the gap ${i}`));
  return ids;
};

const cut = async ({ page, proxy }: Watched): Promise<void> => {
  proxy.reception = 'refuse';
  proxy.cutAll();
  await page.getByRole('status', { name: 'Live updates: Reconnecting' }).waitFor();
};

async function shows({ page }: Watched, ids: string[]): Promise<void> {
  for (const id of ids) await rowOf(page, id).waitFor();
}

/** The connection of the stream: the one on which heartbeats arrive. */
function streamOf(proxy: Proxy): Promise<ProxyConnection> {
  let before = new Map<ProxyConnection, number>();
  return until(() => {
    const grown = proxy.live.filter((one) => one.bytes.toClient > (before.get(one) ?? Infinity));
    if (grown.length === 1) return grown[0];
    before = new Map(proxy.live.map((one) => [one, one.bytes.toClient]));
    return undefined;
  }, 'a stream with heartbeats');
}

test('cut anywhere in the middle of an event: each order appears all the same', async () => {
  const view = await watched();
  for (const bytes of [1, 9, 24, 60, 110]) {
    const stream = await streamOf(view.proxy);
    stream.plan = { direction: 'toClient', afterBytes: stream.bytes.toClient + bytes };
    await shows(view, await orders(2));
    await until(() => stream.closed, 'the cut');
    await live(view.page);
  }
});

test.each(['its own instance has died and started again meanwhile', 'the balancer leads it to the other instance'])('several invalidations in the gap, and %s', async (how) => {
  const view = await watched();
  await cut(view);
  const ids = await orders(2);
  if (how.startsWith('its own')) {
    const { pid } = (await stack.instances())[1];
    await stack.ask('/balancer/instances/2/kill', { method: 'POST' });
    await until(async () => (await stack.instances())[1].state === 'up' && (await stack.instances())[1].pid !== pid, 'another process');
  } else {
    await view.context.addCookies([{ name: 'instance', value: '1', url: view.base }]);
  }
  ids.push(...(await orders(2)));
  const answers: (string | undefined)[] = [];
  view.page.on('response', (response) => {
    if (/\/api\/(stream|orders\?)/.test(response.url()) && response.ok()) answers.push(response.headers()['x-instance']);
  });
  view.proxy.reception = 'pass';
  await shows(view, ids);
  await live(view.page);
  expect(new Set(answers)).toEqual(new Set([how.startsWith('its own') ? '2' : '1']));
  // It goes on from there.
  await shows(view, await orders(1));
});

test('the journal is lost in the gap: everything is fetched', async () => {
  const view = await watched();
  await cut(view);
  const ids = await orders(2);
  const journal = (await server.command('KEYS', '#hawser:{invalidations}*')) as unknown as string[];
  expect(journal.length).toBeGreaterThan(0);
  await server.command('DEL', ...journal);
  ids.push(...(await orders(1)));
  view.proxy.reception = 'pass';
  await shows(view, ids);
});

test('a stream that hangs without an end (no FIN, no RST): silence is noticed, and what happened meanwhile is fetched', async () => {
  const view = await watched();
  const stream = await streamOf(view.proxy);
  stream.stall();
  const ids = await orders(3);
  await view.page.getByRole('status', { name: 'Live updates: Reconnecting' }).waitFor();
  await shows(view, ids);
  await live(view.page);
  await shows(view, await orders(1));
});

test('a write of the page itself is seen while there is no stream', async () => {
  const view = await watched();
  const stream = await streamOf(view.proxy);
  // Requests pass, the stream does not.
  await view.page.route('**/api/stream*', (route) => route.abort());
  stream.cut();
  await view.page.getByRole('status', { name: 'Live updates: Reconnecting' }).waitFor();
  const id = (await view.page.getByRole('table', { name: 'Orders' }).getByRole('link').first().textContent())!;
  await rowOf(view.page, id).click();
  await view.page.getByRole('button', { name: 'Cancel the order' }).click();
  await view.page.getByRole('button', { name: 'Cancel the order' }).waitFor({ state: 'detached' });
  await view.page.getByRole('link', { name: 'Orders', exact: true }).first().click();
  await view.page.getByRole('row').filter({ hasText: id }).getByText('Cancelled').waitFor();
});
