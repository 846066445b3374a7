/** One source file: its tree, its scopes, what it imports and exports, and what it assigns. */
import type * as TS from 'typescript';
import { ts } from './parser';
import { ancestor, isClass, isFunction, literalText, nameText, pathOf, propertyName, stripped, type ClassNode } from './syntax';

/** A name that a scope declares. */
export interface Declared {
  readonly node: TS.Node;
  /** What later assignments give it. */
  readonly assigned: TS.Expression[];
}

/** An export: the expression or declaration behind it, or a name of another file. */
export type Exported = { readonly node: TS.Node } | { readonly from: string; readonly name: string };

export class Unit {
  readonly exports = new Map<string, Exported>();
  /** `export * from`. */
  readonly stars: string[] = [];
  /** Right sides by the path on the left: `app.locals.redis`, `this.client` outside of classes. */
  readonly assigned = new Map<string, TS.Expression[]>();
  /** `X.prototype.name = ...`, by name. */
  readonly prototypes = new Map<string, TS.Expression[]>();
  readonly members = new Map<ClassNode, Map<string, TS.Expression[]>>();
  readonly calls: (TS.CallExpression | TS.NewExpression)[] = [];
  /** Objects that provide something to NestJS: `{ provide: X, useFactory: ... }`. */
  readonly providers: TS.ObjectLiteralExpression[] = [];
  private readonly scopes = new Map<TS.Node, Map<string, Declared>>();
  private readonly types = new Map<string, TS.Node>();

  constructor(
    /** The absolute path. */
    readonly path: string,
    /** The path from the audited folder. */
    readonly file: string,
    readonly source: TS.SourceFile,
  ) {
    const later: TS.BinaryExpression[] = [];
    const visit = (node: TS.Node): void => {
      this.bind(node, later);
      ts.forEachChild(node, visit);
    };
    ts.forEachChild(source, visit);
    for (const assignment of later) this.assign(assignment);
  }

  /** The declaration that an identifier means. */
  lookup(at: TS.Node, name: string): Declared | undefined {
    for (let node: TS.Node | undefined = at; node !== undefined; node = node.parent as TS.Node | undefined) {
      const found = this.scopes.get(node)?.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The interface, alias, class or import behind the name of a type. */
  type(at: TS.Node, name: string): TS.Node | undefined {
    return this.types.get(name) ?? this.lookup(at, name)?.node;
  }

  private bind(node: TS.Node, later: TS.BinaryExpression[]): void {
    if (ts.isVariableDeclaration(node)) this.declarePattern(node.name, node);
    else if (ts.isParameter(node)) this.declarePattern(node.name, node);
    else if (ts.isImportDeclaration(node)) this.bindImport(node);
    else if (ts.isImportEqualsDeclaration(node)) this.declare(node, node.name.text);
    else if (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) || ts.isEnumDeclaration(node) || ts.isModuleDeclaration(node)) this.bindDeclaration(node);
    else if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) this.types.set(node.name.text, node);
    else if (ts.isExportDeclaration(node)) this.bindReExport(node);
    else if (ts.isExportAssignment(node)) this.exports.set(node.isExportEquals === true ? 'export=' : 'default', { node: node.expression });
    else if (ts.isCallExpression(node) || ts.isNewExpression(node)) this.calls.push(node);
    else if (ts.isBinaryExpression(node) && isAssignment(node)) later.push(node);
    else if (ts.isObjectLiteralExpression(node) && node.properties.some((property) => nameText(property.name) === 'provide')) this.providers.push(node);
    if ((ts.isFunctionExpression(node) || ts.isClassExpression(node)) && node.name !== undefined) this.scope(node).set(node.name.text, { node, assigned: [] });
  }

  private declarePattern(name: TS.BindingName, node: TS.Node): void {
    if (ts.isIdentifier(name)) {
      this.declare(node, name.text);
      return;
    }
    for (const element of name.elements) if (ts.isBindingElement(element)) this.declarePattern(element.name, element);
  }

  private declare(node: TS.Node, name: string): void {
    const scope = this.scope(scopeOf(node));
    if (!scope.has(name)) scope.set(name, { node, assigned: [] });
    const list = ts.isVariableDeclaration(node) ? node.parent : undefined;
    if (list !== undefined && isExported(list.parent)) this.exports.set(name, { node });
    if (ts.isBindingElement(node)) {
      const statement = ancestor(node, ts.isVariableStatement);
      if (statement !== undefined && isExported(statement) && scopeOf(node) === this.source) this.exports.set(name, { node });
    }
  }

  private bindDeclaration(node: TS.FunctionDeclaration | TS.ClassDeclaration | TS.EnumDeclaration | TS.ModuleDeclaration): void {
    if (node.name !== undefined && ts.isIdentifier(node.name)) this.declare(node, node.name.text);
    if (!isExported(node)) return;
    const isDefault = (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword);
    const name = isDefault ? 'default' : nameText(node.name);
    if (name !== undefined) this.exports.set(name, { node });
  }

  private bindImport({ importClause }: TS.ImportDeclaration): void {
    if (importClause?.name !== undefined) this.declare(importClause, importClause.name.text);
    const bindings = importClause?.namedBindings;
    if (bindings === undefined) return;
    if (ts.isNamespaceImport(bindings)) this.declare(bindings, bindings.name.text);
    else for (const element of bindings.elements) this.declare(element, element.name.text);
  }

  private bindReExport(node: TS.ExportDeclaration): void {
    const from = literalText(node.moduleSpecifier);
    if (node.exportClause === undefined) {
      if (from !== undefined) this.stars.push(from);
    } else if (ts.isNamespaceExport(node.exportClause)) {
      if (from !== undefined) this.exports.set(node.exportClause.name.text, { from, name: '*' });
    } else {
      for (const { name, propertyName: original } of node.exportClause.elements) {
        const inner = original ?? name;
        this.exports.set(name.text, from === undefined ? { node: inner } : { from, name: inner.text });
      }
    }
  }

  private assign({ left, right }: TS.BinaryExpression): void {
    const target = stripped(left);
    if (ts.isIdentifier(target)) {
      this.lookup(target, target.text)?.assigned.push(right);
      return;
    }
    const name = propertyName(target);
    if (name === undefined) return;
    const base = pathOf((target as TS.PropertyAccessExpression).expression);
    if (base === undefined) return;
    this.exportAssigned(base, name, right);
    const owner = base === 'this' || base.startsWith('this.') ? ancestor(target, isClass) : undefined;
    if (owner !== undefined && base === 'this') push(this.membersOf(owner), name, right);
    else if (base.endsWith('.prototype')) push(this.prototypes, name, right);
    else push(this.assigned, `${base}.${name}`, right);
  }

  private exportAssigned(base: string, name: string, right: TS.Expression): void {
    if (base === 'module' && name === 'exports') this.exports.set('export=', { node: right });
    else if (base === 'exports' || base === 'module.exports') this.exports.set(name, { node: right });
  }

  private membersOf(owner: ClassNode): Map<string, TS.Expression[]> {
    let members = this.members.get(owner);
    if (members === undefined) this.members.set(owner, (members = new Map<string, TS.Expression[]>()));
    return members;
  }

  private scope(node: TS.Node): Map<string, Declared> {
    let scope = this.scopes.get(node);
    if (scope === undefined) this.scopes.set(node, (scope = new Map<string, Declared>()));
    return scope;
  }
}

function push(map: Map<string, TS.Expression[]>, name: string, value: TS.Expression): void {
  const list = map.get(name);
  if (list === undefined) map.set(name, [value]);
  else list.push(value);
}

function isAssignment({ operatorToken: { kind } }: TS.BinaryExpression): boolean {
  return kind === ts.SyntaxKind.EqualsToken || kind === ts.SyntaxKind.QuestionQuestionEqualsToken || kind === ts.SyntaxKind.BarBarEqualsToken || kind === ts.SyntaxKind.AmpersandAmpersandEqualsToken;
}

const isExported = (node: TS.Node): boolean => ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);

/** The node that holds the names which `node` declares. `var` belongs to its function. */
function scopeOf(node: TS.Node): TS.Node {
  const list = ancestor(node, ts.isVariableDeclarationList);
  const isVar = (ts.isVariableDeclaration(node) || ts.isBindingElement(node)) && list !== undefined && (list.flags & (ts.NodeFlags.Let | ts.NodeFlags.Const)) === 0;
  for (let up = node.parent as TS.Node | undefined; up !== undefined; up = up.parent as TS.Node | undefined) {
    if (ts.isSourceFile(up) || isFunction(up) || ts.isModuleBlock(up) || ts.isClassStaticBlockDeclaration(up)) return up;
    if (!isVar && (ts.isBlock(up) || ts.isForStatement(up) || ts.isForOfStatement(up) || ts.isForInStatement(up) || ts.isCatchClause(up) || ts.isCaseBlock(up))) {
      // The names of a function's outermost block are those of the function.
      if (!ts.isBlock(up) || !isFunction(up.parent)) return up;
    }
  }
  return node.getSourceFile();
}

