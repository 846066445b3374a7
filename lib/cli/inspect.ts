/** `hawser inspect`: what a Redis server, cluster or Sentinel group is used for, read within bounds of time and load. */
import { setMaxListeners } from 'node:events';
import type { CliCommand } from './command';
import { EXIT } from './exit_codes';
import { collect, type CollectOptions } from './inspect/collect';
import { inspectReport } from './inspect/report';
import { addOutputOptions, numberBetween, wholeNumber } from './options';
import { emit } from './output/emit';
import { Asker } from './server/asker';
import { openServers } from './server/servers';
import { serverTargetOf } from './server/target';
import { addServerOptions } from './server/server_options';

const CONNECT_MS = 5_000;

export const command: CliCommand = {
  define(command) {
    addServerOptions(command);
    command
      .option('--budget <commands>', 'send at most so many commands a second, all servers together', wholeNumber(1, 100_000), 500)
      .option('--seconds <seconds>', 'end after this time at the latest', numberBetween(0.5, 3_600), 20)
      .option('--sample <keys>', 'look at up to so many keys', wholeNumber(1, 1_000_000), 10_000);
    addOutputOptions(command);
  },
  async run(call) {
    const target = serverTargetOf(call);
    const { signal } = call.context;
    // Every command that is under way listens to it.
    setMaxListeners(0, signal);
    const options: CollectOptions = { perSecond: Number(call.options.budget), seconds: Number(call.options.seconds), sample: Number(call.options.sample) };
    const started = performance.now();
    const servers = await openServers(target, { timeoutMs: Math.min(CONNECT_MS, options.seconds * 1_000), signal });
    try {
      const asker = new Asker({ perSecond: options.perSecond, deadline: started + options.seconds * 1_000, signal });
      asker.noteConnections(servers.nodes.length);
      const data = await collect(servers, asker, options, started);
      await emit(call, { data, report: () => inspectReport(data) });
    } finally {
      servers.close();
    }
    return EXIT.fine;
  },
};
