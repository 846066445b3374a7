/** The demo: starts the backend, simulates users, shows the figures, and ends on its own. */
import { parseArgs } from 'node:util';
import { redisHealthCheck, RedisManager, type Logger } from 'hawser';
import { Backend } from '../order-backend/backend';
import { Figures } from './figures';
import { Load } from './load';
import { openScreen } from './screen';

const FRAMES_PER_SECOND = 10;
/** In seconds. Short, so that dashboards become stale within a run of fifteen seconds. */
const DASHBOARD = { staleThreshold: 1.5, maxAge: 30 };
/** A separate channel, so that nobody else on a shared server receives the demo's messages. */
const CHANNEL = 'hawser:demo';

function readArguments(): { seconds: number; users: number } {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '12' }, users: { type: 'string', default: '48' } } });
  const seconds = Number(values.seconds);
  const users = Number(values.users);
  if (!(seconds > 0) || !(seconds <= 3600)) throw new RangeError(`--seconds must be a number from 0 to 3600, got ${values.seconds}`);
  if (!Number.isInteger(users) || users < 1 || users > 10_000) throw new RangeError(`--users must be a whole number from 1 to 10000, got ${values.users}`);
  return { seconds, users };
}

const LOCK = 'hawser:demo:running';

/**
 * Locks the server, because two demos would read each other's entries although their databases differ. The lock is released at the end,
 * or expires.
 */
async function reserve(seconds: number): Promise<() => Promise<unknown>> {
  const redis = await RedisManager.getMainClient();
  if ((await redis.set(LOCK, '1', 'EX', Math.ceil(seconds) + 30, 'NX')) === null) {
    const left = await redis.ttl(LOCK);
    throw new Error(`another demo runs on this server, or was killed there; try again in ${left} s`);
  }
  return () => redis.del(LOCK);
}

/** The server's URL without possible secrets. */
function whereIs(url: string): string {
  if (url.startsWith('memory:')) return 'memory://, no server';
  return URL.canParse(url) ? `${new URL(url).protocol}//${new URL(url).host || new URL(url).pathname}` : 'the server of REDIS_URL';
}

async function main(): Promise<void> {
  const { seconds, users } = readArguments();
  const url = process.env.REDIS_URL?.trim() || 'memory://';
  // Log lines would break the table, so they appear among the notes.
  const lines: string[] = [];
  const keep = (message: string): void => void lines.push(message);
  const logger: Logger = { debug: () => undefined, info: () => undefined, warn: keep, error: keep };
  RedisManager.configure({ url, connectionName: 'hawser-demo', enableMetrics: true, logger });

  const backend = new Backend({ dashboard: DASHBOARD, channel: CHANNEL });
  let release: (() => Promise<unknown>) | undefined;
  let interrupted = false;
  let wake: (() => void) | undefined;
  // A terminal sends Ctrl-C to the whole process group, and npm and the launcher pass it on, so repeated signals count as one.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      interrupted = true;
      wake?.();
    });
  }
  try {
    // Throws for an unusable URL.
    if ((await redisHealthCheck()).main !== 'connected') {
      throw new Error(`no answer from ${whereIs(url)}${lines.length > 0 ? `: ${lines[0]}` : ''}. Start a server there, or unset REDIS_URL to run on memory://`);
    }
    if (!url.startsWith('memory:')) release = await reserve(seconds);
    await backend.clear();
    await backend.start();
    const figures = new Figures(backend.db);
    const screen = openScreen(process.stdout, { where: whereIs(url), users, seconds });
    const load = new Load(backend, figures, users);
    load.start();
    await new Promise<void>((resolve) => {
      wake = resolve;
      let frame = 0;
      const timer = setInterval(() => {
        for (const line of lines.splice(0)) figures.note(line);
        if (++frame % (FRAMES_PER_SECOND / 2) === 0) figures.tick();
        screen.draw(figures, backend.permissions.dropped);
        if (figures.seconds >= seconds || interrupted) wake?.();
      }, 1000 / FRAMES_PER_SECOND);
      wake = () => {
        clearInterval(timer);
        resolve();
      };
    });
    await load.end();
    screen.close(figures, backend.permissions.dropped, `${interrupted ? 'Interrupted' : 'Done'}; its entries are deleted again. The backend is in examples/order-backend/.`);
    if (figures.outdated > 0 || figures.failed > 0) process.exitCode = 1;
    await backend.clear();
    await release?.();
  } finally {
    await backend.stop();
  }
}

main().catch((error: unknown) => {
  console.error(`hawser demo: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
