/** What the live view shows, as lines of text. Pure. */
import type { Report } from '../output/report';
import { count, millis, percent, size } from '../server/units';
import type { Snapshot } from './poll';

/** What is known so far. */
export interface Shown {
  readonly title: string;
  /** The latest one last. */
  readonly history: readonly Snapshot[];
  /** The latest one last. */
  readonly events: readonly string[];
}

const BLOCKS = '▁▂▃▄▅▆▇█';
const NAMES = 8;
const EVENTS = 4;

/** The lines of the screen. */
export function viewLines({ title, history, events }: Shown, columns: number, rows: number): string[] {
  const last = history[history.length - 1];
  if (last === undefined) return [title, '', 'waiting for the first answer'];
  const width = Math.max(10, columns - 30);
  const row = (name: string, value: string, of: (snapshot: Snapshot) => number | null): string => `${name.padEnd(12)}${value.padStart(14)}  ${spark(history.slice(-width).map(of))}`;
  const slow = history.flatMap((snapshot) => snapshot.slow).reverse();
  const head = [
    `${title}   q quits`,
    `${last.at}   servers: ${last.up} of ${last.of} answer (${last.servers.map(({ address, isUp }) => (isUp ? address : `${address} does not`)).join(', ')})`,
    '',
    row('connections', count(last.connections), (one) => one.connections),
    row('ops/s', count(last.opsPerSecond), (one) => one.opsPerSecond),
    row('hit rate', percent(last.hitPercent), (one) => one.hitPercent),
    row('memory', memoryOf(last), (one) => one.usedMemoryBytes),
    row('evicted/s', count(last.evictedPerSecond), (one) => one.evictedPerSecond),
    row('latency', millis(last.latencyMs), (one) => one.latencyMs),
    '',
    'connections by name',
    ...last.byName.slice(0, NAMES).map(({ of, count: number }) => `${count(number).padStart(6)}  ${of || '(no name)'}`),
    '',
  ];
  const foot = [...(last.refused.length > 0 ? ['', ...last.refused] : []), ...(events.length > 0 ? ['', ...events.slice(-EVENTS)] : [])];
  const room = Math.max(1, rows - head.length - foot.length - 1);
  const commands = slow.slice(0, room).map((one) => `${millis(one.usec / 1000).padStart(10)}  ${one.command}  (${one.client || one.node})`);
  return [...head, `slow commands${slow.length === 0 ? ': none since the start' : ''}`, ...commands, ...foot];
}

const memoryOf = ({ usedMemoryBytes: used, maxMemoryBytes: max }: Snapshot): string => (max ? `${size(used)}/${size(max)}` : size(used));

/** One block for each value, the highest one full. */
function spark(values: readonly (number | null)[]): string {
  const most = Math.max(...values.map((value) => value ?? 0), 0);
  return values.map((value) => (value === null ? ' ' : BLOCKS[most === 0 ? 0 : Math.round((value / most) * (BLOCKS.length - 1))])).join('');
}

/** The same for a pipe or a file. */
export function snapshotLines(one: Snapshot): string[] {
  const values = [`connections ${count(one.connections)}`, `ops/s ${count(one.opsPerSecond)}`, `hit rate ${percent(one.hitPercent)}`, `memory ${memoryOf(one)}`, `evicted/s ${count(one.evictedPerSecond)}`, `latency ${millis(one.latencyMs)}`, `slow ${one.slow.length}`];
  const missing = one.up < one.of ? [`${one.of - one.up} of ${one.of} servers do not answer`] : [];
  return [`${one.at}  ${[...values, ...missing].join('  ')}`, ...one.slow.map((slow) => `${one.at}  slow: ${millis(slow.usec / 1000)} ${slow.command} (${slow.client || slow.node})`)];
}

/** Rows of a chart: more cannot be read. */
const BARS = 60;

/** The same for a page, after the end. */
export function historyReport(title: string, history: readonly Snapshot[], events: readonly string[]): Report {
  const last = history[history.length - 1];
  const every = Math.ceil(history.length / BARS);
  const chart = (name: string, of: (one: Snapshot) => number | null, shown: (value: number | null) => string): Report['sections'][number] => ({
    kind: 'bars',
    title: name,
    bars: history.filter((_, at) => at % every === 0).map((one) => ({ label: one.at.slice(11, 19), value: of(one) ?? 0, shown: shown(of(one)) })),
  });
  return {
    title,
    sections: [
      { kind: 'text', lines: last === undefined ? ['nothing was seen'] : [...snapshotLines(last).slice(0, 1), ...last.servers.map(({ address, isUp }) => `${address} ${isUp ? 'answers' : 'does not answer'}`), ...last.refused] },
      chart('Operations a second', (one) => one.opsPerSecond, count),
      chart('Hit rate', (one) => one.hitPercent, percent),
      chart('Connections', (one) => one.connections, count),
      chart('Memory', (one) => one.usedMemoryBytes, size),
      chart('Latency', (one) => one.latencyMs, millis),
      { kind: 'table', title: 'Connections by name', head: ['name', 'connections'], rows: (last?.byName ?? []).map(({ of, count: number }) => [of || '(no name)', count(number)]), empty: 'not known' },
      { kind: 'table', title: 'Slow commands', head: ['time', 'command', 'client'], rows: history.flatMap(({ slow }) => slow).map((one) => [millis(one.usec / 1000), one.command, one.client || one.node]), empty: 'none' },
      ...(events.length === 0 ? [] : [{ kind: 'text' as const, title: 'Events', lines: events }]),
    ],
  };
}
