// Checks the direction of dependencies that src/lib.rs and docs/design/ define. Prints every line that violates it. `npm test` runs this;
// to run it alone: node scripts/check-rooms.mjs [folder]

import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { circles } from './rooms/circles.mjs';
import { root as here } from './setup/run.mjs';

const root = process.argv[2] ?? here;

// The rooms of the crate in the order of the table in src/lib.rs. A room may name itself and the rooms before it.
const ROOMS = ['error', 'key', 'clock', 'entropy', 'config', 'contract', 'resp', 'command', 'conn', 'sentinel', 'cluster', 'store', 'cache', 'session', 'tokio_io', 'node'];

// The layers of the facade from the bottom up. A file may import from its own layer and from the layers before it.
const LAYERS = [
  ...['contract.generated.ts', 'errors.ts', 'core_error.ts', 'names.ts', 'logger.ts', 'logger_shapes.ts', 'clock.ts', 'abort.ts', 'guard.ts', 'exit.ts', 'turns.ts', 'version.ts', 'native.ts', 'connection_url.ts', 'env.ts', 'peer.ts'],
  ...['tiers', 'browser', 'observe', 'options', 'command', 'link', 'sentinel', 'client', 'cluster', 'cache', 'manager', 'pubsub', 'stream', 'facade', 'http', 'express', 'fastify', 'keyv', 'nestjs', 'next', 'otel', 'index.ts', 'cli'],
];

const CORE = /^src\/(?!node\/|tokio_io\/)/;

const RULES = [
  {
    says: 'only src/node names napi',
    files: /^src\/(?!node\/).*\.rs$/,
    line: /\bnapi(_sys|_derive|_build)?::|\buse napi\b|#\[napi\b/,
  },
  {
    says: 'only src/tokio_io names tokio',
    files: /^src\/(?!tokio_io\/).*\.rs$/,
    line: /\btokio(_(?!io::)[a-z]+)?::|\buse tokio\b|#\[tokio::/,
  },
  {
    says: 'the core opens no socket, file or thread and starts no process',
    files: CORE,
    line: /\bstd::(net|fs|thread|process|os::unix::net)\b|\b(TcpStream|UnixStream|TcpListener|UdpSocket)\b/,
  },
  {
    says: 'the core has no clock: `now` is passed in',
    files: CORE,
    line: /\b(Instant|SystemTime)::now\b|\bUtc::now\b/,
  },
  {
    says: 'the core has no entropy source: random bytes are passed in',
    files: CORE,
    line: /\bgetrandom::|\brand::/,
  },
  {
    says: 'a machine of the cache does not know the engine: only engine.rs and mod.rs name it',
    files: /^src\/cache\/(?!(engine|mod)\.rs$|sim\/|tests\/|[a-z_]+_tests\.rs$).*\.rs$/,
    line: /\bEngine\b/,
  },
  {
    says: 'only lib/native.ts requires the binding',
    files: /^lib\/(?!native\.ts$).*\.ts$/,
    line: /\b(require\(|from )[^;]*\.node['"`]|\bbinding\/|process\.dlopen/,
  },
  {
    says: 'what browsers load has nothing of Node: it imports lib/tiers, lib/errors.ts and lib/names.ts',
    files: /^lib\/(browser|tiers)\/.*\.ts$|^lib\/(errors|names)\.ts$/,
    line: /\bfrom ['"](?!\.\/|\.\.\/(tiers\/|errors['"]|names['"])|idb-keyval['"])|\b(Buffer|process)\b\.|\brequire\(/,
  },
  {
    says: 'lib imports neither what is built from it nor the tests',
    files: /^lib\/.*\.ts$/,
    line: /from ['"](\.\.\/)+(dist|index|__test__|examples)\b|from ['"]hawser['"]/,
  },
];

/** Every source file below `folder`, as a path from the root. */
function* walk(folder) {
  for (const name of readdirSync(path.join(root, folder)).sort()) {
    const file = `${folder}/${name}`;
    if (statSync(path.join(root, file)).isDirectory()) yield* walk(file);
    else if (/\.(rs|ts)$/.test(name)) yield file;
  }
}

/** The code lines of a file, without comments and inline tests. */
function codeLines(file, text) {
  const lines = text.split('\n');
  const end = file.endsWith('.rs') ? lines.findIndex((line, at) => /^#\[cfg\((all\()?test\b/.test(line) && /^mod \w+ \{/.test(lines[at + 1])) : -1;
  return (end < 0 ? lines : lines.slice(0, end)).map((line) => line.replace(/(^|\s)\/\/.*$|^\s*\*.*$|^\s*\/\*.*$/, ''));
}

/** The rooms above its own that a line of `file` names. */
function upward(file, line) {
  const own = ROOMS.indexOf(/^src\/([a-z_]+)/.exec(file)[1]);
  if (own < 0) return [];
  const single = [...line.matchAll(/\bcrate::([a-z_]+)/g)].map((match) => match[1]);
  const group = /\bcrate::\{(.*)/.exec(line)?.[1].match(/[a-z_]+/g) ?? [];
  return [...single, ...group].filter((room) => ROOMS.indexOf(room) > own);
}

/** The layers above its own from which a line of `file` imports. */
function above(file, line) {
  const layer = (target) => LAYERS.indexOf(/^lib\/([^/]+)/.exec(target)?.[1]);
  if (!file.startsWith('lib/') || layer(file) < 0) return [];
  const targets = [...line.matchAll(/\b(?:from|import)\s*\(?['"](\.[^'"]*)['"]/g)].map(([, specifier]) => path.posix.join(path.posix.dirname(file), specifier));
  return targets.map((target) => (/^lib\/[^/]+$/.test(target) && layer(target) < 0 ? `${target}.ts` : target)).filter((target) => layer(target) > layer(file));
}

const found = [];
const texts = [];
for (const file of [...walk('src'), ...walk('lib')]) {
  const lines = codeLines(file, readFileSync(path.join(root, file), 'utf8'));
  texts.push([file, lines.join('\n')]);
  const rules = RULES.filter((rule) => rule.files.test(file));
  lines.forEach((line, at) => {
    for (const rule of rules) if (rule.line.test(line)) found.push(`${file}:${at + 1}: ${rule.says}: ${line.trim()}`);
    for (const target of above(file, line)) found.push(`${file}:${at + 1}: a layer of lib imports only layers below it, not ${target}: ${line.trim()}`);
    if (!file.endsWith('.rs')) return;
    for (const room of upward(file, line)) found.push(`${file}:${at + 1}: a room names only rooms below it, not ${room}: ${line.trim()}`);
  });
}
for (const circle of circles(texts)) found.push(`${circle[0]}:1: a circle of files: ${circle.join(', ')}`);
for (const line of found) console.log(line);
console.log(found.length === 0 ? 'dependency direction: as designed' : `dependency direction: ${found.length} lines against it`);
process.exitCode = found.length === 0 ? 0 : 1;
