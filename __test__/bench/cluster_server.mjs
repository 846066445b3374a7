// Three masters that share out the slots: servers of the bench's own.

import { setTimeout as pause } from 'node:timers/promises';
import { ask, cpuTime, Server } from './server.mjs';

const MASTERS = 3;
const SLOTS = 16_384;

export class ClusterServer {
  static async start() {
    const cluster = new ClusterServer();
    try {
      for (let i = 0; i < MASTERS; i++) cluster.servers.push(await Server.start(['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf']));
      await cluster.join();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  servers = [];

  get ports() {
    return this.servers.map(({ port }) => port);
  }

  async join() {
    const [first] = this.servers;
    for (const [i, { port }] of this.servers.entries()) {
      const from = Math.floor((SLOTS * i) / MASTERS);
      const to = Math.floor((SLOTS * (i + 1)) / MASTERS);
      await ask(port, `CLUSTER ADDSLOTS ${Array.from({ length: to - from }, (_, slot) => from + slot).join(' ')}`);
      await ask(port, `CLUSTER SET-CONFIG-EPOCH ${i + 1}`);
      if (i > 0) await ask(port, `CLUSTER MEET 127.0.0.1 ${first.port}`);
    }
    for (let tries = 0; ; tries++) {
      const infos = await Promise.all(this.ports.map((port) => ask(port, 'CLUSTER INFO')));
      if (infos.every((info) => info.includes('cluster_state:ok') && info.includes(`cluster_slots_ok:${SLOTS}`) && info.includes(`cluster_known_nodes:${MASTERS}`))) return;
      if (tries === 400) throw new Error('the servers form no cluster');
      await pause(50);
    }
  }

  async stop() {
    await Promise.all(this.servers.map((server) => server.stop()));
  }
}

/** CPU time that all servers have used, in microseconds. */
export async function cpuTimeOf(ports) {
  const all = await Promise.all(ports.map(cpuTime));
  return all.reduce((sum, one) => sum + one, 0);
}
