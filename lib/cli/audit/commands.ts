/** Commands that block the server, empty it, or carry their time to live as a number in the code. */
import type * as TS from 'typescript';
import { findingAt, type Analysis } from './context';
import { ts } from './parser';
import type { Finding } from './schema';
import { codeOf, literalText, nameText, propertyOf, stripped } from './syntax';
import type { Use } from './uses';

export function findCommands(analysis: Analysis): Finding[] {
  return analysis.uses.flatMap((use) => [...keys(analysis, use), ...flushes(analysis, use), ...times(analysis, use)]);
}

/** A finding about a command. */
function about(analysis: Analysis, use: Use, finding: Pick<Finding, 'kind' | 'severity' | 'message' | 'replacement'>): Finding {
  return findingAt(analysis, use.at, { ...finding, confidence: use.isGuess ? 'possible' : 'sure', code: use.call });
}

function keys(analysis: Analysis, use: Use): Finding[] {
  const inScript = use.name === 'eval' && /redis\.p?call\(\s*["']keys["']/i.test(literalText(use.args[0]) ?? '');
  if (use.name !== 'keys' && !inScript) return [];
  const pattern = use.args[0] === undefined || inScript ? 'pattern' : codeOf(use.args[0]);
  return [
    about(analysis, use, {
      kind: 'keys',
      severity: 'high',
      message: `${inScript ? 'a script runs KEYS' : 'KEYS'}: the server answers nobody else while it looks at every key`,
      replacement: `await cache.invalidateTags([tag]); // or, for what has no tag: await cache.deletePattern(${pattern})`,
    }),
  ];
}

function flushes(analysis: Analysis, use: Use): Finding[] {
  if (use.name !== 'flushall' && use.name !== 'flushdb') return [];
  return [
    about(analysis, use, {
      kind: 'flush',
      severity: 'critical',
      message: `${use.name.toUpperCase()} deletes everything${use.name === 'flushdb' ? ' in the database' : ''}: queues, sessions and blacklists with the cache`,
      replacement: 'await cache.clear();',
    }),
  ];
}

function times(analysis: Analysis, use: Use): Finding[] {
  const ttl = ttlOf(use);
  const seconds = ttl === undefined ? undefined : numberOf(analysis, ttl.value, 0);
  if (ttl === undefined || seconds === undefined) return [];
  const time = ttl.unit === 's' ? seconds.value : seconds.value / 1000;
  const from = seconds.name === undefined ? '' : `, from the constant ${seconds.name}`;
  return [
    about(analysis, use, {
      kind: 'literal-ttl',
      severity: 'low',
      message: `${ttl.how} with a time to live of ${time} s in the code${from}: a tier gives all data of a kind one time`,
      replacement: isMarker(use)
        ? 'state and no cache: keep the command, on await RedisManager.getMainClient()'
        : `defineTiers({ name: { ttl: ${time} } }) once, and new CacheRepository(prefix, { tier: tiers.name })`,
    }),
  ];
}

/** Whether what is stored is a constant: a lock, a mark, an entry of a blacklist. */
function isMarker({ name, args }: Use): boolean {
  const value = name === 'set' ? args[1] : args[2];
  return value !== undefined && ts.isLiteralExpression(stripped(value));
}

interface Ttl {
  readonly value: TS.Expression;
  readonly unit: 's' | 'ms';
  readonly how: string;
}

/** Where a command has its time to live. */
export function ttlOf({ name, args }: Use): Ttl | undefined {
  if ((name === 'setex' || name === 'psetex') && args[1] !== undefined) {
    return { value: args[1], unit: name.startsWith('p') ? 'ms' : 's', how: name.toUpperCase() };
  }
  if (name !== 'set' && name !== 'getex') return undefined;
  for (const [at, arg] of args.entries()) {
    const word = literalText(arg)?.toUpperCase();
    const next = args[at + 1];
    if (at > 0 && (word === 'EX' || word === 'PX') && next !== undefined) return { value: next, unit: word === 'EX' ? 's' : 'ms', how: `${name.toUpperCase()} ${word}` };
    const inner = stripped(arg);
    const ex = propertyOf(inner, 'EX') ?? propertyOf(inner, 'ex');
    if (ex !== undefined) return { value: ex, unit: 's', how: `${name.toUpperCase()} EX` };
    const px = propertyOf(inner, 'PX') ?? propertyOf(inner, 'px');
    if (px !== undefined) return { value: px, unit: 'ms', how: `${name.toUpperCase()} PX` };
    const expiration = propertyOf(inner, 'expiration');
    const value = propertyOf(expiration, 'value');
    if (value !== undefined) return { value, unit: literalText(propertyOf(expiration, 'type')) === 'PX' ? 'ms' : 's', how: `${name.toUpperCase()} with expiration` };
  }
  return undefined;
}

interface Num {
  readonly value: number;
  /** The constant that holds it. */
  readonly name?: string;
}

/** A number that is written in the code: a literal, arithmetic of literals, or a constant of them. */
export function numberOf(analysis: Analysis, expression: TS.Expression, depth: number): Num | undefined {
  const node = stripped(expression);
  if (depth > 8) return undefined;
  if (ts.isNumericLiteral(node)) return { value: Number(node.text.replace(/_/g, '')) };
  const text = literalText(node);
  if (text !== undefined && /^\d+$/.test(text)) return { value: Number(text) };
  if (ts.isBinaryExpression(node)) {
    const left = numberOf(analysis, node.left, depth + 1);
    const right = numberOf(analysis, node.right, depth + 1);
    const value = left === undefined || right === undefined ? undefined : calculated(node.operatorToken.kind, left.value, right.value);
    const name = left?.name ?? right?.name;
    return value === undefined ? undefined : { value, ...(name === undefined ? {} : { name }) };
  }
  if (ts.isIdentifier(node)) return constant(analysis, node, depth);
  return ts.isPropertyAccessExpression(node) ? member(analysis, node, depth) : undefined;
}

function calculated(operator: TS.SyntaxKind, left: number, right: number): number | undefined {
  if (operator === ts.SyntaxKind.AsteriskToken) return left * right;
  if (operator === ts.SyntaxKind.PlusToken) return left + right;
  if (operator === ts.SyntaxKind.MinusToken) return left - right;
  return operator === ts.SyntaxKind.SlashToken ? left / right : undefined;
}

function constant(analysis: Analysis, node: TS.Identifier, depth: number): Num | undefined {
  const unit = analysis.project.unitOf(node);
  const declared = unit.lookup(node, node.text);
  if (declared === undefined || declared.assigned.length > 0) return undefined;
  const named = (found: Num | undefined): Num | undefined => (found === undefined ? undefined : { value: found.value, name: node.text });
  const target = declared.node;
  if (ts.isVariableDeclaration(target)) return target.initializer === undefined || (target.parent.flags & ts.NodeFlags.Const) === 0 ? undefined : named(numberOf(analysis, target.initializer, depth + 1));
  if (!ts.isImportSpecifier(target)) return undefined;
  const specifier = literalText(target.parent.parent.parent.moduleSpecifier);
  const file = specifier === undefined ? undefined : analysis.project.resolve(unit.path, specifier);
  const exported = file === undefined ? undefined : analysis.project.unit(file)?.exports.get((target.propertyName ?? target.name).text);
  if (exported === undefined || !('node' in exported) || !ts.isVariableDeclaration(exported.node) || exported.node.initializer === undefined) return undefined;
  return named(numberOf(analysis, exported.node.initializer, depth + 1));
}

/** `TTL.orders` and `Service.TTL`: a property of a constant object, or a static property of a class. */
function member(analysis: Analysis, node: TS.PropertyAccessExpression, depth: number): Num | undefined {
  for (const value of analysis.evaluator.values(node.expression)) {
    const initializer = value.kind === 'object' ? propertyOf(value.node, node.name.text) : value.kind === 'class' || value.kind === 'instance' ? fieldOf(value.node, node.name.text) : undefined;
    const found = initializer === undefined ? undefined : numberOf(analysis, initializer, depth + 1);
    if (found !== undefined) return { value: found.value, name: codeOf(node) };
  }
  return undefined;
}

function fieldOf(node: TS.ClassLikeDeclaration, name: string): TS.Expression | undefined {
  const field = node.members.find((one) => ts.isPropertyDeclaration(one) && nameText(one.name) === name);
  return field !== undefined && ts.isPropertyDeclaration(field) ? field.initializer : undefined;
}
