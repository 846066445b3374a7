/** Small questions about the syntax tree. */
import type * as TS from 'typescript';
import { ts } from './parser';
import type { Place } from './schema';

export type FunctionNode = TS.FunctionDeclaration | TS.FunctionExpression | TS.ArrowFunction | TS.MethodDeclaration | TS.ConstructorDeclaration | TS.GetAccessorDeclaration | TS.SetAccessorDeclaration;
export type ClassNode = TS.ClassDeclaration | TS.ClassExpression;

/** An expression without what does not change its value: parentheses, `await`, `as`, `!`, `satisfies`. */
export function stripped(node: TS.Expression): TS.Expression {
  let inner = node;
  while (ts.isParenthesizedExpression(inner) || ts.isAwaitExpression(inner) || ts.isAsExpression(inner) || ts.isNonNullExpression(inner) || ts.isSatisfiesExpression(inner) || ts.isTypeAssertionExpression(inner)) {
    inner = inner.expression;
  }
  return inner;
}

export function isFunction(node: TS.Node): node is FunctionNode {
  return ts.isFunctionDeclaration(node) || ts.isFunctionExpression(node) || ts.isArrowFunction(node) || ts.isMethodDeclaration(node) || ts.isConstructorDeclaration(node) || ts.isGetAccessorDeclaration(node) || ts.isSetAccessorDeclaration(node);
}

export const isClass = (node: TS.Node): node is ClassNode => ts.isClassDeclaration(node) || ts.isClassExpression(node);

/** The nearest ancestor, without the node itself, for which `test` holds. */
export function ancestor<T extends TS.Node>(node: TS.Node, test: (node: TS.Node) => node is T): T | undefined {
  for (let up = node.parent as TS.Node | undefined; up !== undefined; up = up.parent as TS.Node | undefined) if (test(up)) return up;
  return undefined;
}

export const enclosingFunction = (node: TS.Node): FunctionNode | undefined => ancestor(node, isFunction);
export const enclosingClass = (node: TS.Node): ClassNode | undefined => ancestor(node, isClass);

/** Whether `inner` is `outer` or inside of it. */
export const contains = (outer: TS.Node, inner: TS.Node): boolean => outer.getSourceFile() === inner.getSourceFile() && outer.pos <= inner.pos && inner.end <= outer.end;

/** Calls `visit` for every node below `root`; a visit that returns false keeps out of the node. */
export function walk(root: TS.Node, visit: (node: TS.Node) => boolean | void): void {
  const stack: TS.Node[] = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (visit(node) === false) continue;
    const children: TS.Node[] = [];
    ts.forEachChild(node, (child) => void children.push(child));
    for (let at = children.length - 1; at >= 0; at--) stack.push(children[at]);
  }
}

/** `a.b.c` for identifiers, `this` and names of properties; undefined for anything else. */
export function pathOf(node: TS.Expression): string | undefined {
  const inner = stripped(node);
  if (ts.isIdentifier(inner)) return inner.text;
  if (inner.kind === ts.SyntaxKind.ThisKeyword) return 'this';
  const name = propertyName(inner);
  if (name === undefined) return undefined;
  const base = pathOf((inner as TS.PropertyAccessExpression).expression);
  return base === undefined ? undefined : `${base}.${name}`;
}

/** The name in `x.name` and `x['name']`. */
export function propertyName(node: TS.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) return node.name.text;
  if (ts.isElementAccessExpression(node)) return literalText(node.argumentExpression);
  return undefined;
}

export function literalText(node: TS.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined;
}

/** The name of a member or of an element of a pattern. */
export function nameText(name: TS.Node | undefined): string | undefined {
  if (name === undefined) return undefined;
  if (ts.isIdentifier(name) || ts.isStringLiteralLike(name) || ts.isNumericLiteral(name) || ts.isPrivateIdentifier(name)) return name.text;
  return ts.isComputedPropertyName(name) ? literalText(name.expression) : undefined;
}

export function hasModifier(node: TS.Node, kind: TS.SyntaxKind): boolean {
  return ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === kind);
}

export const isStatic = (node: TS.Node): boolean => hasModifier(node, ts.SyntaxKind.StaticKeyword);

/** The names of a node's decorators with their calls. */
export function decoratorsOf(node: TS.Node): { name: string; call: TS.CallExpression | undefined }[] {
  if (!ts.canHaveDecorators(node)) return [];
  return (ts.getDecorators(node) ?? []).map(({ expression }) => {
    const call = ts.isCallExpression(expression) ? expression : undefined;
    const callee = call?.expression ?? expression;
    return { name: ts.isIdentifier(callee) ? callee.text : (propertyName(callee) ?? ''), call };
  });
}

/** The property of an object literal, as an expression. */
export function propertyOf(object: TS.Node | undefined, name: string): TS.Expression | undefined {
  if (object === undefined || !ts.isObjectLiteralExpression(object)) return undefined;
  for (const property of object.properties) {
    if (nameText(property.name) !== name) continue;
    if (ts.isPropertyAssignment(property)) return property.initializer;
    if (ts.isShorthandPropertyAssignment(property)) return property.name;
  }
  return undefined;
}

/** Line and column of a node, from 1. */
export function placeIn(node: TS.Node, file: string): Place {
  const source = node.getSourceFile();
  const { line, character } = source.getLineAndCharacterOfPosition(node.getStart(source));
  return { file, line: line + 1, column: character + 1 };
}

const SECRET = /pass|secret|token|auth$|credential|^(key|cert|ca|pfx)$/i;
const NOT_SHOWN = '(not shown)';

/** The code of a node on one line, shortened. Texts that may hold a password are left out. */
export function codeOf(node: TS.Node, length = 100): string {
  const source = node.getSourceFile();
  const start = node.getStart(source);
  let text = node.getText(source);
  const secrets: TS.Node[] = [];
  walk(node, (inner) => {
    const isText = ts.isStringLiteralLike(inner) || ts.isTemplateExpression(inner);
    if (isText && isSecret(inner)) secrets.push(inner);
    return !isText;
  });
  for (const secret of secrets.reverse()) text = `${text.slice(0, secret.getStart(source) - start)}${NOT_SHOWN}${text.slice(secret.end - start)}`;
  text = text.replace(/(:\/\/)[^@/\s'"`]*@/g, `$1${NOT_SHOWN}@`).replace(/\s+/g, ' ');
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** Whether a text is the value of an option like `password`, or the alternative to one: `process.env.PASSWORD || 'text'`. */
function isSecret(node: TS.Node): boolean {
  if (ts.isStringLiteralLike(node) && node.text === '') return false;
  for (let up = node; (up.parent as TS.Node | undefined) !== undefined; up = up.parent) {
    const { parent } = up;
    if (ts.isPropertyAssignment(parent)) return up === parent.initializer && SECRET.test(nameText(parent.name) ?? '');
    if (!ts.isBinaryExpression(parent) && !ts.isConditionalExpression(parent) && !ts.isParenthesizedExpression(parent) && !ts.isAsExpression(parent)) return false;
  }
  return false;
}
