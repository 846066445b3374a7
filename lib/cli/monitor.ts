/** `hawser monitor`: a live view of servers on a terminal, lines on a pipe, and with `--sample` a capture from MONITOR. */
import { once, setMaxListeners } from 'node:events';
import { createWriteStream } from 'node:fs';
import * as path from 'node:path';
import { InvalidArgumentError } from 'commander';
import { clearTimeout, setTimeout } from '../clock';
import type { Call, CliCommand } from './command';
import { CliError, EXIT, messageOf } from './exit_codes';
import { capture, type CaptureJson } from './monitor/capture';
import { Poller, type Snapshot } from './monitor/poll';
import { Screen } from './monitor/screen';
import { historyReport, snapshotLines, viewLines } from './monitor/view';
import { addOutputOptions, duration, wholeNumber } from './options';
import { emit, print } from './output/emit';
import type { Report } from './output/report';
import { Following } from './server/following';
import { openServers } from './server/servers';
import { serverTargetOf } from './server/target';
import { addServerOptions } from './server/server_options';
import { count, size } from './server/units';

const CONNECT_MS = 5_000;
/** Looks that the charts show. */
const HISTORY = 600;

export const command: CliCommand = {
  define(command) {
    addServerOptions(command);
    command
      .option('--interval <time>', 'look again after this time (default: 1s)', duration(100, 3_600_000))
      .option('--count <looks>', 'end after so many looks', wholeNumber(1))
      .option('--lines', 'print lines on a terminal too')
      .option('--sample <time>', 'capture what clients send for this time, with MONITOR, which costs the server much of its throughput', duration(100, 3_600_000))
      .option('--max-commands <number>', 'end the capture after so many commands (default: 100000)', wholeNumber(1, 10_000_000))
      .option('--max-bytes <size>', 'end the capture after so many bytes (default: 50mb)', bytes);
    addOutputOptions(command);
  },
  async run(call) {
    const { signal } = call.context;
    checkTogether(call.options);
    setMaxListeners(0, signal);
    const target = serverTargetOf(call);
    const options = { timeoutMs: CONNECT_MS, signal, staysUp: true };
    const servers = new Following(await openServers(target, options), target, options);
    try {
      if (call.options.sample !== undefined) return await sampled(call, servers);
      return await watched(call, servers);
    } finally {
      servers.close();
    }
  },
};

const INTERVAL_MS = 1_000;
const MAX_COMMANDS = 100_000;
const MAX_BYTES = 50 << 20;

/** Options that would be of no effect are errors. */
function checkTogether(options: Call['options']): void {
  const isSample = options.sample !== undefined;
  const unused = Object.entries(isSample ? { interval: '--interval', count: '--count', lines: '--lines' } : { maxCommands: '--max-commands', maxBytes: '--max-bytes' }).find(([name]) => options[name] !== undefined);
  if (unused !== undefined) throw new CliError(`${unused[1]} ${isSample ? 'cannot be used with --sample, which captures instead of watching' : 'needs --sample: it bounds a capture'}`);
  if (options.html === true && options.lines === true) throw new CliError('--lines cannot be used with --html, which makes a page at the end');
}

const UNITS: Readonly<Record<string, number>> = { '': 1, kb: 1 << 10, mb: 1 << 20 };

function bytes(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,9})(kb|mb)?$/i.exec(text) ?? [];
  const value = Number(digits) * (UNITS[unit.toLowerCase()] ?? NaN);
  if (digits === '' || !(value >= 1 && value <= 2 ** 31)) throw new InvalidArgumentError('It must be a size like 500kb or 50mb, of at most 2 GB.');
  return value;
}

async function sampled(call: Call, servers: Following): Promise<number> {
  const { options, context } = call;
  const data = await capture(servers, { ms: Number(options.sample), commands: Number(options.maxCommands ?? MAX_COMMANDS), bytes: Number(options.maxBytes ?? MAX_BYTES) }, context.signal);
  // A capture is for programs unless a page is asked for.
  await emit({ ...call, options: { ...options, json: options.html !== true } }, { data, report: () => captureReport(data) });
  context.stderr.write(`hawser monitor: ${count(data.commands)} commands, ${size(data.bytes)}, in ${data.seconds} s; ended by ${data.endedBy}\n`);
  return EXIT.fine;
}

function captureReport(data: CaptureJson): Report {
  return {
    title: `Commands at ${data.server} for ${data.seconds} s from ${data.takenAt} on`,
    sections: [
      {
        kind: 'text',
        lines: [
          `${count(data.commands)} commands, ${size(data.bytes)}; ended by ${data.endedBy}`,
          ...data.refused.map(({ node, reason }) => `${node} refused: ${reason}`),
          ...data.gaps.map(({ node, fromSeconds, seconds }) => `${node} was not captured for ${seconds} s, from ${fromSeconds} s on`),
        ],
      },
      { kind: 'bars', title: 'Commands', bars: data.byCommand.slice(0, 30).map(({ command: label, count: value }) => ({ label, value })) },
      { kind: 'bars', title: 'Key patterns', bars: data.patterns.slice(0, 30).map(({ pattern: label, count: value, perSecond }) => ({ label, value, shown: `${count(value)} (${perSecond}/s)` })) },
      { kind: 'code', title: 'Examples, with masked keys and sizes of other arguments', text: data.examples.join('\n') },
    ],
  };
}

async function watched(call: Call, servers: Following): Promise<number> {
  const { context, options } = call;
  const isView = Screen.fits(context) && options.lines !== true && options.json !== true && options.html !== true && options.output === undefined;
  if (options.html === true) return paged(call, servers);
  return isView ? viewed(call, servers) : lines(call, servers);
}

/** A page of all looks, at the end. */
async function paged(call: Call, servers: Following): Promise<number> {
  const { context, options } = call;
  const history: Snapshot[] = [];
  const events: string[] = [];
  const poller = new Poller(servers, (text) => events.push(`${new Date().toISOString()}  ${text}`));
  await repeated(Number(options.interval ?? INTERVAL_MS), options.count as number | undefined, context.signal, async () => {
    history.push(await poller.look());
    if (history.length > HISTORY) history.shift();
  });
  await emit(call, { data: history, report: () => historyReport(titleOf(servers), history, events) });
  return EXIT.fine;
}

/** Until the user has enough, or for the looks asked for. */
async function viewed({ context, options }: Call, servers: Following): Promise<number> {
  const history: Snapshot[] = [];
  const events: string[] = [];
  const ended = new AbortController();
  let code: number = EXIT.fine;
  context.signal.addEventListener('abort', () => ended.abort(), { once: true });
  const screen = new Screen(context, (key) => {
    if (key === 'interrupt') code = EXIT.interrupted;
    ended.abort();
  });
  const draw = (): void => screen.draw(viewLines({ title: titleOf(servers), history, events }, screen.columns, screen.rows));
  const poller = new Poller(servers, (text) => {
    events.push(`${new Date().toISOString()}  ${text}`);
    draw();
  });
  screen.start(draw);
  try {
    await repeated(Number(options.interval ?? INTERVAL_MS), options.count as number | undefined, ended.signal, async () => {
      history.push(await poller.look());
      if (history.length > HISTORY) history.shift();
      draw();
    });
  } finally {
    screen.end();
  }
  return code;
}

async function lines({ context, options }: Call, servers: Following): Promise<number> {
  const isJson = options.json === true;
  const out = await outputOf(context, options);
  const event = (text: string): void => {
    const at = new Date().toISOString();
    void print(out, isJson ? `${JSON.stringify({ at, event: text })}\n` : `${at}  ${text}\n`);
  };
  const poller = new Poller(servers, event);
  let told = 0;
  if (!isJson) await print(out, `${titleOf(servers)}\n`);
  await repeated(Number(options.interval ?? INTERVAL_MS), options.count as number | undefined, context.signal, async () => {
    const look = await poller.look();
    for (const text of look.refused.slice(told)) if (!isJson) event(text);
    told = look.refused.length;
    await print(out, isJson ? `${JSON.stringify(look)}\n` : `${snapshotLines(look).join('\n')}\n`);
  });
  return EXIT.fine;
}

/** Standard output, or the file of `--output`. */
async function outputOf({ cwd, stdout }: Call['context'], { output }: Call['options']): Promise<NodeJS.WritableStream> {
  if (typeof output !== 'string') return stdout;
  const file = createWriteStream(path.resolve(cwd, output));
  try {
    await once(file, 'open');
  } catch (error) {
    throw new CliError(`cannot write --output ${output}: ${messageOf(error)}`);
  }
  return file;
}

const titleOf = ({ place, db, topology, missing }: Following): string =>
  `hawser monitor: ${place}, database ${db} (${topology})${missing.map(({ node }) => `; ${node} cannot be used`).join('')}`;

/** Runs `act` at once and then again and again, without an overlap. */
async function repeated(ms: number, times: number | undefined, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
  for (let done = 0; !signal.aborted && (times === undefined || done < times); done++) {
    if (done > 0) await pause(ms, signal);
    if (!signal.aborted) await settledOrAborted(act(), signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  return settledOrAborted(over, signal).finally(() => clearTimeout(timer));
}

/** Settles with the promise, or when the signal aborts. Leaves no listener behind. */
function settledOrAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const onAbort = (): void => resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
