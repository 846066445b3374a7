'use strict';

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/__test__', '<rootDir>/lib'],
  testMatch: ['<rootDir>/__test__/**/*.spec.ts'],
  // Nested packages (bench, packages of applications) have their own dependencies.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/__test__/bench/'],
  modulePathIgnorePatterns: ['<rootDir>/target/', '<rootDir>/.cache/', '<rootDir>/__test__/bench/', '<rootDir>/__test__/packages?/(.*/)?node_modules/'],
  // tsc checks the types once; jest only transpiles.
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/tsconfig.json', transpilation: true }] },
  // `hawser` in a spec is the built package; `../lib` is the source.
  moduleNameMapper: { '^hawser$': '<rootDir>/index.js' },
  setupFiles: ['<rootDir>/__test__/helpers/transport.cjs'],
  // Tests start and kill servers, which takes time on a busy machine. Nothing sleeps this long.
  testTimeout: 30_000,
  maxWorkers: 2,
};
