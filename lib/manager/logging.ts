/** Log lines of the manager's clients. An outage logs one error line for each client, however many attempts it takes. */
import type { Logger } from '../logger';
import { LIFE } from '../client/lifecycle';
import type { Redis } from '../client/redis';
import type { Cluster } from '../cluster/cluster';
import { messageOf, ReplyError, withoutWords } from '../observe/errors';

const now = performance.now.bind(performance);

/** Logs the state changes of a client. Its `error` listener also keeps the client from printing errors. */
export function logLife(redis: Redis, role: string, logger: Logger): void {
  logStates(redis, role, logger);
  redis[LIFE].warn = warnsTo(role, logger);
}

/** The same for a cluster. Each node's failure is one line until the node is ready again. */
export function logCluster(cluster: Cluster, role: string, logger: Logger): void {
  const name = `[hawser:${role}]`;
  const failing = new Set<string>();
  logStates(cluster, role, logger);
  cluster.on('+node', (node) => {
    node[LIFE].warn = warnsTo(role, logger);
    node.on('ready', () => {
      const { host = '', port = 0 } = node.options;
      if (failing.delete(`${host}:${port}`)) logger.info(`${name} ${host}:${port} ready again`);
    });
  });
  cluster.on('node error', (error, key) => {
    const line = `${name} ${key}: ${sayError(error)}`;
    if (failing.has(key)) return logger.debug(line);
    failing.add(key);
    logger.warn(line);
  });
}

function warnsTo(role: string, logger: Logger): (text: string) => void {
  return (text) => logger.warn(`[hawser:${role}] ${withoutWords(text)}`);
}

function logStates(client: Redis | Cluster, role: string, logger: Logger): void {
  const redis = client as Redis;
  const name = `[hawser:${role}]`;
  let down = false;
  redis.on('connect', () => logger.debug(`${name} connected`));
  redis.on('ready', () => {
    logger.info(`${name} ready${down ? ' again' : ''}`);
    down = false;
  });
  redis.on('error', (error: Error) => {
    const said = sayError(error);
    if (down) logger.debug(`${name} ${said}`);
    else logger.error(`${name} ${said}; trying again until it answers`);
    down = true;
  });
  redis.on('sentinelError', (error: Error) => logger.debug(`${name} ${sayError(error)}`));
  redis.on('close', () => {
    if (!down) logger.info(`${name} connection closed`);
  });
  redis.on('reconnecting', (delay: number) => logger.debug(`${name} reconnecting in ${delay} ms`));
  redis.on('end', () => logger.info(`${name} ended`));
}

/** Shows only the code of a server's error, because the rest may show arguments. */
function sayError(error: Error): string {
  return error instanceof ReplyError ? `the server refused the connection: ${messageOf(error)}` : messageOf(error);
}

interface Sendable {
  readonly name: string;
  readonly promise: Promise<unknown>;
}

/** `REDIS_MONITOR_ENABLED`: logs the name and time of each command, never its arguments. */
export function logCommands(redis: Redis | Cluster, role: string, logger: Logger): void {
  const target = redis as unknown as { sendCommand(command: Sendable, ...rest: unknown[]): unknown };
  const send = target.sendCommand.bind(redis);
  target.sendCommand = (command, ...rest) => {
    const start = now();
    const report = (): void => logger.debug(`[hawser:${role}] ${command.name} ${(now() - start).toFixed(2)} ms`);
    const result = send(command, ...rest);
    command.promise.then(report, report);
    return result;
  };
}
