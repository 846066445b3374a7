/** The report as one HTML page: styles and plots are in it, and it loads nothing. */
import type { ReportJson, Side } from '../result';
import { HIT_RATES, TIMES } from '../targets';
import { shown } from './numbers';
import { escaped, moments, pairs, stacks, type Pair } from './plots';
import { tablesOf, type Table } from './tables';
import { titleOf } from './text';

const STYLE = `
:root{color-scheme:light dark;--ink:#182230;--paper:#fbfaf8;--card:#fff;--line:#e2e0db;--dim:#667085;--old:#b9bfca;--new:#0f766e;--queue:#d6c08a;--stream:#7cb9b3;--bad:#b42318;--good:#18794e;--mark:#b45309}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ef;--paper:#101418;--card:#171d23;--line:#2c353f;--dim:#98a2b3;--old:#566070;--new:#2dd4bf;--queue:#8a7440;--stream:#1f6f68;--bad:#ff8a80;--good:#56d364;--mark:#fbbf24}}
*{box-sizing:border-box}body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0}
main{max-width:64rem;margin:0 auto;padding:2rem 1.25rem 4rem}h1{font-size:1.7rem;letter-spacing:-.01em;margin:0}h2{font-size:1.1rem;margin:0 0 .3rem}
.sub{color:var(--dim);margin:.2rem 0 1.4rem;white-space:pre-line}section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1.1rem 1.25rem;margin:1rem 0}
.note,.dim{color:var(--dim)}.note{margin:0 0 .7rem}.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:1rem;margin:1rem 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.8rem 1rem}.card b{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums}.card span{color:var(--dim)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{text-align:left;padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--dim);font-weight:500;white-space:nowrap}tr:last-child td{border-bottom:0}.n{text-align:right;white-space:nowrap}.good{color:var(--good)}.bad{color:var(--bad);font-weight:600}
svg{display:block;max-width:100%;height:auto}svg text{font:12.5px system-ui,sans-serif;fill:var(--ink)}svg .value,svg .dim{fill:var(--dim)}svg .bad{fill:var(--bad);font-weight:600}
.wrong{fill:var(--bad)}.shade{fill:var(--mark);opacity:.16}.old{fill:var(--old)}.new{fill:var(--new)}.queue{fill:var(--queue)}.stream{fill:var(--stream)}svg .inside{fill:var(--card);font-weight:600}.target{stroke:var(--mark);stroke-width:2;stroke-dasharray:3 2}
.key{display:flex;gap:1.2rem;color:var(--dim);font-size:.9rem;margin:.2rem 0 .8rem}.key i{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;margin-right:.4rem;vertical-align:-1px}`;

export function pageOf(report: ReportJson): string {
  const [title, ...more] = titleOf(report).split('\n');
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(title)}</title><style>${STYLE}</style>`;
  const [targets, ...tables] = tablesOf(report);
  const body = [`<h1>${escaped(title)}</h1>`, `<p class="sub">${escaped(more.join('\n'))}</p>`, cards(report), ...plots(report), ...faultPlots(report), section(targets), ...tables.map(section)];
  return `<!doctype html>\n<html lang="en"><head>${head}</head>\n<body><main>\n${body.filter(Boolean).join('\n')}\n</main></body></html>\n`;
}

function cards({ verdicts, before, after, readBack }: ReportJson): string {
  const met = verdicts.filter((one) => one.met === true).length;
  const judged = verdicts.filter((one) => one.met !== null).length;
  const found: [string, string, string?][] = [[`${met} of ${judged}`, 'targets met', met === judged ? 'good' : 'bad']];
  if (after !== undefined) found.push([shown(after.connections.own), `connections of an instance${before ? `, before ${shown(before.connections.own)}` : ''}`]);
  if (before !== undefined && after !== undefined) {
    found.push([`${shown(100 - (100 * after.usage.queries) / Math.max(1, before.usage.queries))} %`, 'fewer queries to the database']);
    const [old, now] = [before.traffic.times.list?.p50, after.traffic.times.list?.p50];
    if (old !== undefined && now !== undefined) found.push([`${shown(old / now)} x`, 'faster order lists (median)']);
  }
  if (readBack !== undefined) found.push([shown(readBack.stale), `old lists of ${shown(readBack.lists)} after a write`, readBack.stale === 0 ? 'good' : 'bad']);
  return `<div class="cards">${found.map(([figure, what, tone = '']) => `<div class="card"><b class="${tone}">${escaped(figure)}</b><span>${escaped(what)}</span></div>`).join('')}</div>`;
}

/** What readers saw while something was broken. */
function faultPlots({ faults }: ReportJson): string[] {
  const key: [string, string][] = [['new', 'slowest read of each half second'], ['bad', 'a read failed then'], ['mark', 'the fault']];
  return faults.map(({ name, timeline: { from, to, buckets } }) =>
    plotOf(name, moments(name, buckets.map(({ at, slowestMs, failed }) => ({ at, value: slowestMs, isBad: failed > 0 })), from, to), key, 'Reads of pages, lists, prices and dashboards.'),
  );
}

function plots({ before, after }: ReportJson): string[] {
  if (after === undefined) return [];
  const found = [
    plot('Times', timePairs(before, after), 'ms', 'The mark is the target: a part of the time before.'),
    plot('Hit rates', hitPairs(before, after), '%', 'The mark is what the tier must reach at least.', 100),
    plotOf('Connections of an instance', stacks('Connections of an instance', [...(before ? [connectionStack('before', before)] : []), connectionStack('after', after)]), [['old', 'the application\'s, before'], ['new', 'the application\'s, after'], ['stream', 'of browsers\' streams'], ['queue', 'BullMQ\'s']]),
  ];
  if (before !== undefined) found.push(plot('What the traffic costs, before = 100 %', costPairs(before, after), '%', 'Less is better.'));
  return found;
}

function timePairs(before: Side | undefined, after: Side): Pair[] {
  return TIMES.flatMap(({ kind, label, part }) =>
    (['p50', 'p99'] as const).map((rank) => {
      const old = before?.traffic.times[kind]?.[rank] ?? null;
      return { label: `${label}, ${rank}`, before: old, after: after.traffic.times[kind]?.[rank] ?? null, target: old === null ? null : old / part };
    }),
  );
}

function hitPairs(before: Side | undefined, after: Side): Pair[] {
  return Object.entries(HIT_RATES).map(([tier, { label, least }]) => ({ label, before: before?.hitRates[tier] ?? null, after: after.hitRates[tier] ?? null, target: least, isLimit: false }));
}

function connectionStack(label: string, { connections }: Side): { label: string; parts: { name: string; value: number; tone: string }[] } {
  return {
    label,
    parts: [
      { name: 'the application\'s', value: connections.own, tone: label === 'before' ? 'old' : 'new' },
      { name: 'the stream\'s', value: connections.streams, tone: 'stream' },
      { name: 'BullMQ\'s', value: connections.queues, tone: 'queue' },
    ],
  };
}

function costPairs(before: Side, after: Side): Pair[] {
  const figures: [string, number | null, number | null][] = [
    ['queries to the database', before.usage.queries, after.usage.queries],
    ['commands to Redis', before.usage.commands, after.usage.commands],
    ['CPU of Redis', before.usage.redisCpu, after.usage.redisCpu],
    ['CPU of Node', before.usage.nodeCpu, after.usage.nodeCpu],
    ['time of the whole traffic', before.traffic.seconds, after.traffic.seconds],
  ];
  return figures.map(([label, old, now]) => ({ label, before: old === null ? null : 100, after: old === null || now === null || old === 0 ? null : (100 * now) / old }));
}

const KEY: [string, string][] = [['old', 'before'], ['new', 'after']];

function plot(title: string, rows: readonly Pair[], unit: 'ms' | '%', note: string, most?: number): string {
  return plotOf(title, pairs(title, rows, unit, most), KEY, note);
}

function plotOf(title: string, drawing: string, key: [string, string][], note?: string): string {
  const legend = key.map(([tone, text]) => `<span><i style="background:var(--${tone})"></i>${escaped(text)}</span>`).join('');
  return `<section><h2>${escaped(title)}</h2>${note === undefined ? '' : `<p class="note">${escaped(note)}</p>`}<div class="key">${legend}</div>${drawing}</section>`;
}

function section({ title, note, head, rows }: Table): string {
  const isNumber = head.map((_, at) => at > 0 && rows.every((row) => /^[-\d]/.test(row[at] ?? '-')));
  const cell = (text: string, at: number): string => {
    const tone = text === 'MISSED' ? 'bad' : text === 'met' ? 'good' : '';
    return `<td class="${[isNumber[at] ? 'n' : '', tone].filter(Boolean).join(' ')}">${escaped(text)}</td>`;
  };
  const top = head.map((text, at) => `<th${isNumber[at] ? ' class="n"' : ''}>${escaped(text)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n');
  return `<section><h2>${escaped(title)}</h2>${note === undefined ? '' : `<p class="note">${escaped(note)}</p>`}<div class="wide"><table><thead><tr>${top}</tr></thead><tbody>\n${body}\n</tbody></table></div></section>`;
}
