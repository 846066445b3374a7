/** The migration, file by file: what is least dangerous comes first, queues come last. */
import * as path from 'node:path';
import type { Unit } from './unit';
import type { DependencyJson, Finding, QueueJson, Risk, StepJson } from './schema';

export interface PlanInput {
  readonly units: readonly Unit[];
  readonly findings: readonly Finding[];
  readonly queues: readonly QueueJson[];
  readonly dependencies: readonly DependencyJson[];
  /** The files that import a file. */
  readonly importers: ReadonlyMap<string, readonly string[]>;
  /** The packages that a file imports. */
  readonly packages: ReadonlyMap<string, ReadonlySet<string>>;
}

const ORDER: readonly Risk[] = ['low', 'medium', 'high', 'critical'];
const SECURITY = /(^|[^a-z])(auth\w*|permissions?|rbac|acl|jwt|tokens?|sessions?|login|passwords?|csrf|otp|mfa|2fa|credentials?|blacklist)([^a-z]|$)/i;
const LIMITS = /rate-?_?limit|throttl/i;
const WIDELY = 3;

export function planOf(input: PlanInput): StepJson[] {
  const byFile = new Map<string, Finding[]>();
  for (const finding of input.findings) {
    const known = byFile.get(finding.file);
    if (known === undefined) byFile.set(finding.file, [finding]);
    else known.push(finding);
  }
  const files = [...byFile.keys()];
  const of = (file: string): StepJson => stepOf(input, file, byFile.get(file) ?? []);
  const steps = files.filter((file) => !isManifest(file)).map(of);
  steps.sort((a, b) => ORDER.indexOf(a.risk) - ORDER.indexOf(b.risk) || importersOf(input, a.file).length - importersOf(input, b.file).length || (a.file < b.file ? -1 : 1));
  // A package can go only when no file imports it.
  return [...steps, ...files.filter(isManifest).map(of)];
}

const isManifest = (file: string): boolean => path.posix.basename(file) === 'package.json';
const importersOf = ({ importers }: PlanInput, file: string): readonly string[] => importers.get(file) ?? [];

function stepOf(input: PlanInput, file: string, findings: readonly Finding[]): StepJson {
  const replacements = [...new Map(findings.map((finding) => [keyOf(finding), { line: finding.line, code: finding.code, replacement: finding.replacement }])).values()];
  return { file, ...judged(input, file, findings), replacements };
}

/** One line is enough for what holds for the whole file. */
const keyOf = ({ kind, line, replacement }: Finding): string => (kind === 'no-error-handler' || kind === 'no-shutdown' ? replacement : `${line} ${replacement}`);

function judged(input: PlanInput, file: string, findings: readonly Finding[]): Pick<StepJson, 'risk' | 'reason' | 'action'> {
  const has = (kind: Finding['kind']): boolean => findings.some((finding) => finding.kind === kind);
  const users = importersOf(input, file);
  const queues = input.queues.filter((queue) => queue.file === file);
  const connections = findings.filter(({ kind }) => kind === 'connection').length;
  if (isManifest(file)) return { risk: 'low', reason: 'nothing imports the packages any more after the steps before', action: 'uninstall what no other package needs' };
  if (queues.length > 0) return { risk: 'critical', reason: `${queues.length === 1 ? 'a queue' : `${queues.length} queues and workers`}: jobs must not be lost`, action: 'connect with RedisManager.getBullMQConnection()' };
  const action = actionOf(has, connections);
  const name = file.replace(/\.[cm]?[jt]sx?$/, '');
  if (SECURITY.test(spaced(name))) return { risk: 'high', reason: 'decides who may do what', action };
  if (isOnlyConnection(findings)) {
    const used = users.length === 0 ? 'nothing imports it' : `imported by ${users.join(', ')}`;
    return { risk: users.length >= WIDELY ? 'medium' : 'low', reason: used, action: 'delete it when its importers use RedisManager' };
  }
  if (input.packages.get(file)?.has('rate-limit-redis') === true) return { risk: 'low', reason: 'the configuration of a package', action: "keep rate-limit-redis and give it sendCommand: async (...args) => (await RedisManager.getMainClient()).call(...args)" };
  if (LIMITS.test(name)) return { risk: 'medium', reason: 'every request passes it', action };
  if (users.length >= WIDELY) return { risk: 'medium', reason: `widely used: ${users.length} files import it`, action };
  if (/(^|\/)cache([.-]\w+)*$/i.test(name)) return { risk: 'medium', reason: 'the cache of the whole application', action };
  return { risk: 'low', reason: users.length === 0 ? 'isolated: no file of the code base imports it' : `isolated: ${users.length === 1 ? 'one file imports' : `${users.length} files import`} it`, action };
}

/** `authService` as two words. */
const spaced = (name: string): string => name.replace(/([a-z])([A-Z])/g, '$1-$2');

/** A file that makes a connection for others and does nothing with it. */
const isOnlyConnection = (findings: readonly Finding[]): boolean => findings.every(({ kind }) => kind === 'connection' || kind === 'no-error-handler' || kind === 'no-shutdown' || kind === 'mixed-libraries') && findings.some(({ file }) => /(redis|connection|client|cache|config)[^/]*$/i.test(file)) && findings.every(({ file }) => !LIMITS.test(file));

function actionOf(has: (kind: Finding['kind']) => boolean, connections: number): string {
  const parts: string[] = [];
  if (connections > 0) parts.push(connections === 1 ? 'use the connections of RedisManager' : `replace ${connections} connections with those of RedisManager`);
  if (has('hand-made-cache')) parts.push('make it a CacheRepository or CachedService with getOrSet');
  if (has('keys') || has('smembers-del')) parts.push('invalidate by tags');
  if (has('flush')) parts.push('clear() only the repository');
  if (has('literal-ttl') && !has('hand-made-cache')) parts.push('take times from tiers');
  return parts.join('; ') || 'use RedisManager';
}
