/**
 * Which library a client cannot be of at a place, because code around it has asked: `client instanceof Redis`, `typeof client.send === 'function'`,
 * `'isOpen' in client`, a function of the code base that asks so. Only for members that tell libraries apart; everything else proves nothing.
 */
import type * as TS from 'typescript';
import type { Evaluation } from './evaluation';
import { clientType, hasMarker } from './libraries';
import { ts } from './parser';
import { isFunction, literalText, pathOf, propertyName, stripped } from './syntax';
import type { Value } from './values';

type Client = Value & { kind: 'client' };

/** Whether a client can be what was asked for; undefined: the question proves nothing. */
type Test = (client: Client) => boolean | undefined;

const MAX_DEPTH = 3;
const MAX_UP = 60;

/** `values` of the expression `node` without the clients that the tests around it exclude. */
export function narrowed(evaluation: Evaluation, node: TS.Expression, values: readonly Value[]): readonly Value[] {
  if (!values.some(({ kind }) => kind === 'client')) return values;
  const path = pathOf(node);
  const tests = path === undefined ? [] : testsAround(evaluation, node, path);
  return tests.length === 0 ? values : values.filter((value) => value.kind !== 'client' || tests.every((test) => test(value) !== false));
}

/** What holds at a node: of the conditions that it is in, and of those before it that end the function. */
function testsAround(evaluation: Evaluation, node: TS.Node, path: string): Test[] {
  const tests: Test[] = [];
  const add = (condition: TS.Expression, holds: boolean): void => void tests.push(...testsIn(evaluation, condition, path, holds, 0));
  let inner = node;
  for (let up = 0; up < MAX_UP && (inner.parent as TS.Node | undefined) !== undefined; up++) {
    const { parent } = inner;
    if (ts.isIfStatement(parent) && inner !== parent.expression) add(parent.expression, inner === parent.thenStatement);
    if (ts.isConditionalExpression(parent) && inner !== parent.condition) add(parent.condition, inner === parent.whenTrue);
    if (ts.isBinaryExpression(parent) && inner === parent.right) {
      if (parent.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken) add(parent.left, true);
      if (parent.operatorToken.kind === ts.SyntaxKind.BarBarToken) add(parent.left, false);
    }
    if (ts.isBlock(parent)) {
      for (const statement of parent.statements) {
        if (statement === inner) break;
        if (ts.isIfStatement(statement) && statement.elseStatement === undefined && ends(statement.thenStatement)) add(statement.expression, false);
      }
    }
    inner = parent;
  }
  return tests;
}

/** Whether a statement leaves its block. */
function ends(statement: TS.Statement): boolean {
  if (ts.isBlock(statement)) return statement.statements.some(ends);
  return ts.isReturnStatement(statement) || ts.isThrowStatement(statement) || ts.isContinueStatement(statement) || ts.isBreakStatement(statement);
}

/** What a condition asks of the path, if it holds or does not hold. */
function testsIn(evaluation: Evaluation, condition: TS.Expression, path: string, holds: boolean, depth: number): Test[] {
  const node = stripped(condition);
  const inside = (inner: TS.Expression, isTrue: boolean): Test[] => (depth > MAX_DEPTH * 4 ? [] : testsIn(evaluation, inner, path, isTrue, depth + 1));
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) return inside(node.operand, !holds);
  if (ts.isBinaryExpression(node)) {
    const { kind } = node.operatorToken;
    if (kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.BarBarToken) {
      const both = (kind === ts.SyntaxKind.AmpersandAmpersandToken) === holds;
      const [left, right] = [inside(node.left, holds), inside(node.right, holds)];
      return both ? [...left, ...right] : either(left, right);
    }
    return compared(evaluation, node, path, holds);
  }
  if (ts.isIdentifier(node)) {
    const declared = evaluation.project.unitOf(node).lookup(node, node.text)?.node;
    const isConstant = declared !== undefined && ts.isVariableDeclaration(declared) && (declared.parent.flags & ts.NodeFlags.Const) !== 0;
    return isConstant && declared.initializer !== undefined ? inside(declared.initializer, holds) : [];
  }
  if (ts.isCallExpression(node)) return asked(evaluation, node, path, holds, depth);
  const member = memberOf(node, path);
  return member === undefined || !holds ? [] : [has(member, true)];
}

/** One of two sides holds, so that a client is excluded if both exclude it. */
function either(left: readonly Test[], right: readonly Test[]): Test[] {
  if (left.length === 0 || right.length === 0) return [];
  const excludes = (tests: readonly Test[], client: Client): boolean => tests.some((test) => test(client) === false);
  return [(client) => !(excludes(left, client) && excludes(right, client))];
}

function compared(evaluation: Evaluation, { left, right, operatorToken: { kind } }: TS.BinaryExpression, path: string, holds: boolean): Test[] {
  if (kind === ts.SyntaxKind.InKeyword) {
    const name = literalText(stripped(left));
    return name === undefined || pathOf(right) !== path ? [] : [has(name, holds)];
  }
  if (kind === ts.SyntaxKind.InstanceOfKeyword) return pathOf(left) === path ? [instance(evaluation, right, holds)] : [];
  const isEqual = kind === ts.SyntaxKind.EqualsEqualsEqualsToken || kind === ts.SyntaxKind.EqualsEqualsToken;
  if (!isEqual && kind !== ts.SyntaxKind.ExclamationEqualsEqualsToken && kind !== ts.SyntaxKind.ExclamationEqualsToken) return [];
  const [subject, literal] = literalText(stripped(right)) !== undefined ? [stripped(left), literalText(stripped(right))] : [stripped(right), literalText(stripped(left))];
  if (literal === undefined || !ts.isTypeOfExpression(subject)) return [];
  const name = memberOf(stripped(subject.expression), path);
  if (name === undefined) return [];
  return [has(name, literal === 'undefined' ? isEqual !== holds : isEqual === holds)];
}

/** `path.name`. */
function memberOf(node: TS.Node, path: string): string | undefined {
  const name = propertyName(node);
  return name !== undefined && pathOf((node as TS.PropertyAccessExpression).expression) === path ? name : undefined;
}

const has = (name: string, isThere: boolean): Test => ({ library }) => {
  const known = hasMarker(library, name);
  return known === undefined ? undefined : known === isThere;
};

function instance(evaluation: Evaluation, type: TS.Expression, holds: boolean): Test {
  const classes = evaluation.values(type);
  const isKnown = classes.length > 0 && classes.every((value) => value.kind === 'class' || (value.kind === 'package' && clientType(value.name, value.path) !== undefined));
  // One class of a library does not stand for all of its clients.
  if (!isKnown || !holds) return () => undefined;
  const libraries = new Set(classes.flatMap((value) => (value.kind === 'package' ? value.name : value.kind === 'class' ? evaluation.heritage(value.node).flatMap((base) => (base.kind === 'package' ? base.name : [])) : [])));
  return ({ library }) => libraries.has(library);
}

/** `isBun(client)`: what the function asks of its parameter. */
function asked(evaluation: Evaluation, call: TS.CallExpression, path: string, holds: boolean, depth: number): Test[] {
  const at = call.arguments.findIndex((argument) => pathOf(argument) === path);
  if (at < 0 || depth > MAX_DEPTH) return [];
  return evaluation.values(call.expression).flatMap((callee) => {
    if (callee.kind !== 'function' || callee.node.body === undefined) return [];
    const parameter = callee.node.parameters[at]?.name;
    if (parameter === undefined || !ts.isIdentifier(parameter)) return [];
    const result = resultOf(callee.node.body);
    return result === undefined ? [] : testsIn(evaluation, result, parameter.text, holds, depth + 1);
  });
}

/** The one expression that a function returns. */
function resultOf(body: TS.ConciseBody): TS.Expression | undefined {
  if (!ts.isBlock(body)) return body;
  const last = body.statements[body.statements.length - 1] as TS.Statement | undefined;
  const others = body.statements.slice(0, -1);
  const isSimple = others.every((statement) => ts.isVariableStatement(statement)) && !others.some((statement) => isFunction(statement));
  return isSimple && last !== undefined && ts.isReturnStatement(last) ? last.expression : undefined;
}
