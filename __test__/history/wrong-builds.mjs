// Proves that the history checker finds what it is for: builds hawser with one rule of the protocol taken out, and runs the checker on it
// until something is wrong. Ends with code 1 if a wrong build passes. Each build takes a minute or two.
//
//     npm run history:wrong-builds
//     npm run history:wrong-builds -- 'a blind PLACE'

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
  'versions captured after the loader': {
    file: 'src/scripts/commit.lua',
    find: "redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])",
    put: `local stored = string.gsub(ARGV[3], '(%d+):([^:]-) (%S%S%S%S%S%S%S%S%S%S%S%S%S%S%S%S)', function(length, tag, captured)
  local current = redis.call('GET', 'history#v{:' .. tag .. '}')
  return length .. ':' .. tag .. ' ' .. (current and string.sub(current, 6, 21) or captured)
end)
redis.call('SET', KEYS[1], stored, 'PX', ARGV[4])`,
  },
  'near copies that outlive a push': near('PushDrops'),
  'near copies that outlive a gap': near('GapDrops'),
  'near fills that are not poisoned': { ...near('PushRefusesFills | Fence::WriteRefusesFills | Fence::FlushRefusesFills'), only: 'cluster' },
};

/** A copy of the checkout's files with one change. */
function copyWith({ file, find, put }, folder) {
  rmSync(folder, { recursive: true, force: true });
  for (const name of execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).trim().split('\n')) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    copyFileSync(path.join(root, name), path.join(folder, name));
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  const text = readFileSync(path.join(folder, file), 'utf8');
  if (text.split(find).length !== 2) throw new SetupError(`${file} does not contain the line that is to be changed, or contains it twice`);
  writeFileSync(path.join(folder, file), text.replace(find, () => put));
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
  say(`${found ? 'found    ' : 'NOT FOUND'}  ${name}: ${found ? /\d+ operations/.exec(output)[0] : output}`);
  return Boolean(found);
}

await entry(async () => {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(WRONG);
  for (const name of names) {
    if (!WRONG[name]) throw new SetupError(`no wrong build is called ${name}; there are: ${Object.keys(WRONG).join(', ')}`);
    if (!(await isFound(name, WRONG[name]))) process.exitCode = 1;
  }
});
