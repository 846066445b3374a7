/** The handler of `hawser/next`, as Next.js calls it. `npm test -- --only frameworks` has it in Next.js. */
import { RedisManager } from '../../lib/facade';
import { createCacheHandler, type CacheEntry } from '../../lib/next';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';

const server = serverForAll();
beforeEach(async () => {
  await server.command('FLUSHALL');
  RedisManager.configure({ url: server.url });
});
afterEach(() => RedisManager.closeAll());

const entry = (text: string, more: Partial<CacheEntry> = {}): Promise<CacheEntry> =>
  Promise.resolve({ value: new Blob([text]).stream() as CacheEntry['value'], tags: ['t'], stale: 1, timestamp: Date.now(), expire: 100, revalidate: 50, ...more });
const textOf = async (found: CacheEntry | undefined): Promise<string | undefined> => (found === undefined ? undefined : new Response(found.value as never).text());
/** Entries that are begun after a revalidation must have a later millisecond. */
const later = (): Promise<unknown> => {
  const now = Date.now();
  return until(() => Date.now() > now, { what: 'the next millisecond' });
};

test('two handlers share entries, each reader has a stream of its own, and a reader waits for what is being stored', async () => {
  const [one, two] = [createCacheHandler(), createCacheHandler()];
  const { get, set } = one;
  let deliver!: (made: CacheEntry) => void;
  const stored = set('k', new Promise((resolve) => (deliver = resolve)));
  const waiting = get('k', []);
  deliver(await entry('hello', { tags: ['a', 'b'] }));
  expect(await textOf(await waiting)).toBe('hello');
  await stored;
  const found = await two.get('k', []);
  expect(found).toMatchObject({ tags: ['a', 'b'], stale: 1, expire: 100, revalidate: 50 });
  expect([await textOf(found), await textOf(await two.get('k', [])), await two.get('other', [])]).toEqual(['hello', 'hello', undefined]);
});

test('a tag that expires takes entries that were begun before with it, those that are stored later too', async () => {
  const [one, two] = [createCacheHandler(), createCacheHandler()];
  const early = await entry('early');
  await one.set('k', entry('first'));
  await one.set('other', entry('other', { tags: [] }));
  expect(await two.getExpiration(['t', 'path'])).toBeLessThanOrEqual(0);
  await two.updateTags(['t']);
  expect([await one.get('k', []), await textOf(await one.get('other', []))]).toEqual([undefined, 'other']);
  expect(await one.getExpiration(['path', 't'])).toBeGreaterThan(0);
  await one.set('k', Promise.resolve(early));
  expect(await two.get('k', [])).toBeUndefined();
  await later();
  await one.set('k', entry('second'));
  expect(await textOf(await two.get('k', []))).toBe('second');
});

test('with a grace, entries are to be made anew, and are gone when it is over; neither kind of revalidation forgets the other', async () => {
  const handler = createCacheHandler();
  await handler.set('k', entry('old'));
  await handler.updateTags(['t'], { expire: 1000 });
  expect(await handler.get('k', [])).toMatchObject({ revalidate: -1 });
  await handler.updateTags(['t'], { expire: 0 });
  expect(await handler.get('k', [])).toBeUndefined();
  await later();
  await handler.updateTags(['t']);
  const gone = await handler.getExpiration(['t']);
  await handler.updateTags(['t'], {});
  expect(await handler.getExpiration(['t'])).toBe(gone);
});

test('what is broken, too long or over at once is not stored, and many tags count all', async () => {
  const handler = createCacheHandler({ maxBytes: 10 });
  const tags = Array.from({ length: 100 }, (_, n) => `tag ${n}`);
  const broken = new ReadableStream({ start: (controller) => controller.error(new Error('broken')) });
  await handler.set('long', entry('x'.repeat(11)));
  await handler.set('over', entry('x', { expire: 0 }));
  await handler.set('many', entry('many', { tags, expire: 4_294_967_294 }));
  expect([await handler.get('long', []), await handler.get('over', []), await textOf(await handler.get('many', []))]).toEqual([undefined, undefined, 'many']);
  await handler.updateTags(['tag 99']);
  expect(await handler.get('many', [])).toBeUndefined();
  await RedisManager.closeAll();
  const lines: string[] = [];
  const note = (line: string): number => lines.push(line);
  const told = createCacheHandler({ manager: { url: server.url, logger: { debug: note, info: note, warn: note, error: note } } });
  await told.set('broken', entry('', { value: broken }));
  expect([await told.get('broken', []), lines.some((line) => line.includes('an entry was not stored: broken'))]).toEqual([undefined, true]);
});

test('wrong options are named', () => {
  expect(() => createCacheHandler({ prefx: 'a' } as never)).toThrow('createCacheHandler.prefx is not an option; there are: prefix, manager, maxBytes');
  expect(() => createCacheHandler({ prefix: '#' })).toThrow('cache.prefix must be a string without #');
  expect(() => createCacheHandler({ maxBytes: 0 })).toThrow('createCacheHandler.maxBytes must be a number of bytes from 1 to 67108864, got 0');
});
