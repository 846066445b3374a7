import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { runNode } from '../helpers/process';

describe('the check of the dependency direction', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'hawser-rooms-'));
    mkdirSync(path.join(folder, 'lib'));
    mkdirSync(path.join(folder, 'src'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const check = (file: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
    return runNode('scripts/check-rooms.mjs', { args: [folder] });
  };

  test.each([
    ['src/cache/engine.rs', 'use napi::Env;', 'napi'],
    ['src/conn/link.rs', '#[napi]', 'napi'],
    ['src/conn/link.rs', '    tokio::spawn(async {});', 'tokio'],
    ['src/node/link.rs', 'use tokio::net::TcpStream;', 'tokio'],
    ['src/conn/link.rs', 'use std::net::TcpStream;', 'socket'],
    ['src/cache/engine.rs', 'let now = Instant::now();', 'clock'],
    ['src/cache/engine.rs', 'let now = std::time::SystemTime::now();', 'clock'],
    ['src/store/redis/mod.rs', 'getrandom::fill(&mut bytes)', 'entropy'],
    ['src/resp/scan.rs', 'use crate::conn::Link;', 'conn'],
    ['src/conn/link.rs', 'use crate::{cache::Engine, resp};', 'cache'],
    ['src/cache/loads.rs', 'fn end(engine: &mut Engine) {}', 'engine'],
    ['lib/client/redis.ts', "const native = require('../binding/hawser.linux-x64-gnu.node');", 'binding'],
    ['lib/client/redis.ts', "import { Redis } from '../../dist/redis';", 'lib imports'],
    ['lib/command/pipeline.ts', "import type { Redis } from '../client/redis';", 'layer'],
    ['lib/cache/options.ts', "import { settings } from '../manager';", 'layer'],
  ])('%s: %s is found', async (file, text, says) => {
    const { code, stdout } = await check(file, text);
    expect(code).toBe(1);
    expect(stdout).toContain(`${file}:1: `);
    expect(stdout).toContain(says);
  });

  test.each([
    ['two files of lib, by their types', { 'lib/link/a.ts': "import type { B } from './b';", 'lib/link/b.ts': "import type { A } from './a';" }, 'lib/link/a.ts, lib/link/b.ts'],
    [
      'three modules of the crate, through what a module re-exports',
      {
        'src/conn/mod.rs': 'mod a;\nmod b;\nmod c;\npub use a::A;',
        'src/conn/a.rs': 'use super::b::{B, Other};\npub struct A;',
        'src/conn/b.rs': 'fn f() { super::c::g(); }',
        'src/conn/c.rs': 'use super::A;',
      },
      'src/conn/a.rs, src/conn/b.rs, src/conn/c.rs',
    ],
  ])('a circle of files is found: %s', async (_, files, says) => {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), text);
    }
    const { code, stdout } = await runNode('scripts/check-rooms.mjs', { args: [folder] });
    expect(code).toBe(1);
    expect(stdout).toContain(says);
  });

  test.each([
    ['src/node/link.rs', 'use napi::Env;\nuse crate::conn::Link;'],
    ['src/conn/a.rs', 'use super::Kind;\nuse super::Kind as Other;'],
    ['lib/manager/index.ts', "import { validate } from '../cache/validate';"],
    ['src/tokio_io/driver.rs', 'use tokio::net::TcpStream;\nlet now = Instant::now();'],
    ['src/conn/link.rs', '// tokio::spawn would be wrong here\nuse crate::resp::Reply;\n#[cfg(test)]\nmod tests { use std::time::Instant; fn f() { Instant::now(); } }'],
    ['lib/native.ts', "import { binaryName } from '../binding/platform.js';"],
  ])('%s is allowed', async (file, text) => {
    expect(await check(file, text)).toMatchObject({ code: 0 });
  });
});
