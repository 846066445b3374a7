/** A report as one HTML page: styles and charts are in it, and it loads nothing. */
import { textOf, visible, visibleLines, type Bar, type Cell, type Report, type Section } from './report';

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2430;--paper:#fff;--line:#d8dde5;--dim:#667085;--bar:#3b73c8;--bad:#b42318;--warn:#9a6700;--good:#18794e}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ef;--paper:#14181f;--line:#343b47;--dim:#98a2b3;--bar:#6b9df0;--bad:#ff8a80;--warn:#e3b341;--good:#56d364}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:75rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}p{margin:.2rem 0;white-space:pre-wrap;overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
th{color:var(--dim);font-weight:500}pre,td code{font:13px/1.45 ui-monospace,monospace}pre{overflow-x:auto;padding:.7rem;border:1px solid var(--line)}
svg{display:block;max-width:100%}svg text{font:13px system-ui,sans-serif;fill:var(--ink)}svg rect{fill:var(--bar)}
.bad{color:var(--bad)}.warn{color:var(--warn)}.good{color:var(--good)}.dim{color:var(--dim)}.bold{font-weight:600}`;

/** The whole page. */
export function renderHtml({ title, sections }: Report): string {
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(title)}</title><style>${STYLE}</style>`;
  const body = [`<h1>${escaped(title)}</h1>`, ...sections.map(renderSection)].join('\n');
  return `<!doctype html>\n<html lang="en"><head>${head}</head>\n<body>\n${body}\n</body></html>\n`;
}

function renderSection(section: Section): string {
  const title = section.title === undefined ? '' : `<h2>${escaped(section.title)}</h2>\n`;
  return `<section>${title}${bodyOf(section)}</section>`;
}

function bodyOf(section: Section): string {
  switch (section.kind) {
    case 'text':
      return section.lines.map((line) => `<p>${cellOf(line)}</p>`).join('\n');
    case 'code':
      return `<pre>${markup(visibleLines(section.text))}</pre>`;
    case 'bars':
      return chart(section.title, section.bars);
    case 'table':
      return section.rows.length === 0 ? `<p class="dim">${escaped(section.empty ?? 'none')}</p>` : table(section.head, section.rows);
  }
}

function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const top = `<tr>${head.map((cell) => `<th>${escaped(cell)}</th>`).join('')}</tr>`;
  const body = rows.map((row) => `<tr>${head.map((_, at) => `<td>${cellOf(row[at] ?? '')}</td>`).join('')}</tr>`).join('\n');
  return `<div class="wide"><table><thead>${top}</thead><tbody>\n${body}\n</tbody></table></div>`;
}

const ROW = 26;
const LABEL = 300;
const WIDTH = 900;
const LABEL_CHARS = 42;

/** Horizontal bars, the longest one as wide as there is room. */
function chart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value), 0);
  const room = WIDTH - LABEL - 130;
  const rows = bars.map(({ label, value, shown }, at) => {
    const width = most > 0 && value > 0 ? Math.max(2, Math.round((value / most) * room)) : 0;
    const middle = at * ROW + 17;
    const short = label.length > LABEL_CHARS ? `${label.slice(0, LABEL_CHARS - 1)}…` : label;
    return [
      `<text x="0" y="${middle}">${escaped(short)}<title>${escaped(label)}</title></text>`,
      `<rect x="${LABEL}" y="${at * ROW + 4}" width="${width}" height="${ROW - 8}" rx="2"/>`,
      `<text x="${LABEL + width + 8}" y="${middle}">${escaped(shown ?? String(value))}</text>`,
    ].join('');
  });
  const height = Math.max(bars.length, 1) * ROW;
  return `<svg role="img" aria-label="${escaped(title)}" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">${rows.join('\n')}</svg>`;
}

function cellOf(cell: Cell): string {
  return typeof cell === 'string' ? escaped(cell) : `<span class="${cell.tone}">${escaped(textOf(cell))}</span>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const markup = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
const escaped = (text: string): string => markup(visible(text));
