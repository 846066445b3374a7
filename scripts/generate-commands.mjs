// Writes lib/command/commands.generated.ts, the types of the commands' methods. The names come from @ioredis/commands, the shapes from
// scripts/commands/commands.txt. --check reports whether the file is current.

import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { list } = createRequire(import.meta.url)('@ioredis/commands');
const TABLE = 'scripts/commands/commands.txt';
const TARGET = 'lib/command/commands.generated.ts';

/** Commands written by hand in lib/command/commands.ts, because their result depends on the target or on several arguments. */
const BY_HAND = ['multi', 'exec', 'vsim'];
/** The same names as in lib/command/table.ts: `monitor` is a method of the client, and `sentinel` is not in the list. */
const names = [...list.filter((name) => name !== 'monitor'), 'sentinel'].filter((name) => !BY_HAND.includes(name)).sort();

// --- the table -------------------------------------------------------------------------------------------------------------------

/** Forms by name: `[{ args, reply }]`. */
function readTable(text) {
  const forms = new Map();
  let name;
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return;
    const [left, reply] = line.split(/(?:^|\s)-> /);
    if (reply === undefined) throw new Error(`${TABLE}:${i + 1}: no reply`);
    const tokens = left.split(/\s+/).filter(Boolean);
    if (/^\S/.test(line)) {
      name = tokens.shift();
      if (forms.has(name)) throw new Error(`${TABLE}:${i + 1}: ${name} is there twice`);
      forms.set(name, []);
    }
    forms.get(name).push({ args: tokens, reply: reply.trim() });
  });
  return forms;
}

// --- arguments: every way to leave out, choose and order what a form allows ----------------------------------------------------------

const CLOSING = { '[': ']', '(': ')', '{': '}' };

/** Parses `tokens` into a tree: words, and groups `{ open, parts }` with parts separated by `/` or `;`. */
function parse(tokens, closing) {
  const parts = [[]];
  while (tokens.length > 0) {
    const token = tokens.shift();
    if (token === closing) return parts;
    if (token === '/' || token === ';') parts.push([]);
    else if (token in CLOSING) parts.at(-1).push({ open: token, parts: parse(tokens, CLOSING[token]) });
    else parts.at(-1).push(token);
  }
  if (closing !== undefined) throw new Error(`${TABLE}: ${closing} is missing`);
  return parts;
}

const cross = (lists) => lists.reduce((all, list) => all.flatMap((head) => list.map((tail) => [...head, ...tail])), [[]]);

function expand(sequence) {
  return cross(sequence.map((item) => (typeof item === 'string' ? [[item]] : expandGroup(item))));
}

function expandGroup({ open, parts }) {
  if (open === '(') return parts.flatMap(expand);
  if (open === '[') return [[], ...expand(parts[0])];
  return subsetsInAnyOrder(parts).flatMap((chosen) => cross(chosen.map(expand)));
}

function subsetsInAnyOrder(items) {
  return [[], ...items.flatMap((item) => subsetsInAnyOrder(items.filter((other) => other !== item)).map((rest) => [item, ...rest]))];
}

// --- types -----------------------------------------------------------------------------------------------------------------------

const isKey = (name) => /^(key\d?|keys|newkey|source|destination)$/.test(name);
const RESERVED = new Set(['function', 'delete', 'default']);

function parameter(token, used) {
  const isText = /^[A-Z-]+$|\|/.test(token);
  const word = token.replace(/^\.\.\.\??|[#@]$/g, '');
  let name = isText ? word.toLowerCase().split('|')[0].replace(/-\w/g, ([, letter]) => letter.toUpperCase()) : word;
  if (RESERVED.has(name)) name += 'Name';
  for (let i = 2, base = name; used.has(name); i++) name = `${base}${i}`;
  used.add(name);
  if (isText) return { name, type: word.split('|').map((text) => `'${text}'`).join(' | ') };
  if (token.endsWith('@')) return { name, type: 'object' };
  if (token.endsWith('#')) return { name, type: 'number | string' };
  const type = isKey(word) ? 'RedisKey' : 'RedisValue';
  if (!token.startsWith('...')) return { name, type };
  return { name, type: `Many<${type}>[]`, isRest: true, alone: { name, type: `Many<${type}>` } };
}

function replyType(reply, text) {
  const write = (type) => type.replace(/\bOK\b/g, text === 'Buffer' ? 'Buffer' : "'OK'").replace(/'(PONG|NOKEY)'/g, text === 'Buffer' ? 'Buffer' : '$&').replace(/\bS\b/g, text).replace(/\bF\b/g, `Double<${text}, Context>`);
  const [legacy, resp3] = reply.split(' ~ ').map(write);
  if (resp3 === undefined) return legacy;
  return `Shape<${legacy}, ${resp3}, Context>`;
}

const written = ({ name, type, isRest }) => `${isRest ? '...' : ''}${name}: ${type}`;

/** The signatures of one form. The callback comes last and is optional. */
function signatures(tokens, reply) {
  const used = new Set(['callback']);
  const params = tokens.map((token) => parameter(token, used));
  const callback = { name: 'callback', type: `Callback<${reply}>` };
  const list = (items) => items.map(written).join(', ');
  const at = params.findIndex(({ isRest }) => isRest);
  const withMaybe = (items) => `(${[...items.map(written), `callback?: ${callback.type}`].join(', ')})`;
  if (at < 0) return [withMaybe(params)];
  const lead = params.slice(0, at);
  const tail = params.slice(at + 1);
  if (tokens[at] === '...args') return [`(${list([...lead, { name: 'args', type: `Rest<${reply}>[]`, isRest: true }])})`];
  return [
    ...(tokens[at].startsWith('...?') ? [withMaybe(lead)] : []),
    withMaybe([...lead, params[at].alone, ...tail]),
    `(...args: [${list([...params, callback])}])`,
    tail.length === 0 ? `(${list(params)})` : `(...args: [${list(params)}])`,
  ];
}

function methods(name, forms, text) {
  const method = text === 'Buffer' ? `${name}Buffer` : name;
  const property = /^\w+$/.test(method) ? method : `'${method}'`;
  const lines = forms.flatMap(({ args, reply }) => {
    const type = replyType(reply, text);
    const sequences = expand(parse([...args])[0]);
    return sequences.flatMap((tokens) => signatures(tokens, type)).map((signature) => `  ${property}${signature}: Result<${type}, Context>;`);
  });
  return [...new Set(lines)];
}

const UNKNOWN = [{ args: ['...args'], reply: 'unknown' }];

function render() {
  const table = readTable(readFileSync(path.join(root, TABLE), 'utf8'));
  const strangers = [...table.keys()].filter((name) => !names.includes(name));
  if (strangers.length > 0) throw new Error(`${TABLE}: no such command: ${strangers.join(', ')}`);
  const body = names.flatMap((name) => {
    const forms = table.get(name) ?? UNKNOWN;
    const doc = `  /** [${name.toUpperCase()}](https://redis.io/docs/latest/commands/${name}/) */`;
    return [doc, ...methods(name, forms, 'string'), ...methods(name, forms, 'Buffer')];
  });
  return `/**
 * The methods of all commands. Generated by scripts/generate-commands.mjs from ${TABLE}; do not edit.
 */
import type { Callback, ClientContext, Double, Many, RedisKey, RedisValue, Rest, Result, Shape } from './command_types';

/**
 * Each command has the methods \`x\` and \`xBuffer\`, which returns Buffers for strings. The last argument may be a node-style callback.
 */
export interface GeneratedCommands<Context extends ClientContext> {
${body.join('\n')}
}
`;
}

const target = path.join(root, TARGET);
const rendered = render();
if (!process.argv.includes('--check')) writeFileSync(target, rendered);
else if (readFileSync(target, 'utf8') !== rendered) {
  console.error(`${TARGET} is out of date: run node scripts/generate-commands.mjs`);
  process.exitCode = 1;
}
