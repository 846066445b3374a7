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
    if (program !== undefined) writeFileSync(file, program, 'latin1');
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
  /** The loader's name stands at the end of a large file, as patchelf leaves it. */
  const patched = (loader: string): string => {
    const header = Buffer.alloc(64 + 56);
    header.write('\u007fELF', 'latin1');
    header.writeBigUInt64LE(64n, 32);
    header.writeUInt16LE(56, 54);
    header.writeUInt16LE(1, 56);
    header.writeUInt32LE(3, 64);
    header.writeBigUInt64LE(20_000n, 64 + 8);
    return header.toString('latin1') + '\0'.repeat(20_000 - header.length) + loader;
  };
  const GLIBC = { glibcVersionRuntime: '2.36' };

  test.each([
    ['its program names the loader of musl', elf('/lib/ld-musl-x86_64.so.1'), 'GNU C Library', GLIBC, 'linux-x64-musl', []],
    ['its program names the loader of glibc', elf('/lib64/ld-linux-x86-64.so.2'), 'musl', {}, 'linux-x64-gnu', []],
    ['its program names a loader in a place of its own', elf('/nix/store/abc-glibc-2.39/lib/ld-linux-aarch64.so.1'), undefined, {}, 'linux-x64-gnu', []],
    ['its program names the loader of musl far from its start', patched('/lib/ld-musl-aarch64.so.1'), 'GNU C Library', GLIBC, 'linux-x64-musl', []],
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
