/** An audit as a report. */
import type { Cell, Report, Section, Tone } from '../output/report';
import type { AuditJson, ConnectionJson, DependencyJson, Finding, QueueJson, Severity, StepJson } from './schema';

const TONES: Readonly<Record<Severity, Tone>> = { critical: 'bad', high: 'bad', medium: 'warn', low: 'dim' };
const RANK: readonly Severity[] = ['critical', 'high', 'medium', 'low'];

/** `name`: the folder as the user has named it. */
export function auditReport(result: AuditJson, name: string): Report {
  const { connections, queues, dependencies, findings, migration, notes, summary } = result;
  const sections: Section[] = [{ kind: 'text', lines: [summaryLine(result)] }];
  if (findings.length > 0) sections.push({ kind: 'bars', title: 'Findings by kind', bars: Object.entries(summary.findings).sort(([, a], [, b]) => b - a).map(([label, value]) => ({ label, value })) });
  if (connections.length > 0) sections.push(connectionTable(connections));
  if (queues.length > 0) sections.push(queueTable(queues));
  if (dependencies.length > 0) sections.push(dependencyTable(dependencies));
  if (findings.length > 0) sections.push(findingTable(findings));
  migration.forEach((step, at) => sections.push(stepTable(step, at + 1)));
  if (notes.length > 0) sections.push({ kind: 'text', title: 'Notes', lines: notes.map(({ file, message }) => (file === null ? message : `${file}: ${message}`)) });
  return { title: `Audit of ${name}`, sections };
}

const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

function summaryLine({ summary, findings }: AuditJson): Cell {
  const libraries = Object.entries(summary.libraries).map(([name, count]) => `${name} ${count}`);
  const text = `${plural(summary.files, 'file')}, ${plural(summary.connections, 'connection')}${libraries.length === 0 ? '' : ` (${libraries.join(', ')})`}, ${plural(summary.queues, 'queue')}, ${plural(findings.length, 'finding')}`;
  return { text, tone: findings.length === 0 ? 'good' : 'bold' };
}

const at = ({ file, line }: { file: string; line: number }): string => `${file}:${line}`;
const yes = (value: boolean): Cell => (value ? 'yes' : { text: 'no', tone: 'warn' });

function connectionTable(connections: readonly ConnectionJson[]): Section {
  return {
    kind: 'table',
    title: 'Connections',
    head: ['where', 'library', 'made by', 'name', 'scope', 'errors heard', 'closed', 'options'],
    rows: connections.map((one) => [at(one), one.library, one.how, one.name ?? '-', scopeCell(one), yes(one.hasErrorHandler), yes(one.isClosed), optionText(one.options)]),
  };
}

function scopeCell({ scope, calledFrom }: ConnectionJson): Cell {
  if (scope === 'request') return { text: 'request', tone: 'bad' };
  return calledFrom.length < 2 ? scope : `${scope}, ${calledFrom.length} calls`;
}

function optionText(options: ConnectionJson['options']): string {
  return Object.entries(options).map(([name, value]) => (name.startsWith('argument ') ? value : value === '' ? name : `${name}: ${value}`)).join(', ') || '-';
}

function queueTable(queues: readonly QueueJson[]): Section {
  return {
    kind: 'table',
    title: 'Queues',
    head: ['where', 'library', 'type', 'name', 'connects by'],
    rows: queues.map((one) => [at(one), one.library, one.type, one.name ?? '-', one.client === null ? one.connection : `${one.connection} of ${at(one.client)}`]),
  };
}

function dependencyTable(dependencies: readonly DependencyJson[]): Section {
  return {
    kind: 'table',
    title: 'Packages',
    head: ['where', 'package', 'range', 'section', 'needed by'],
    rows: dependencies.map((one) => [at(one), one.package, one.range, one.section, one.dependents.map(({ package: name, version }) => (version === null ? name : `${name} ${version}`)).join(', ') || '-']),
  };
}

function findingTable(findings: readonly Finding[]): Section {
  const sorted = [...findings].sort((a, b) => RANK.indexOf(a.severity) - RANK.indexOf(b.severity));
  return {
    kind: 'table',
    title: 'Findings',
    head: ['severity', 'where', 'kind', 'what'],
    rows: sorted.map((one) => [{ text: one.severity, tone: TONES[one.severity] }, at(one), one.kind, one.confidence === 'possible' ? `possibly: ${one.message}` : one.message]),
  };
}

function stepTable({ file, risk, reason, action, replacements }: StepJson, number: number): Section {
  return {
    kind: 'table',
    title: `Step ${number}: ${file} (risk ${risk}: ${reason}): ${action}`,
    head: ['line', 'today', 'becomes'],
    rows: replacements.map(({ line, code, replacement }) => [String(line), code, replacement]),
  };
}
