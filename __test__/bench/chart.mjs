// The chart of the published figures, as SVG: panels of bars, readable on light and dark pages. It names machine, versions and date.

import { micros, perSecond } from './table.mjs';

const WIDTH = 860;
const GAP = 28;
const LABELS = 148;
const FIGURES = 66;
const ROW = 26;
const BAR = 15;
const HEAD = 46;
const COLUMN = (WIDTH - 3 * GAP) / 2;
/** Above this share of other work, throughput depends on it. */
const BUSY = 0.1;

/** The panels in the order of reading. Each takes its rows from one section; a panel without figures is left out. */
const PANELS = [
  { title: 'GET of 100 bytes', note: '100 at once, commands per second: more is better', section: 'raw', unit: perSecond, of: (raw) => raw && each(raw.summary, (one) => one.get[100].throughput, RAW) },
  { title: 'CPU of a GET', note: '100 at once, microseconds: less is better', section: 'raw', unit: micros, of: (raw) => raw && each(raw.summary, (one) => one.get[100].cpu, RAW) },
  { title: 'Cache hit with three tags', note: '64 at once, hits per second: more is better', section: 'hits', unit: perSecond, of: (hits) => hits && each(hits.summary, (one) => one[3].throughput, CACHES) },
  { title: 'BullMQ', note: 'jobs per second, on hawser and on ioredis 6', section: 'bullmq', unit: perSecond, of: (bullmq) => bullmq && jobs(bullmq.summary) },
];
const RAW = ['hawser', 'ioredis 6', 'ioredis 6, auto-pipelining', 'ioredis 5', 'node-redis 6', 'valkey-glide'];
const CACHES = ['hawser', 'async-cache-dedupe', 'cacheable', 'BentoCache'];
const SHORT = { 'ioredis 6, auto-pipelining': 'ioredis 6, pipelining' };

function each(summary, value, names) {
  return names.flatMap((name) => (summary[name] === undefined || value(summary[name]) === undefined ? [] : [{ name: SHORT[name] ?? name, value: value(summary[name]) }]));
}

function jobs(summary) {
  return Object.keys(summary.hawser).flatMap((operation) =>
    ['hawser', 'ioredis 6'].map((client) => ({ name: client === 'hawser' ? operation : client, value: summary[client][operation].throughput, ours: client === 'hawser' })),
  );
}

/** The chart of `results` (docs/bench.json). */
export function draw(results) {
  const panels = PANELS.flatMap((panel) => {
    const rows = panel.of(results[panel.section]);
    return rows === undefined || rows.length === 0 ? [] : [{ ...panel, note: noteOf(panel, results[panel.section]), rows, height: HEAD + ROW * rows.length }];
  });
  const lines = [];
  let y = GAP;
  for (let at = 0; at < panels.length; at += 2) {
    const pair = panels.slice(at, at + 2);
    pair.forEach((panel, column) => lines.push(drawPanel(panel, GAP + column * (COLUMN + GAP), y)));
    y += Math.max(...pair.map(({ height }) => height)) + GAP;
  }
  const facts = captions(panels.map(({ section }) => results[section]));
  facts.forEach((text, n) => lines.push(`<text class="fact" x="${GAP}" y="${y + 4 + n * 17}">${escaped(text)}</text>`));
  const height = y + 4 + facts.length * 17 + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title">
<title id="title">${escaped(`Benchmarks of hawser beside its peers: ${panels.map(({ title }) => title).join(', ')}`)}</title>
<style>${STYLE}</style>
<rect class="page" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="10"/>
${lines.join('\n')}
</svg>
`;
}

function noteOf({ note }, { others = 0 }) {
  return others > BUSY ? `${note}; on a busy machine` : note;
}

function drawPanel({ title, note, rows, unit }, x, y) {
  const most = Math.max(...rows.map(({ value }) => value));
  const room = COLUMN - LABELS - FIGURES;
  const head = `<text class="title" x="${x}" y="${y + 6}">${escaped(title)}</text><text class="note" x="${x}" y="${y + 24}">${escaped(note)}</text>`;
  const bars = rows.map(({ name, value, ours = name === 'hawser' }, n) => {
    const top = y + HEAD + n * ROW;
    const length = Math.max(1, (value / most) * room).toFixed(1);
    const kind = ours ? 'ours' : 'other';
    const base = top + BAR - 3;
    return `<text class="label" x="${x + LABELS - 8}" y="${base}">${escaped(name)}</text><rect class="${kind}" x="${x + LABELS}" y="${top}" width="${length}" height="${BAR}" rx="2"/><text class="figure ${kind}" x="${(x + LABELS + Number(length) + 6).toFixed(1)}" y="${base}">${escaped(unit(value))}</text>`;
  });
  return [head, ...bars].join('\n');
}

/** Machine, versions and date of the sections; one paragraph where they come from the same run. */
function captions(sections) {
  const runs = new Map(sections.map((section) => [section.when, section]));
  const first = sections[0];
  const { cpu, cores, platform, node } = first.machine;
  const dates = [...runs.keys()].sort().map((when) => when.slice(0, 10));
  const rounds = [...new Set(sections.map((section) => section.rounds))].sort((a, b) => a - b).join(' to ');
  const peers = sections.reduce((all, section) => ({ ...all, ...section.peers }), {});
  const names = { ioredis6: 'ioredis', ioredis: undefined, redis: 'node-redis', '@valkey/valkey-glide': 'valkey-glide', keyv: undefined, '@keyv/redis': undefined };
  const versions = Object.entries(peers).flatMap(([name, version]) => (name in names && names[name] === undefined ? [] : [`${names[name] ?? name} ${version}`]));
  return [
    `${cpu}, ${cores} cores, ${platform}, Node ${node}, ${first.server} on loopback, ${[...new Set(dates)].join(' and ')}; medians of ${rounds} rounds.`,
    `${versions.join(', ')}.`,
  ];
}

function escaped(text) {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

const STYLE = `
text{font-family:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:#1f2328;font-size:12.5px}
.page{fill:#ffffff;stroke:#d1d9e0}
.title{font-size:15px;font-weight:600}
.note,.fact{fill:#59636e;font-size:12px}
.fact{font-size:11px}
.label{text-anchor:end}
rect.ours{fill:#0f766e}rect.other{fill:#9aa4af}
text.ours{font-weight:600}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}
.page{fill:#15191f;stroke:#3d444d}
.note,.fact{fill:#9198a1}
rect.ours{fill:#2dd4bf}rect.other{fill:#656d76}
}
`;
