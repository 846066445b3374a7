// Generates the tables of the pages from the code: options from the doc comments of lib/, the environment from lib/env.ts, times and
// limits from the constants, errors from src/error.rs, figures from docs/bench.json, what caches do from docs/behaviour.json. A table stands
// between `<!-- table: name -->` and `<!-- end -->`, each on one page or more. The chart of README.md comes from docs/bench.json, too.
//
//     node scripts/docs-tables.mjs            rewrites the pages
//     node scripts/docs-tables.mjs --check    fails if that would change one (a spec runs this)

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import ts from 'typescript';
import { draw } from '../__test__/bench/chart.mjs';
import { CHART, readResults } from '../__test__/bench/publish.mjs';
import { behaviourRun, behaviourTable } from './docs/behaviour-table.mjs';
import { BENCH_TABLES, machines } from './docs/bench-tables.mjs';
import { pages } from './docs/pages.mjs';
import { root } from './setup/run.mjs';

const require = createRequire(import.meta.url);
const read = (file) => readFileSync(path.join(root, file), 'utf8');
const row = (cells) => `| ${cells.map((cell) => cell.replace(/\|/g, '\\|')).join(' | ')} |`;
const table = (head, rows) => [row(head), row(head.map(() => '---')).replace(/ /g, ''), ...rows.map(row)].join('\n');

/** The first group of a pattern's match in a file. Update the pattern when the code moves or gets another name. */
function found(file, pattern) {
  const match = pattern.exec(read(file));
  if (match === null) throw new Error(`docs-tables: ${file} has nothing like ${pattern}`);
  return match[1];
}

// --- options -------------------------------------------------------------------------------------------------------------------

/** Names and doc comments of an interface's properties. */
function properties(file, name) {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true);
  const declaration = source.statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === name);
  if (declaration === undefined) throw new Error(`docs-tables: ${file} has no interface ${name}`);
  return declaration.members.map((member) => ({
    name: member.name.getText(),
    type: member.type.getText().replace(/ \| undefined/g, ''),
    doc: docOf(member),
  }));
}

function docOf(member) {
  const text = (member.jsDoc ?? []).map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? '').join(' ');
  return text.replace(/\{@link ([\w.]+)\}/g, '`$1`').replace(/\s+/g, ' ').trim();
}

/** Replaces a doc comment `As in ...` with the text that it refers to. */
function resolved(doc, others) {
  const same = /^As in `\w+\.(\w+)`\.$/.exec(doc);
  if (same === null) return doc;
  return (others.find(({ name }) => name === same[1])?.doc ?? doc).replace("the repository's, else ", '');
}

function optionTable(list) {
  return table(['option', 'meaning'], list.map(({ name, doc }) => [`\`${name}\``, doc]));
}

// --- times and bounds -----------------------------------------------------------------------------------------------------------

/** The defaults of the core's cache engine by field. Durations are in milliseconds. */
function engineDefaults() {
  const body = found('src/cache/config.rs', /impl Default for EngineConfig \{\s*fn default\(\) -> Self \{\s*Self \{([^}]*)\}/);
  return Object.fromEntries(
    [...body.matchAll(/(\w+): ([^\n]+),\n/g)].map(([, name, value]) => {
      const time = /^Duration::from_(millis|secs)\((\d+)\)$/.exec(value);
      return [name, time === null ? value.replace(/_/g, '') : String(Number(time[2]) * (time[1] === 'secs' ? 1000 : 1))];
    }),
  );
}

/** The core's field for each option of the engine. The option's doc comment must name the core's default. */
const ENGINE_FIELDS = {
  commandTimeoutMs: 'command_timeout',
  connectBudgetMs: 'connect_budget',
  writeTimeoutMs: 'write_timeout',
  leaseMs: 'lease',
  renewMs: 'renew_every',
  lockTimeoutMs: 'lock_timeout',
  longestLoadMs: 'longest_load',
  maxUndelivered: 'undelivered_max',
};

function engineOptions() {
  const defaults = engineDefaults();
  const list = properties('lib/manager/options.ts', 'CacheEngineOptions');
  for (const { name, doc } of list) {
    const said = /Default ([\d,]+)\./.exec(doc)?.[1].replace(/,/g, '');
    const holds = defaults[ENGINE_FIELDS[name]];
    if (name in ENGINE_FIELDS && said !== holds) throw new Error(`docs-tables: ${name} says ${said}, and the core's default is ${holds}`);
  }
  return list;
}

const grouped = (digits) => Number(digits.replace(/_/g, '')).toLocaleString('en-US');
const MIB = 1024 * 1024;

function bounds() {
  const engine = engineDefaults();
  const seconds = (field) => `${Number(engine[field]) / 1000} s`;
  const validate = (name) => grouped(found('lib/cache/validate.ts', new RegExp(`export const ${name} = ([\\d_]+);`)));
  const queue = 'lib/manager/cluster.ts';
  const limits = found('src/resp/scan.rs', /Self \{ (depth: .*) \}\n/);
  const reply = 2 ** Number(/bytes: 1 << (\d+)/.exec(limits)[1]);
  return [
    ['breaker', `opens after ${engine.breaker_after} time-outs in a row for ${seconds('breaker_first')}, doubling to ${seconds('breaker_longest')}; one trial call closes it`],
    ['pause after a failed refresh', `${seconds('backoff_first')}, doubling to ${seconds('backoff_longest')}, for the whole fleet`],
    ['`ttl`', `1 ms to ten years; without one \`CACHE_DEFAULT_TTL\``],
    ['tags', `at most ${validate('MAX_TAGS')} for one entry, of at most ${validate('MAX_TAG_BYTES')} bytes each`],
    ['reconnect', `after at most min(\`REDIS_RETRY_DELAY\` x attempt, ${grouped(found('lib/manager/options.ts', /MAX_DELAY_MS = ([\d_]+)/))}) ms with full jitter, without an end`],
    [
      "queue of each of the manager's clients",
      `${grouped(found(queue, /maxQueueCommands: ([\d_]+)/))} commands or ${found(queue, /maxQueueBytes: (\d+) << 20/)} MiB; no limit for clients that you make with \`new Redis\`, as in ioredis`,
    ],
    ['one reply', `nests at most ${/depth: (\d+)/.exec(limits)[1]} deep and has at most ${reply / MIB} MiB`],
    ['silent connection', `checked after ${Number(found('lib/options/options.ts', /watchdogMs: (\d+),/)) / 1000} s (\`watchdogMs\`); given up within 10 s if only fast reads wait and a second connection gets an answer, and within about 15 s in any case if the sent data is not acknowledged`],
    ['`get`, `getMany`, `has`', 'answer within `commandTimeoutMs` of silence (`connectBudgetMs` while the first connection is opened)'],
    ['`getOrSet`, `getOrSetMany`, `StaleWhileRevalidate.get`', 'the same before the loader and again for storing its result, plus `lockTimeoutMs` for loads of others and the loader\'s own time'],
    ['`set`, `setWithTags`, `setMany`, `delete`, `deleteMany`, `invalidateTags`, `clear`', 'settle within `writeTimeoutMs` of silence'],
    ['`deletePattern`, `applyInvalidation` of a pattern', '`writeTimeoutMs` for each step of the scan'],
    ['`explain`, and each step of `entriesByPattern`', 'settle within `writeTimeoutMs`'],
    ['the calls of `memo()`', 'as those of the repository'],
    ['`PubSubService.initialize`, `publish`, `close`', `settle within ${grouped(found('lib/pubsub/index.ts', /BUS_TIMEOUT_MS = ([\d_]+)/))} ms; \`initialize\` takes at most twice that if it changes the channel`],
    ['a listener of the bus', `works on at most ${grouped(found('lib/pubsub/index.ts', /MAX_PENDING = ([\d_]+)/))} messages; newer ones are dropped, and the event \`gap\` says so`],
    ['`getMainClient`, `getSubscriberClient`, `getPublisherClient`', 'resolve at once; their commands wait for `maxRetries` reconnects, or without limit on a silent server: set `commandTimeout` in `redis`'],
    ['`withConnection`', `waits at most \`pool.waitTimeoutMs\` for a connection, and at most ${grouped(found('lib/manager/lending.ts', /CLEAN_MS = ([\d_]+)/))} ms for a connection to be cleaned; in between as long as its function takes`],
    ['`warmCache`', 'ends with its tasks, or when its `signal` aborts'],
    ['`healthCheck`, `redisHealthCheck`, `redisHealthHandler`, `stats`', `answer within ${grouped(found('lib/manager/health.ts', /HEALTH_TIMEOUT_MS = ([\d_]+)/))} ms`],
    ['`closeAll`', `takes at most \`timeoutMs\`, by default ${grouped(found('lib/manager/shutdown.ts', /default: ([\d_]+) \}/))} ms`],
  ];
}

// --- errors ----------------------------------------------------------------------------------------------------------------------

/** Codes that exist only in the facade. */
const FACADE_ERRORS = [
  ['E_REDIRECTIONS', 'The nodes of a cluster refused the command, or their connections were lost, more than `maxRedirections` times.', false],
  ['E_LOADER_TIMEOUT', 'A loader took longer than `loaderTimeoutMs` allows.', false],
  ['E_NOTHING_TO_KEEP', 'A loader called `keep()` where there is no value to keep.', false],
  ['E_LOAD_CYCLE', 'A loader asked for a key that waits for the same loader, directly or through other loaders.', false],
  ['E_LOAD_OVER', 'A method of a loader\'s context was called after the loader had settled.', false],
  ['E_NOT_REPLICATED', 'An invalidation took effect, but fewer replicas than `minReplicas` have it; a failover may undo it.', true],
  ['E_TOO_LARGE', 'A value is longer than may be stored (`maxValueBytes`, or a lower limit of the server).', false],
  ['E_CREDENTIALS', 'The function `credentials` or `tls` of a client has failed, was too slow, or returned something else; `cause` says why.', true],
  ['E_NO_BINARY', 'No native binary fits this platform and this version of hawser, or it cannot be loaded; the message names the cause and the solution.', false],
];

function errors() {
  const text = read('src/error.rs');
  const docs = Object.fromEntries([...text.matchAll(/ {4}\/\/\/ (.+)\n {4}(\w+),\n/g)].map(([, doc, kind]) => [kind, doc]));
  const retryable = found('src/error.rs', /matches!\(\s*self,\s*([^)]*?)\s*\)/);
  const own = [...text.matchAll(/Self::(\w+) => "(E_\w+)"/g)].map(([, kind, code]) => {
    if (docs[kind] === undefined) throw new Error(`docs-tables: ErrorKind::${kind} has no doc comment of one line`);
    return [code, docs[kind], new RegExp(`Self::${kind}\\b`).test(retryable)];
  });
  const all = [...own, ...FACADE_ERRORS];
  const known = new Set(all.map(([code]) => code));
  for (const file of readdirSync(path.join(root, 'lib'), { recursive: true })) {
    if (!file.endsWith('.ts')) continue;
    for (const [, code] of read(path.join('lib', file)).matchAll(/'(E_[A-Z_]+)'/g)) {
      if (!known.has(code)) throw new Error(`docs-tables: lib/${file} has the code ${code}, which no table explains`);
    }
  }
  return table(['code', 'meaning', 'may succeed later unchanged'], all.map(([code, doc, later]) => [`\`${code}\``, doc, later ? 'yes' : 'no']));
}

// --- environment -----------------------------------------------------------------------------------------------------------------

function environment() {
  return fromSource('env').environmentTable();
}

// --- bundlers --------------------------------------------------------------------------------------------------------------------

/** The lines that the error in a bundle names. */
function bundlers() {
  const { LEAVE_OUT, TAKE_IN } = fromSource('native_error');
  const takeIn = new Map(TAKE_IN);
  return table(
    ['bundler', 'leaves hawser out', 'or copies the binary'],
    LEAVE_OUT.map(([tool, line]) => [tool, `\`${line}\``, takeIn.has(tool) ? `\`${takeIn.get(tool)}\`` : '']),
  );
}

/** Loads a file of lib/ from its source, because the build may be older. */
function fromSource(name) {
  require.extensions['.ts'] = (module, file) => {
    const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
    module._compile(ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions }).outputText, file);
  };
  return require(`../lib/${name}.ts`);
}

// --- the pages -------------------------------------------------------------------------------------------------------------------

const call = () => properties('lib/cache/options.ts', 'CacheOptions');
const repository = () => properties('lib/cache/options.ts', 'CacheRepositoryOptions').map(({ name, doc }) => ({ name, doc: resolved(doc, call()) }));
const client = () =>
  properties('lib/options/options.ts', 'CommonRedisOptions')
    .filter(({ doc }) => doc.startsWith('hawser: '))
    .map(({ name, doc }) => ({ name, doc: doc.replace(/^hawser: (.)/, (_, first) => first.toUpperCase()) }));

const metrics = () => [...properties('lib/cache/counters.ts', 'CacheCounters'), ...properties('lib/cache/running.ts', 'RunningLoads')];

/** A metric's labels with their values, and its name for OpenTelemetry, whose API cannot observe histograms. */
function metricRow({ metric: { name, help, type }, samples }) {
  const labels = new Map();
  for (const sample of samples()) {
    for (const [label, value] of Object.entries(sample.labels)) if (label !== 'le') labels.set(label, (labels.get(label) ?? new Set()).add(value));
  }
  const said = [...labels].map(([label, values]) => (FREE_LABELS.has(label) ? `\`${label}\`` : `\`${label}\`: ${[...values].join(', ')}`));
  const { name: otel } = fromSource('otel/names').described(name);
  return [`\`${name}\``, type, said.join('; '), help, type === 'histogram' ? '' : `\`${otel}\``];
}

/** Labels whose values depend on the application. */
const FREE_LABELS = new Set(['repository', 'node']);

/** Every metric of the Prometheus text, with an example of each sample. */
function prometheusMetrics() {
  const { addMetrics, countersOf, readMetrics, timesOf } = fromSource('cache/metrics');
  const connections = ['main', 'subscriber', 'publisher', 'cache'].flatMap((role) => ['ready', 'connecting', 'unused', 'ended'].map((state) => ({ labels: { role, state }, value: 0 })));
  addMetrics(fromSource('cache/process_metrics').processMetrics({ breakers: () => [{ labels: { node: '' }, value: 0 }], connections: () => connections }));
  countersOf('example');
  for (const histogram of Object.values(timesOf('example'))) histogram.observe(1);
  return readMetrics().map(metricRow);
}

const TABLES = {
  environment,
  'call options': () => optionTable(call()),
  'repository options': () => optionTable(repository()),
  'manager options': () => optionTable(properties('lib/manager/options.ts', 'ManagerOptions')),
  'pool options': () => optionTable(properties('lib/manager/options.ts', 'PoolOptions')),
  'cache engine options': () => optionTable(engineOptions()),
  'client options': () => optionTable(client()),
  bundlers,
  metrics: () => table(['in total and by repository', ''], metrics().map(({ name, doc }) => [`\`${name}\``, doc])),
  'otel options': () => optionTable(properties('lib/otel/config.ts', 'HawserInstrumentationConfig')),
  'prometheus metrics': () => table(['metric', 'type', 'labels', 'meaning', 'for OpenTelemetry'], prometheusMetrics()),
  bounds: () => table(['', ''], bounds()),
  errors,
  behaviour: () => `${table(...behaviourTable())}\n\n${behaviourRun()}`,
  ...Object.fromEntries(Object.entries(BENCH_TABLES).map(([name, make]) => [name, () => table(...make())])),
  'bench machine': machines,
};

/** `page` with new tables; `used` collects their names. */
function render(name, page, used) {
  return page.replace(/<!-- table: ([\w ]+) -->\n[\s\S]*?<!-- end -->/g, (_, of) => {
    if (!(of in TABLES)) throw new Error(`docs-tables: ${name} wants the table ${of}; there are: ${Object.keys(TABLES).join(', ')}`);
    used.add(of);
    return `<!-- table: ${of} -->\n${TABLES[of]()}\n<!-- end -->`;
  });
}

const used = new Set();
const made = [...pages().map((name) => ({ name, rendered: render(name, read(name), used) })), { name: CHART, rendered: draw(readResults()) }];
const outdated = made.filter(({ name, rendered }) => read(name) !== rendered);
for (const name of Object.keys(TABLES)) if (!used.has(name)) throw new Error(`docs-tables: no page has a place for the table ${name}`);
if (!process.argv.includes('--check')) for (const { name, rendered } of outdated) writeFileSync(path.join(root, name), rendered);
else if (outdated.length > 0) {
  console.error(`${outdated.map(({ name }) => name).join(', ')}: out of date; run npm run docs:tables`);
  process.exitCode = 1;
}
