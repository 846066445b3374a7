// Proves that the history checker finds what it is for: builds hawser with one rule of the protocol taken out, and runs the checker on it
// until something is wrong. Ends with code 1 if a wrong build passes. Each build takes a minute or two.
//
//     npm run history:wrong-builds
//     npm run history:wrong-builds -- 'a blind PLACE'
//     npm run history:wrong-builds -- --check               only whether each change can be made to the files as they are

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { entry, root, run, say, SetupError } from '../../scripts/setup/run.mjs';

/** A near cache without one of its fences. */
function near(fences) {
  const find = '    const fn has(&self, _fence: Fence) -> bool {\n        true\n    }';
  const put = `    const fn has(&self, fence: Fence) -> bool {\n        !matches!(fence, Fence::${fences})\n    }`;
  return { file: 'src/cache/near/mod.rs', find, put };
}

/** A COMMIT that puts versions of its own moment into the header `!<version of the repository>(<length of name>:<name><version>)*`. */
function commitsWith(versions) {
  return {
    file: 'src/scripts/commit.lua',
    find: "redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])",
    put: `local size = #ARGV[1]
local function now(key, captured)
  local current = redis.call('GET', key)
  return current and string.match(current, '^%S+ (%S+)') or captured
end
local start = string.find(ARGV[3], '!', 1, true)
local repository = string.sub(ARGV[3], start + 1, start + size)
local tags, at = '', start + size + 1
while true do
  local _, stop, length = string.find(ARGV[3], '^(%d+):', at)
  if not stop then break end
  local tag = string.sub(ARGV[3], stop + 1, stop + length)
  at = stop + length + size + 1
  local captured = string.sub(ARGV[3], at - size, at - 1)
  tags = tags .. length .. ':' .. tag .. ${versions.tag}
end
redis.call('SET', KEYS[1], string.sub(ARGV[3], 1, start) .. ${versions.repository} .. tags .. string.sub(ARGV[3], at), 'PX', ARGV[4])`,
  };
}

/** `find` stands once in `file`. */
const WRONG = {
  'a load that stores without its lease': {
    file: 'src/scripts/held_lease.lua',
    find: 'if not place then\n  return 0\nend',
    put: "if not place then\n  place = 'entry'\nend",
  },
  'a blind PLACE': {
    file: 'src/scripts/place.lua',
    find: 'if name ~= ARGV[1] then',
    put: 'if false then',
  },
  'versions captured after the loader': commitsWith({ tag: "now('history#v{:' .. tag .. '}', captured)", repository: 'repository' }),
  'the version of the repository captured after the loader': commitsWith({ tag: 'captured', repository: "now('history#c{:}', repository)" }),
  'a clear that changes nothing': {
    file: 'src/cache/job.rs',
    find: 'let own = repo.own_versions(is_cluster).iter();',
    put: 'let own = repo.own_versions(is_cluster).iter().take(0);',
  },
  'reads that do not look at the version of the repository': {
    file: 'src/cache/tags.rs',
    find: 'Some(current) if current == captured => {}\n            _ if self.is_after',
    put: 'Some(_) => {}\n            _ if self.is_after',
  },
  'near copies that outlive a push': near('PushDrops'),
  'near copies that outlive a gap': near('GapDrops'),
  'near fills that are not poisoned': { ...near('PushRefusesFills | Fence::WriteRefusesFills | Fence::FlushRefusesFills'), only: 'cluster' },
};

/** The file with the change. */
function changed({ file, find, put }) {
  const text = readFileSync(path.join(root, file), 'utf8');
  if (text.split(find).length !== 2) throw new SetupError(`${file} does not contain the line that is to be changed, or contains it twice`);
  return text.replace(find, () => put);
}

/** A copy of the checkout's files with one change. */
function copyWith({ file, find, put }, folder) {
  rmSync(folder, { recursive: true, force: true });
  for (const name of execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).trim().split('\n')) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    copyFileSync(path.join(root, name), path.join(folder, name));
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  writeFileSync(path.join(folder, file), changed({ file, find, put }));
}

async function isFound(name, { only = 'standalone', ...change }) {
  const folder = path.join(root, '.cache', 'history', 'wrong');
  copyWith(change, folder);
  const env = { CARGO_TARGET_DIR: path.join(root, '.cache', 'history', 'target') };
  const build = await run('node', ['scripts/setup.mjs', '--native'], { cwd: folder, env, quiet: true });
  if (build.code !== 0) throw new SetupError(`${build.output}\n${name}: the build failed`);
  await run('node', ['scripts/setup.mjs'], { cwd: folder, env, quiet: true });
  const args = ['__test__/helpers/typescript.cjs', '__test__/history/run.ts', '--only', only, '--operations', '1000000'];
  const { code, output } = await run('node', args, { cwd: folder, quiet: true });
  const found = code === 1 && /gives \d+ after an invalidation|was set and is not there/.exec(output);
  say(`${found ? 'found    ' : 'NOT FOUND'}  ${name}: ${found ? /seed \d+: (\d+ operations)/.exec(output)[1] : output}`);
  return Boolean(found);
}

await entry(async () => {
  if (process.argv[2] === '--check') return Object.values(WRONG).forEach(changed);
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(WRONG);
  for (const name of names) {
    if (!WRONG[name]) throw new SetupError(`no wrong build is called ${name}; there are: ${Object.keys(WRONG).join(', ')}`);
    if (!(await isFound(name, WRONG[name]))) process.exitCode = 1;
  }
});
