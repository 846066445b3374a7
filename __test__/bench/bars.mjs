// What hawser promises against its reference, judged by the figures of the same run.

import { HAWSER, REFERENCE } from './clients.mjs';
import { count, table, times } from './table.mjs';

const RAW = [
  { level: 1, of: 'cpuRatio', says: 'CPU per operation', atMost: 1.15 },
  { level: 10, of: 'cpuRatio', says: 'CPU per operation', atMost: 0.6 },
  { level: 100, of: 'throughputRatio', says: 'throughput', atLeast: 4 },
  { level: 1000, of: 'throughputRatio', says: 'throughput', atLeast: 8 },
];
const INVALIDATION = { entries: 100_000, faster: 50 };

/** The bars of the sections that were run: `{ bar, limit, measured, met }`; `met` is undefined where nothing was measured. */
export function judge({ raw, invalidate }) {
  return [...(raw === undefined ? [] : rawBars(raw)), ...(invalidate === undefined ? [] : invalidationBars(invalidate))];
}

function rawBars({ summary }) {
  return RAW.map(({ level, of, says, atMost, atLeast }) => {
    const measured = summary[HAWSER].get[level][of];
    return {
      bar: `GET, ${count(level)} concurrent, ${says} against ${REFERENCE}`,
      limit: atMost === undefined ? `at least ${atLeast}x` : `at most ${atMost}x`,
      measured: times(measured),
      met: measured === undefined ? undefined : atMost === undefined ? measured >= atLeast : measured <= atMost,
    };
  });
}

function invalidationBars({ summary, commands }) {
  const { entries, faster } = INVALIDATION;
  const measured = summary[entries]?.ratio;
  const same = commands.few === undefined || commands.many === undefined ? undefined : isEqual(commands.few, commands.many);
  return [
    {
      bar: `invalidateTags of ${count(entries)} entries, time against the sketch`,
      limit: `at least ${faster}x faster`,
      measured: times(measured),
      met: measured === undefined ? undefined : measured >= faster,
    },
    {
      bar: `invalidateTags of ${count(entries)} entries, commands on the server`,
      limit: 'the same as for 10',
      measured: same === undefined ? '-' : same ? 'the same' : 'others',
      met: same,
    },
  ];
}

function isEqual(few, many) {
  const text = (calls) => JSON.stringify(Object.entries(calls).sort());
  return text(few) === text(many);
}

/** The bars as text. */
export function showBars(bars, rounds) {
  const verdict = (met) => (met === undefined ? 'not measured' : met ? 'met' : 'NOT MET');
  const rows = bars.map(({ bar, limit, measured, met }) => [bar, limit, measured, verdict(met)]);
  const note = rounds < 5 ? `\n(medians of ${rounds} rounds; five are what counts)` : '';
  return table([['bar', '', 'measured', ''], ...rows]) + note;
}
