// `npm run bench`: hawser beside its peers, in one run on one machine. See docs/design/bench.md for how to read it.

import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import path from 'node:path';
import { setup } from '../../scripts/setup.mjs';
import { entry, root } from '../../scripts/setup/run.mjs';
import { evaluate, showBars } from './bars.mjs';
import * as bullmq from './bullmq.mjs';
import * as cluster from './cluster.mjs';
import * as hits from './hits.mjs';
import * as invalidate from './invalidate.mjs';
import { folderUrl, parseOptions, USAGE } from './options.mjs';
import { ensurePeers, ownVersion, peerVersions } from './peers.mjs';
import * as near from './near.mjs';
import { CHART, isPublishable, publish } from './publish.mjs';
import * as raw from './raw.mjs';
import { Server } from './server.mjs';
import { neighbours, short } from './stats.mjs';
import * as surface from './surface.mjs';
import * as thread from './thread.mjs';

const SECTIONS = { raw, surface, cluster, thread, hits, near, invalidate, bullmq };
/** If other processes use more than this share of the machine, throughput depends on them. */
const QUIET = 0.1;

await entry(async () => {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) return console.log(USAGE);
  if (!options.asBuilt) await setup({ server: true });
  await ensurePeers();
  const server = await Server.start();
  try {
    await bench(server, options);
  } finally {
    await server.stop();
  }
});

async function bench(server, options) {
  const started = Date.now();
  const report = { when: new Date().toISOString(), machine: machine(), server: await server.version(), hawser: ownVersion(), peers: peerVersions(), options };
  console.log(`${report.machine.cpu}, ${report.machine.cores} cores, Node ${report.machine.node}, ${report.server}`);
  console.log(`${options.rounds} alternating rounds; ratios are medians over rounds, lag is the 99th percentile\n`);
  const context = { server, options, folder: folderUrl(root), tell: progress };
  for (const name of options.sections) {
    report[name] = await SECTIONS[name].run(context);
    progress('');
    const others = neighbours(report[name].samples);
    report[name].others = short(others);
    console.log(`${SECTIONS[name].show(report[name])}\n${showNeighbours(others)}`);
  }
  report.bars = evaluate(report);
  if (report.bars.length > 0) console.log(`${showBars(report.bars, options.rounds)}\n`);
  report.seconds = Math.round((Date.now() - started) / 1000);
  console.log(`${report.seconds} s; all samples are in ${save(report)}`);
  if (!isPublishable(options)) return;
  const published = publish(report);
  if (published.length > 0) console.log(`${CHART} shows: ${published.join(', ')}; npm run docs:tables updates the tables`);
}

/** Other processes on two cores slow down client or server, so throughput says little then. */
function showNeighbours(others) {
  if (others === undefined) return '';
  const share = `other processes had ${Math.round(others * 100)} % of the machine`;
  return `${share}${others > QUIET ? ': compare CPU, not throughput' : ''}\n`;
}

function machine() {
  const all = cpus();
  return { cpu: all[0]?.model.trim() ?? arch(), cores: all.length, platform: `${platform()} ${arch()}`, node: process.versions.node };
}

/** Writes the report under its time and as the latest one. Returns the path of the former from the root. */
function save(report) {
  const folder = path.join(root, 'bench-results');
  mkdirSync(folder, { recursive: true });
  const text = `${JSON.stringify(report, undefined, 1)}\n`;
  const file = `${report.when.replace(/[:.]/g, '-')}.json`;
  writeFileSync(path.join(folder, file), text);
  writeFileSync(path.join(folder, 'latest.json'), text);
  return `bench-results/${file}`;
}

/** On a terminal, one line that is overwritten; nothing elsewhere. */
function progress(text) {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r\x1b[K${text}`);
}
