/** Where a value goes inside of one function. */
import type * as TS from 'typescript';
import { ts } from './parser';
import { contains, enclosingFunction, isFunction, walk, type FunctionNode } from './syntax';

/** The names that hold what `sources` return, or something made of it, inside of `scope`. */
export function taintedNames(scope: TS.Node, sources: readonly TS.Node[]): Set<string> {
  const names = new Set<string>();
  const mentions = (node: TS.Node | undefined): boolean => node !== undefined && isTainted(node, names, sources);
  for (let size = -1; size !== names.size; ) {
    size = names.size;
    walk(scope, (node) => {
      if (ts.isVariableDeclaration(node)) {
        const loop = node.parent.parent;
        if (mentions(node.initializer) || (ts.isForOfStatement(loop) && mentions(loop.expression))) addNames(node.name, names);
      } else if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken) {
        if (mentions(node.right) && ts.isIdentifier(node.left)) names.add(node.left.text);
      } else if (ts.isCallExpression(node)) {
        taintCall(node, names, mentions);
      }
    });
  }
  return names;
}

/** `list.forEach((one) => ...)`, `promise.then((value) => ...)`, `get(key, (error, value) => ...)`, `all.push(...list)`. */
function taintCall(node: TS.CallExpression, names: Set<string>, mentions: (node: TS.Node | undefined) => boolean): void {
  const base = ts.isPropertyAccessExpression(node.expression) ? node.expression.expression : undefined;
  const isSource = mentions(base) || mentions(node.expression);
  for (const argument of node.arguments) {
    if (isFunction(argument) && (isSource || mentionsItself(node, mentions))) for (const parameter of argument.parameters) addNames(parameter.name, names);
  }
  const isPush = ts.isPropertyAccessExpression(node.expression) && node.expression.name.text === 'push';
  if (isPush && base !== undefined && ts.isIdentifier(base) && node.arguments.some(mentions)) names.add(base.text);
}

/** A source that takes its callback itself. */
const mentionsItself = (node: TS.CallExpression, mentions: (node: TS.Node | undefined) => boolean): boolean => mentions(node) && !node.arguments.some((argument) => !isFunction(argument) && mentions(argument));

/** Whether a node contains a source or a tainted name. */
export function isTainted(node: TS.Node, names: ReadonlySet<string>, sources: readonly TS.Node[]): boolean {
  let found = sources.some((source) => contains(node, source) || node === source);
  if (found) return true;
  walk(node, (inner) => {
    if (found) return false;
    // The insides of a callback are not its value.
    if (inner !== node && isFunction(inner)) return false;
    const parent = inner.parent as TS.Node | undefined;
    if (ts.isIdentifier(inner) && names.has(inner.text) && !(parent !== undefined && ts.isPropertyAccessExpression(parent) && parent.name === inner)) found = true;
    return undefined;
  });
  return found;
}

function addNames(name: TS.BindingName, names: Set<string>): void {
  if (ts.isIdentifier(name)) names.add(name.text);
  else for (const element of name.elements) if (ts.isBindingElement(element)) addNames(element.name, names);
}

/** The functions around a node, from the inside out. */
export function functionsAround(node: TS.Node): FunctionNode[] {
  const found: FunctionNode[] = [];
  for (let up = enclosingFunction(node); up !== undefined; up = enclosingFunction(up)) found.push(up);
  return found;
}

/** The smallest function around `node` that also contains `other`; the file if there is none. */
export function commonScope(node: TS.Node, other: TS.Node): TS.Node {
  return functionsAround(node).find((one) => contains(one, other)) ?? node.getSourceFile();
}
