/** Lines of the manager, the cache and the bus in the loggers that applications have. */
import { application, withServer } from './programs';

const context = withServer();

/** A line of each level: a connection, a listener that fails, a value that is too long, a server that refuses. */
const LIFE = `
  const { CacheRepository, PubSubService, RedisManager } = Redis;
  const live = async (logger, url = 'redis://127.0.0.1:' + port) => {
    RedisManager.configure({ url, logger, monitor: true, cache: { maxValueBytes: 50 } });
    const heard = new Promise((resolve) => PubSubService.onInvalidation('mine', () => { resolve(); throw new TypeError('of the listener'); }));
    await PubSubService.initialize();
    await PubSubService.publish({ type: 'key', target: 'k' });
    await heard;
    await new CacheRepository('loggers').getOrSet('long', () => 'x'.repeat(100));
    await PubSubService.close();
    await RedisManager.closeAll();
  };
`;
const program = (body: string): Promise<unknown> => application(context.server, LIFE + body);

interface Line {
  level: number | string;
  msg?: string;
  message?: string;
  [more: string]: unknown;
}

const expected = [/^\[hawser:main\] ready$/, /^\[hawser\] bus: the listener "mine" failed$/, /at most 50 are stored/, /^\[hawser:publisher\] publish \d+\.\d\d ms$/];

function linesLike(lines: Line[]): Line[] {
  const found = expected.map((pattern) => lines.find(({ msg, message }) => pattern.test(msg ?? message ?? '')));
  expect(found.map((line, i) => line ?? expected[i])).toEqual(found);
  return found as Line[];
}

test('pino has the message as msg and an error as err, in a child logger too, and follows a change of its level', async () => {
  const { lines, later } = (await program(`
    const lines = [];
    const logger = require('pino')({ level: 'debug' }, { write: (line) => lines.push(JSON.parse(line)) }).child({ service: 'orders' });
    await live(logger);
    logger.level = 'error';
    const count = lines.length;
    await live(logger);
    report({ lines: lines.slice(0, count), later: lines.slice(count) });`)) as { lines: Line[]; later: Line[] };
  const [ready, failed, long, command] = linesLike(lines);
  expect([ready.level, failed.level, long.level, command.level]).toEqual([30, 50, 40, 20]);
  expect(failed.err).toMatchObject({ type: 'TypeError', message: 'of the listener', stack: expect.stringContaining('TypeError') });
  expect(lines.every(({ service }) => service === 'orders')).toBe(true);
  expect(later.length).toBeGreaterThan(0);
  expect(later.every(({ level }) => level === 50)).toBe(true);
});

test.each([
  ['npm', ['info', 'error', 'warn', 'debug']],
  ['syslog', ['info', 'error', 'warning', 'debug']],
  ['cli', ['info', 'error', 'warn', 'debug']],
])("winston with the levels of %s has a line at its level's own name, and an error beside it", async (set, levels) => {
  const lines = (await program(`
    const winston = require('winston');
    const { Writable } = require('node:stream');
    const lines = [];
    const stream = new Writable({ write: (line, _, next) => { lines.push(JSON.parse(line)); next(); } });
    const { levels } = winston.config['${set}'];
    const logger = winston.createLogger({ levels, level: Object.keys(levels).pop(), format: winston.format.json(), transports: [new winston.transports.Stream({ stream })] });
    await live(logger.child({ service: 'orders' }));
    report(lines);`)) as Line[];
  const found = linesLike(lines);
  expect(found.map(({ level }) => level)).toEqual(levels);
  expect(found[1].error).toMatchObject({ name: 'TypeError', message: 'of the listener', stack: expect.stringContaining('TypeError') });
  expect(lines.every(({ service }) => service === 'orders')).toBe(true);
});

test("console, Fastify's log and a logger with only `log` for the level info", async () => {
  const [ofConsole, ofFastify, ofNest] = (await program(`
    const lines = [];
    const { Console } = require('node:console');
    const { Writable } = require('node:stream');
    const stream = new Writable({ write: (line, _, next) => { lines.push(...String(line).trim().split('\\n')); next(); } });
    await live(new Console(stream));
    const fastify = require('fastify').fastify({ logger: { level: 'debug', stream: { write: (line) => lines.push(JSON.parse(line)) } } });
    const ofConsole = lines.splice(0);
    await live(fastify.log);
    const ofFastify = lines.splice(0);
    const note = (level) => (message, ...rest) => lines.push({ level, message, rest: rest.length });
    await live({ log: note('log'), error: note('error'), warn: note('warn'), debug: note('debug'), verbose: note('verbose') });
    report([ofConsole, ofFastify, lines]);`)) as [string[], Line[], (Line & { rest: number })[]];
  expect(ofConsole).toContain('[hawser:main] ready');
  expect(ofConsole.some((line) => line.startsWith('[hawser] bus: the listener "mine" failed: TypeError: of the listener'))).toBe(true);
  expect(linesLike(ofFastify)[1].err).toMatchObject({ message: 'of the listener' });
  expect(ofNest.find(({ message }) => message === '[hawser:main] ready')?.level).toBe('log');
  expect(ofNest.find(({ level }) => level === 'error')).toMatchObject({ message: '[hawser] bus: the listener "mine" failed:', rest: 1 });
});

test.each([
  'pino({ level: "debug" }, { write: boom })',
  'winston.createLogger({ level: "debug", transports: [new winston.transports.Stream({ stream })], format: winston.format(boom)() })',
  '{ debug: boom, info: boom, get warn() { return boom; }, error: async () => boom() }',
])('%s that throws harms nothing', async (logger) => {
  const seen = await program(`
    const [pino, winston] = [require('pino'), require('winston')];
    const stream = new (require('node:stream').PassThrough)();
    const boom = () => { throw new Error('of the logger'); };
    const seen = [];
    for (const name of ['unhandledRejection', 'uncaughtException']) process.on(name, (error) => seen.push(error.message));
    process.removeAllListeners('warning');
    process.on('warning', ({ code }) => seen.push(code));
    await live(${logger});
    await pause(0);
    report(seen);`);
  expect(seen).toEqual(['HAWSER_LOGGER']);
});
