/** Which server has a key. */
import calculateSlot from 'cluster-key-slot';
import type { Node } from './connect';
import type { Servers } from './servers';

type Slots = [first: number, last: number, master: [host: string | null, port: number, id: string], ...replicas: unknown[]][];

/** The server of a key; on a cluster the one that the map of slots names, else the first one. */
export async function slotNode({ nodes, topology }: Servers, key: string): Promise<Node> {
  if (topology !== 'cluster') return nodes[0];
  const slot = calculateSlot(key);
  const slots = (await nodes[0].redis.call('CLUSTER', 'SLOTS').catch(() => [])) as Slots;
  const [, , [host, port] = [null, 0]] = slots.find(([first, last]) => first <= slot && slot <= last) ?? [];
  return nodes.find(({ name }) => name === `${host}:${port}`) ?? nodes.find(({ name }) => name.endsWith(`:${port}`)) ?? nodes[0];
}
