/** How the platform of a process is detected, above all its C library. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { runNode } from '../helpers/process';

describe('the platform', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'hawser-platform-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** The platform name of a Linux process whose program begins with `program`, and the sources that were read. */
  const platformOf = async (program: string | undefined, ldd: string | undefined, report: object): Promise<[name: string, asked: string[]]> => {
    mkdirSync(folder, { recursive: true });
    const file = path.join(folder, 'program');
    rmSync(file, { force: true });
    if (program !== undefined) writeFileSync(file, program);
    const { stdout, stderr } = await runNode(`
      const asked = [];
      const set = (on, name, value) => Object.defineProperty(on, name, { value, configurable: true });
      set(process, 'platform', 'linux');
      set(process, 'arch', 'x64');
      set(process, 'execPath', ${JSON.stringify(file)});
      const fs = require('node:fs');
      const { readFileSync } = fs;
      fs.readFileSync = (name, ...rest) => {
        if (name !== '/usr/bin/ldd') return readFileSync(name, ...rest);
        asked.push('ldd');
        const text = ${JSON.stringify(ldd ?? null)};
        if (text === null) throw new Error('no such file');
        return text;
      };
      set(process, 'report', { excludeNetwork: false, getReport() { asked.push('report'); return { header: ${JSON.stringify(report)} }; } });
      console.log(JSON.stringify([require('./binding/platform.js').platformName(), asked]));`);
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout) as [string, string[]];
  };
  const elf = (loader: string): string => `\u007fELF${'\0'.repeat(600)}${loader}\0${'\0'.repeat(100)}`;
  const GLIBC = { glibcVersionRuntime: '2.36' };

  test.each([
    ['its program names the loader of musl', elf('/lib/ld-musl-x86_64.so.1'), 'GNU C Library', GLIBC, 'linux-x64-musl', []],
    ['its program names the loader of glibc', elf('/lib64/ld-linux-x86-64.so.2'), 'musl', {}, 'linux-x64-gnu', []],
    ['its program names a loader in a place of its own', elf('/nix/store/abc-glibc-2.39/lib/ld-linux-aarch64.so.1'), undefined, {}, 'linux-x64-gnu', []],
    ['its program names none, and ldd is of musl', elf(''), '#!/bin/sh\nexec /lib/ld-musl-x86_64.so.1 --list "$@" # musl', GLIBC, 'linux-x64-musl', ['ldd']],
    ['its program cannot be read, and ldd is of glibc', undefined, '# This file is part of the GNU C Library.', {}, 'linux-x64-gnu', ['ldd']],
    ['nothing but the report tells glibc', undefined, undefined, GLIBC, 'linux-x64-gnu', ['ldd', 'report']],
    ['nothing but the report tells musl', undefined, undefined, {}, 'linux-x64-musl', ['ldd', 'report']],
  ])('is known when %s', async (_, program, ldd, report, name, asked) => {
    expect(await platformOf(program, ldd, report)).toEqual([name, asked]);
  });

  test('of this process needs no report', async () => {
    const { stdout } = await runNode(`
      Object.defineProperty(process, 'report', { get() { throw new Error('not allowed'); } });
      console.log(require('hawser').name);`);
    expect(stdout).toBe('Redis\n');
  });
});
