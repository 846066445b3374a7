/** Closes one client within a given time, whatever the state of the client and its server. */
import { LIFE } from '../client/lifecycle';
import type { Redis } from '../client/redis';
import type { Cluster } from '../cluster/cluster';
import { LATE, within } from './budget';
import { connectionsOf } from './cluster';

const now = performance.now.bind(performance);

/** The share of the time that is reserved for closing a connection that did not answer QUIT. */
const RESERVE = 0.25;
/** How long a connection that was told to close may take. */
const PATIENCE_MS = 250;

/**
 * Sends QUIT if the connection is ready or about to be, so that earlier commands are answered; then, or at once, disconnects; at the
 * deadline, destroys the sockets. Never rejects. Commands without an answer by then reject.
 */
export async function closeClient(client: Redis | Cluster, timeoutMs: number): Promise<void> {
  if (client.status === 'end') return;
  const deadline = now() + Math.max(timeoutMs, 0);
  const ended = untilEnd(client);
  if (mayAnswer(client)) {
    const quit = whenSendable(client).then(async () => client.quit()).then(ignore, ignore);
    await within(Promise.race([quit, ended]), timeoutMs * (1 - RESERVE));
  }
  // A cluster has ended with the first of its connections.
  const connections = client.isCluster ? connectionsOf(client) : [client];
  if (!hasEnded(client)) client.disconnect();
  const open = connections.filter((redis) => !hasEnded(redis));
  if (open.length === 0 && hasEnded(client)) return;
  const closed = Promise.all([ended, ...open.filter((redis) => redis !== client).map(untilEnd)]);
  if ((await within(closed, Math.min(deadline - now(), PATIENCE_MS))) !== LATE) return;
  for (const redis of open) redis.stream?.destroy();
  await within(closed, deadline - now());
}

function untilEnd(client: Redis | Cluster): Promise<void> {
  return new Promise<void>((resolve) => {
    if (hasEnded(client)) return resolve();
    (client as Redis).once('end', resolve);
  });
}

/** Whether the client is ready, or in its first attempt to connect since it was ready. */
function mayAnswer(client: Redis | Cluster): boolean {
  const attempts = client.isCluster ? client[LIFE].retryAttempts : client.retryAttempts;
  return client.status === 'ready' || ((client.status === 'connecting' || client.status === 'connect') && attempts === 0);
}

/** A cluster that connects for the first time has not sent its commands yet. It may also fail. */
async function whenSendable(client: Redis | Cluster): Promise<void> {
  if (!client.isCluster || client.status === 'ready') return;
  await new Promise<void>((resolve) => {
    client.once('ready', resolve);
    client.once('close', resolve);
  });
}

/** A function, because the compiler would assume that the status cannot change in between. */
function hasEnded(client: Redis | Cluster): boolean {
  return client.status === 'end';
}

function ignore(): void {
  // The outcome shows in the client's status.
}
