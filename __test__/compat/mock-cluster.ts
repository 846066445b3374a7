/**
 * Mock servers that say they are a cluster: each spec shapes the slot map, redirects and failures. Ports are free ones; `slots` names
 * servers by their index.
 *
 *     const { nodes } = await cluster({ slots: [[0, 16383, 0]], answer: ({ name }, node) => ... });
 */
import calculateSlot from 'cluster-key-slot';
import { until } from '../helpers/until';
import { array, bulk, MockServer, type MockConnection, type Received } from './mock-server';
import type { Client } from './peers';

/** `[from, to, master, ...replicas]`; a node is an index, or an address as announced. */
export type Range = [from: number, to: number, ...nodes: (number | readonly [host: string | null, port: number])[]];

/** A raw reply; `null`: none; `undefined`: `+OK`. */
export type Answer = (command: Received, node: MockNode, connection: MockConnection) => string | null | undefined;

export interface MockNode {
  readonly index: number;
  readonly server: MockServer;
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly key: string;
}

export interface Shape {
  slots: Range[];
  answer?: Answer;
}

export class MockCluster {
  readonly nodes: MockNode[] = [];
  slots: Range[] = [];
  answer: Answer = () => undefined;
  /** CLUSTER SLOTS that were answered. */
  refreshes = 0;

  /** Starts another node, which is in no map yet. */
  async add(): Promise<MockNode> {
    const index = this.nodes.length;
    const server = await MockServer.start((command, connection) => this.reply(command, node, connection));
    const node: MockNode = { index, server, port: server.port, key: `127.0.0.1:${server.port}` };
    this.nodes.push(node);
    return node;
  }

  /** Start nodes of a client: these servers, or all. */
  startNodes(...indexes: number[]): { host: string; port: number }[] {
    return (indexes.length === 0 ? this.nodes : indexes.map((index) => this.nodes[index])).map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  moved(key: string, to: number): string {
    return `-MOVED ${calculateSlot(key)} ${this.nodes[to].key}\r\n`;
  }

  ask(key: string, to: number): string {
    return `-ASK ${calculateSlot(key)} ${this.nodes[to].key}\r\n`;
  }

  /** What users' commands arrived: `0 get foo`, with the index of the node before each. */
  commands(): string[] {
    return this.log.slice();
  }

  async stop(): Promise<void> {
    for (const { server } of this.nodes) await server.stop();
  }

  private readonly log: string[] = [];

  private reply(command: Received, node: MockNode, connection: MockConnection): string | null | undefined {
    const name = command.name.toLowerCase();
    if (!HANDSHAKE.has(name) && !(name === 'cluster')) this.log.push(`${node.index} ${command.text}`);
    const own = this.answer(command, node, connection);
    if (own !== undefined) return own;
    if (name === 'cluster' && command.args[0]?.toLowerCase() === 'slots') {
      this.refreshes++;
      return this.map();
    }
    if (name === 'cluster' && command.args[0]?.toLowerCase() === 'info') return bulk('cluster_state:ok\r\n');
    if (name === 'quit') setImmediate(() => connection.end());
    return undefined;
  }

  private map(): string {
    return array(
      ...this.slots.map(([from, to, ...nodes]) =>
        array(`:${from}\r\n`, `:${to}\r\n`, ...nodes.map((node) => {
          const [host, port] = typeof node === 'number' ? ['127.0.0.1', this.nodes[node].port] : node;
          return array(host === null ? '$-1\r\n' : bulk(host), `:${port}\r\n`);
        })),
      ),
    );
  }
}

const HANDSHAKE = new Set(['hello', 'auth', 'client', 'info', 'readonly', 'readwrite', 'select', 'quit']);

export interface ClusterSession {
  /** As many mock servers as the map names (or `count`). */
  serve(shape: Shape, count?: number): Promise<MockCluster>;
  connect(nodes: unknown, options?: object): any;
  /** The same, ready. */
  ready(nodes: unknown, options?: object): Promise<any>;
}

/** To be called in a `describe`: everything it makes is gone after each test. */
export function clusterSession({ Cluster }: Client): ClusterSession {
  const clusters: MockCluster[] = [];
  const clients: { status: string; disconnect(): void }[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) if (client.status !== 'end') client.disconnect();
    for (const cluster of clusters.splice(0)) await cluster.stop();
  });
  const connect = (nodes: unknown, options: object = {}): any => {
    const client: any = new Cluster(nodes as [], { ...options });
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  };
  return {
    async serve({ slots, answer }, count) {
      const cluster = new MockCluster();
      clusters.push(cluster);
      const named = slots.flatMap(([, , ...nodes]) => nodes.filter((node) => typeof node === 'number'));
      const needed = count ?? Math.max(0, ...named) + 1;
      for (let i = 0; i < needed; i++) await cluster.add();
      cluster.slots = slots;
      if (answer !== undefined) cluster.answer = answer;
      return cluster;
    },
    connect,
    async ready(nodes, options) {
      const client = connect(nodes, options);
      await until(() => client.status === 'ready', { what: 'the cluster to be ready' });
      return client;
    },
  };
}
