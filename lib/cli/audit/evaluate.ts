/**
 * What an expression may be, followed through variables, imports, re-exports, classes, wrappers and parameters. It knows what matters for Redis and
 * takes everything else for unknown. It never runs code, and gives up at a depth and after a number of steps, so that no code base can hold it.
 */
import type * as TS from 'typescript';
import { clientOf, clientType, isOpener, isQueueModule, managerResult, queueType } from './libraries';
import { ts } from './parser';
import type { Project } from './project';
import { ancestor, decoratorsOf, enclosingFunction, isClass, isFunction, isStatic, literalText, nameText, pathOf, propertyName, propertyOf, stripped, type ClassNode, type FunctionNode } from './syntax';
import { OTHER, type Connection, type Value } from './values';
import type { Unit } from './unit';

const MAX_DEPTH = 60;
/** Objects that are spread into others, and exports of exports. */
const MAX_NESTED = 30;
const MAX_STEPS = 4_000;
const MAX_VALUES = 24;

export class Evaluator {
  readonly connections = new Map<TS.Node, Connection>();
  private readonly memo = new Map<TS.Node, readonly Value[]>();
  private readonly open = new Set<TS.Node>();
  private callers: Map<TS.Node, (TS.CallExpression | TS.NewExpression)[]> | undefined;
  private readonly providers = new Map<string, TS.ObjectLiteralExpression[]>();
  private readonly globals = new Map<string, TS.Expression[]>();
  private depth = 0;
  private nested = 0;
  private steps = 0;
  /** Whether the current evaluation was cut short, so that its result must not be kept. */
  private isCut = false;

  constructor(readonly project: Project) {}

  /** Finds who calls which function, so that parameters have the values of the arguments. Call it once, with all units. */
  index(units: readonly Unit[]): void {
    for (const unit of units) {
      for (const provider of unit.providers) this.addProvider(provider);
      for (const [name, rights] of unit.assigned) {
        const [, key] = /^(?:global|globalThis)\.(.+)$/.exec(name) ?? [];
        if (key !== undefined) this.globals.set(key, [...(this.globals.get(key) ?? []), ...rights]);
      }
    }
    const callers: Evaluator['callers'] = new Map();
    for (const unit of units) {
      for (const call of unit.calls) {
        for (const target of this.values(call.expression)) {
          const node = target.kind === 'function' ? target.node : target.kind === 'class' && ts.isNewExpression(call) ? target.node : undefined;
          if (node !== undefined) callers.set(node, [...(callers.get(node) ?? []), call]);
        }
      }
    }
    this.callers = callers;
    this.memo.clear();
  }

  /** The calls of a function, or the `new` of a class. */
  callsOf(node: FunctionNode | ClassNode): readonly (TS.CallExpression | TS.NewExpression)[] {
    return this.callers?.get(node) ?? [];
  }

  values(expression: TS.Expression): readonly Value[] {
    return this.remember(stripped(expression), (node) => this.evaluate(node as TS.Expression));
  }

  private remember(node: TS.Node, evaluate: (node: TS.Node) => readonly Value[]): readonly Value[] {
    const known = this.memo.get(node);
    if (known !== undefined) return known;
    if (this.depth === 0) {
      this.steps = 0;
      this.isCut = false;
    }
    if (this.open.has(node) || this.depth > MAX_DEPTH || ++this.steps > MAX_STEPS) {
      this.isCut = true;
      return [];
    }
    this.open.add(node);
    this.depth++;
    try {
      const found = unique(evaluate(node));
      if (!this.isCut || this.depth === 1) this.memo.set(node, found);
      return found;
    } finally {
      this.depth--;
      this.open.delete(node);
    }
  }

  private evaluate(node: TS.Expression): readonly Value[] {
    if (ts.isIdentifier(node)) return this.identifier(node);
    if (node.kind === ts.SyntaxKind.ThisKeyword) return this.thisValue(node);
    if (node.kind === ts.SyntaxKind.SuperKeyword) return this.heritage(ancestor(node, isClass));
    if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) return this.access(node);
    if (ts.isNewExpression(node)) return this.construction(node);
    if (ts.isCallExpression(node)) return this.call(node);
    if (ts.isConditionalExpression(node)) return [...this.values(node.whenTrue), ...this.values(node.whenFalse)];
    if (ts.isBinaryExpression(node)) return this.binary(node);
    if (ts.isFunctionExpression(node) || ts.isArrowFunction(node)) return [{ kind: 'function', node }];
    if (ts.isClassExpression(node)) return [{ kind: 'class', node }];
    if (ts.isObjectLiteralExpression(node)) return [{ kind: 'object', node }];
    if (ts.isArrayLiteralExpression(node)) return [{ kind: 'array', elements: node.elements.flatMap((element) => (ts.isSpreadElement(element) ? this.elements(this.values(element.expression)) : this.values(element))) }];
    return ts.isLiteralExpression(node) || ts.isTemplateExpression(node) ? [OTHER] : [];
  }

  private binary({ operatorToken: { kind }, left, right }: TS.BinaryExpression): readonly Value[] {
    if (kind === ts.SyntaxKind.BarBarToken || kind === ts.SyntaxKind.QuestionQuestionToken) return [...this.values(left), ...this.values(right)];
    if (kind === ts.SyntaxKind.QuestionQuestionEqualsToken || kind === ts.SyntaxKind.BarBarEqualsToken) return [...this.values(left), ...this.values(right)];
    if (kind === ts.SyntaxKind.EqualsToken || kind === ts.SyntaxKind.CommaToken || kind === ts.SyntaxKind.AmpersandAmpersandToken) return this.values(right);
    return [OTHER];
  }

  private identifier(node: TS.Identifier): readonly Value[] {
    const declared = this.project.unitOf(node).lookup(node, node.text);
    if (declared === undefined) return this.globals.has(node.text) ? this.all(this.globals.get(node.text)) : [];
    return [...this.declaration(declared.node), ...this.all(declared.assigned)];
  }

  private readonly all = (expressions: readonly TS.Expression[] | undefined): readonly Value[] => (expressions ?? []).flatMap((one) => this.values(one));

  /** The value of what a declaration declares. */
  private declaration(node: TS.Node): readonly Value[] {
    return this.remember(node, () => {
      if (ts.isVariableDeclaration(node)) return this.variable(node);
      if (ts.isParameter(node)) return this.parameter(node);
      if (ts.isBindingElement(node)) return this.bound(node);
      if (ts.isFunctionDeclaration(node)) return [{ kind: 'function', node }];
      if (ts.isClassDeclaration(node)) return [{ kind: 'class', node }];
      if (ts.isEnumDeclaration(node)) return [OTHER];
      return this.imported(node);
    });
  }

  private variable(node: TS.VariableDeclaration): readonly Value[] {
    const loop = node.parent.parent;
    if (ts.isForOfStatement(loop)) return this.elements(this.values(loop.expression));
    return [...(node.initializer === undefined ? [] : this.values(node.initializer)), ...this.typed(node.type)];
  }

  private bound(node: TS.BindingElement): readonly Value[] {
    const holder = node.parent.parent;
    const whole = ts.isVariableDeclaration(holder) ? this.variable(holder) : ts.isParameter(holder) ? this.parameter(holder) : this.bound(holder);
    const fallback = node.initializer === undefined ? [] : this.values(node.initializer);
    if (node.dotDotDotToken !== undefined) return whole;
    if (ts.isArrayBindingPattern(node.parent)) {
      const at = node.parent.elements.indexOf(node);
      return [...whole.flatMap((value) => (value.kind === 'array' ? (value.elements[at] === undefined ? [] : [value.elements[at]]) : [])), ...fallback];
    }
    const name = nameText(node.propertyName ?? node.name);
    return [...(name === undefined ? [] : whole.flatMap((value) => this.property(value, name))), ...fallback];
  }

  private imported(node: TS.Node): readonly Value[] {
    const unit = this.project.unitOf(node);
    if (ts.isImportEqualsDeclaration(node)) {
      const reference = node.moduleReference;
      const specifier = ts.isExternalModuleReference(reference) ? literalText(reference.expression) : undefined;
      return specifier === undefined ? [] : this.required(unit, specifier);
    }
    const declaration = ts.isImportDeclaration(node) ? node : ancestor(node, ts.isImportDeclaration);
    const specifier = literalText(declaration?.moduleSpecifier);
    if (specifier === undefined) return [];
    if (ts.isNamespaceImport(node)) return this.module(unit, specifier);
    const name = ts.isImportSpecifier(node) ? (node.propertyName ?? node.name).text : 'default';
    return this.module(unit, specifier).flatMap((value) => (value.kind === 'module' ? this.exported(value.file, name) : this.property(value, name)));
  }

  private module(unit: Unit, specifier: string): readonly Value[] {
    const file = this.project.resolve(unit.path, specifier);
    if (file !== undefined) return [{ kind: 'module', file }];
    if (specifier.startsWith('.')) return [];
    const parts = specifier.replace(/^node:/, '').split('/');
    const name = parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
    return [{ kind: 'package', name, path: '' }];
  }

  /** What `require` returns: `module.exports` where a file has one. */
  private required(unit: Unit, specifier: string): readonly Value[] {
    return this.module(unit, specifier).flatMap((value) => {
      if (value.kind !== 'module') return [value];
      const whole = this.project.unit(value.file)?.exports.get('export=');
      return whole === undefined ? [value] : [...this.exportedNode(whole), value];
    });
  }

  private exportedNode(exported: { node: TS.Node } | { from: string; name: string }): readonly Value[] {
    if (!('node' in exported)) return [];
    const { node } = exported;
    return ts.isVariableDeclaration(node) || ts.isBindingElement(node) || ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) || ts.isEnumDeclaration(node) ? this.declared(node) : ts.isModuleDeclaration(node) ? [] : this.values(node as TS.Expression);
  }

  /** The value of a declaration with its later assignments. */
  private declared(node: TS.VariableDeclaration | TS.BindingElement | TS.FunctionDeclaration | TS.ClassDeclaration | TS.EnumDeclaration): readonly Value[] {
    const name = node.name !== undefined && ts.isIdentifier(node.name) ? node.name.text : undefined;
    const declared = name === undefined ? undefined : this.project.unitOf(node).lookup(node, name);
    return [...this.declaration(node), ...this.all(declared?.assigned)];
  }

  /** What a file exports under a name. */
  private exported(file: string, name: string, seen: ReadonlySet<string> = new Set()): readonly Value[] {
    const unit = this.project.unit(file);
    if (unit === undefined || seen.has(file)) return [];
    const found = unit.exports.get(name);
    if (found !== undefined && 'node' in found) return this.exportedNode(found);
    if (found !== undefined) {
      const modules = this.module(unit, found.from);
      return found.name === '*' ? modules : modules.flatMap((value) => (value.kind === 'module' ? this.exported(value.file, found.name, new Set([...seen, file])) : this.property(value, found.name)));
    }
    const whole = unit.exports.get('export=');
    if (whole !== undefined) return name === 'default' ? this.exportedNode(whole) : this.exportedNode(whole).flatMap((value) => this.property(value, name));
    if (name === 'default' && unit.exports.size > 0 && /\.c?js$/.test(file)) return [{ kind: 'module', file }];
    return unit.stars.flatMap((from) => this.module(unit, from)).flatMap((value) => (value.kind === 'module' ? this.exported(value.file, name, new Set([...seen, file])) : name === 'default' ? [] : this.property(value, name)));
  }

  private thisValue(node: TS.Node): readonly Value[] {
    for (let up = enclosingFunction(node); up !== undefined; up = enclosingFunction(up)) {
      if (ts.isArrowFunction(up)) continue;
      if (isClass(up.parent)) return [{ kind: isStatic(up) ? 'class' : 'instance', node: up.parent }];
      if (ts.isObjectLiteralExpression(up.parent)) return [{ kind: 'object', node: up.parent }];
      if (ts.isPropertyAssignment(up.parent) && ts.isObjectLiteralExpression(up.parent.parent)) return [{ kind: 'object', node: up.parent.parent }];
      return [{ kind: 'constructed', node: up }];
    }
    const owner = ancestor(node, isClass);
    if (owner === undefined) return [];
    const member = ancestor(node, (one): one is TS.ClassElement => one.parent === owner);
    return [{ kind: member !== undefined && isStatic(member) ? 'class' : 'instance', node: owner }];
  }

  private access(node: TS.PropertyAccessExpression | TS.ElementAccessExpression): readonly Value[] {
    const bases = this.values(node.expression);
    const name = propertyName(node);
    if (name === undefined) return this.elements(bases);
    const found = bases.flatMap((value) => this.property(value, name));
    if (found.length > 0) return found;
    const path = pathOf(node);
    if (path === undefined) return [];
    const [, key] = /^(?:global|globalThis)\.(.+)$/.exec(path) ?? [];
    return key === undefined ? this.all(this.project.unitOf(node).assigned.get(path)) : this.all(this.globals.get(key));
  }

  /** The elements of arrays, or the values of an object's properties. */
  private elements(values: readonly Value[]): readonly Value[] {
    return values.flatMap((value) => {
      if (value.kind === 'array') return value.elements;
      return value.kind === 'object' ? value.node.properties.flatMap((property) => this.objectMember(property)) : [];
    });
  }

  /** `value.name`. */
  property(value: Value, name: string): readonly Value[] {
    if (this.depth === 0 && this.nested === 0) this.steps = 0;
    // `options = { ...options }` has itself inside of it.
    if (this.nested >= MAX_NESTED || ++this.steps > MAX_STEPS) {
      this.isCut = true;
      return [];
    }
    this.nested++;
    try {
      return this.inside(value, name);
    } finally {
      this.nested--;
    }
  }

  private inside(value: Value, name: string): readonly Value[] {
    switch (value.kind) {
      case 'package':
        return [{ kind: 'package', name: value.name, path: value.path === '' ? name : `${value.path}.${name}` }];
      case 'module':
        return this.exported(value.file, name);
      case 'client':
      case 'pipeline':
        return [{ kind: 'method', of: value, name }];
      case 'class':
      case 'instance':
        return this.member(value.node, name, value.kind === 'class', 0);
      case 'constructed':
        return this.oldMember(value.node, name);
      case 'object':
        return value.node.properties.flatMap((property) => (ts.isSpreadAssignment(property) ? this.values(property.expression).flatMap((inner) => this.property(inner, name)) : nameText(property.name) === name ? this.objectMember(property) : []));
      case 'shape':
        return value.node.members.flatMap((member) => (nameText(member.name) === name && ts.isPropertySignature(member) ? this.typed(member.type) : []));
      case 'array':
        return /^\d+$/.test(name) ? value.elements.slice(Number(name), Number(name) + 1) : [];
      case 'function': {
        const path = nameText(value.node.name);
        return path === undefined ? [] : this.all(this.project.unitOf(value.node).assigned.get(`${path}.${name}`));
      }
      case 'other':
        return [OTHER];
      default:
        return [];
    }
  }

  private objectMember(property: TS.ObjectLiteralElementLike): readonly Value[] {
    if (ts.isPropertyAssignment(property)) return this.values(property.initializer);
    if (ts.isShorthandPropertyAssignment(property)) return this.values(property.name);
    if (ts.isMethodDeclaration(property)) return [{ kind: 'function', node: property }];
    return ts.isGetAccessorDeclaration(property) ? this.returns(property) : [];
  }

  /** A member of a class or of what it extends. */
  private member(node: ClassNode, name: string, ofClass: boolean, depth: number): readonly Value[] {
    const found = node.members.flatMap((member): readonly Value[] => {
      if (ts.isConstructorDeclaration(member)) return ofClass ? [] : member.parameters.flatMap((parameter) => (ts.isParameterPropertyDeclaration(parameter, member) && nameText(parameter.name) === name ? this.declaration(parameter) : []));
      if (nameText(member.name) !== name || isStatic(member) !== ofClass) return [];
      if (ts.isPropertyDeclaration(member)) return [...(member.initializer === undefined ? [] : this.values(member.initializer)), ...this.injected(member), ...this.typed(member.type)];
      if (ts.isMethodDeclaration(member)) return [{ kind: 'function', node: member }];
      return ts.isGetAccessorDeclaration(member) ? this.returns(member) : [];
    });
    const unit = this.project.unitOf(node);
    const className = nameText(node.name);
    const assigned = [...this.all(unit.members.get(node)?.get(name)), ...(ofClass && className !== undefined ? this.all(unit.assigned.get(`${className}.${name}`)) : [])];
    if (found.length + assigned.length > 0) return [...found, ...assigned];
    if (depth > 10) return [];
    return this.heritage(node).flatMap((base) => {
      if (base.kind === 'class') return this.member(base.node, name, ofClass, depth + 1);
      const made = base.kind === 'package' ? clientOf(base.name, base.path, true) : undefined;
      return made === undefined || ofClass ? [] : this.property({ kind: 'client', library: made.library }, name);
    });
  }

  /** A member of what a constructor function makes: assigned to `this` or to a prototype in the same file. */
  private oldMember(node: FunctionNode, name: string): readonly Value[] {
    const unit = this.project.unitOf(node);
    return [...this.all(unit.assigned.get(`this.${name}`)), ...this.all(unit.prototypes.get(name))];
  }

  private heritage(node: ClassNode | undefined): readonly Value[] {
    const clause = node?.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword);
    return clause?.types[0] === undefined ? [] : this.values(clause.types[0].expression);
  }

  private construction(node: TS.NewExpression): readonly Value[] {
    // `new Map()` and other classes of the language.
    if (ts.isIdentifier(node.expression) && this.project.unitOf(node).lookup(node, node.expression.text) === undefined) return [OTHER];
    return this.values(node.expression).flatMap((value): readonly Value[] => {
      if (value.kind === 'class') return this.instanceOf(value.node, node);
      if (value.kind === 'function') return [{ kind: 'constructed', node: value.node }];
      if (value.kind !== 'package') return [OTHER];
      const made = clientOf(value.name, value.path, true);
      if (made !== undefined) return [{ kind: 'client', library: made.library, origin: this.connection(node, made) }];
      const queue = queueType(value.name, value.path);
      if (queue !== undefined) return [{ kind: 'queue', origin: this.connection(node, { library: value.name, how: `new ${queue}`, cluster: false, queue }) }];
      if (isOpener(value.name, value.path, true)) this.opened(node, value.name, `new ${pathOf(node.expression) ?? value.path}`);
      return [OTHER];
    });
  }

  private instanceOf(node: ClassNode, at: TS.NewExpression): readonly Value[] {
    const bases = this.heritage(node);
    const made = bases.flatMap((base) => (base.kind === 'package' ? (clientOf(base.name, base.path, true) ?? []) : []))[0];
    const instance: Value = { kind: 'instance', node };
    return made === undefined ? [instance] : [instance, { kind: 'client', library: made.library, origin: this.connection(at, { ...made, how: `new ${nameText(node.name) ?? 'class'}` }) }];
  }

  private connection(node: TS.CallExpression | TS.NewExpression, made: Omit<Connection, 'node'>): Connection {
    let connection = this.connections.get(node);
    if (connection === undefined) this.connections.set(node, (connection = { ...made, node }));
    return connection;
  }

  /** A connection of another package, unless it is given a client. */
  private opened(node: TS.CallExpression | TS.NewExpression, library: string, how: string): void {
    const given = (node.arguments ?? []).flatMap((argument) => this.values(argument));
    const inside = given.flatMap((value) => (value.kind === 'object' ? this.elements([value]) : [value]));
    if (!inside.some(({ kind }) => kind === 'client')) this.connection(node, { library, how, cluster: false });
  }

  private call(node: TS.CallExpression): readonly Value[] {
    if (node.expression.kind === ts.SyntaxKind.ImportKeyword) return this.loadedModule(node, false);
    const { expression } = node;
    if (ts.isIdentifier(expression) && this.isRequire(expression)) return this.loadedModule(node, true);
    const general = this.builtIn(node);
    if (general !== undefined) return general;
    return this.values(expression).flatMap((callee): readonly Value[] => {
      if (callee.kind === 'function') return this.returns(callee.node);
      if (callee.kind === 'method') return this.methodResult(node, callee);
      return callee.kind === 'package' ? this.packageCall(node, callee) : [];
    });
  }

  private packageCall(node: TS.CallExpression, { name, path }: Value & { kind: 'package' }): readonly Value[] {
    const made = clientOf(name, path, false);
    if (made !== undefined) return [{ kind: 'client', library: made.library, origin: this.connection(node, made) }];
    if (name === 'hawser' && managerResult(path) === 'client') return [{ kind: 'client', library: 'hawser', managed: true }];
    if (queueType(name, path) !== undefined && name !== 'bullmq') return [{ kind: 'queue', origin: this.connection(node, { library: name, how: 'Queue()', cluster: false, queue: 'Queue' }) }];
    if (isQueueModule(name, path)) this.connection(node, { library: name, how: path.split('.').slice(-2).join('.'), cluster: false, queue: path.split('.').pop() ?? '' });
    else if (isOpener(name, path, false)) this.opened(node, name, pathOf(node.expression) ?? path);
    // promisify(client.get) and the like keep what they are given.
    if (/(^|\.)(promisify|promisifyAll)$/.test(path)) return node.arguments.flatMap((argument) => this.values(argument));
    return [{ kind: 'package', name, path: `${path}()` }];
  }

  private methodResult(node: TS.CallExpression, { of, name }: Value & { kind: 'method' }): readonly Value[] {
    if (of.kind === 'pipeline') return /^exec/.test(name) ? [OTHER] : [of];
    if (name === 'duplicate' && of.managed !== true) return [{ kind: 'client', library: of.library, origin: this.connection(node, { library: of.library, how: 'duplicate', cluster: of.origin?.cluster ?? false }) }];
    if (name === 'duplicate') return [of];
    if (/^(pipeline|multi|batch)$/i.test(name)) return [{ kind: 'pipeline', client: of }];
    if (/^(on|once|addListener|prependListener|off|removeListener|connect|setMaxListeners|withTypeMapping|withCommandOptions)$/.test(name)) return [of];
    return name === 'bind' ? [of] : [OTHER];
  }

  /** Functions of the language that hand on what they are given. */
  private builtIn(node: TS.CallExpression): readonly Value[] | undefined {
    const { expression, arguments: args } = node;
    const name = propertyName(expression);
    if (name === undefined) return undefined;
    const base = (expression as TS.PropertyAccessExpression).expression;
    const path = pathOf(expression);
    const first = args[0];
    if (path === 'Promise.all' || path === 'Promise.allSettled' || path === 'Promise.resolve' || path === 'Object.freeze' || path === 'Object.assign') return args.flatMap((one) => this.values(one));
    if (path === 'Object.values') return first === undefined ? [] : [{ kind: 'array', elements: this.elements(this.values(first)) }];
    if (name === 'bind' || name === 'apply' || name === 'call') {
      const methods = this.values(base).filter((value) => value.kind === 'method' || value.kind === 'function');
      if (methods.length > 0) return name === 'bind' ? methods : undefined;
    }
    if (/^(filter|slice|concat|flat|reverse)$/.test(name)) {
      const arrays = this.values(base).filter(({ kind }) => kind === 'array');
      return arrays.length > 0 ? arrays : undefined;
    }
    if (/^(then|catch|finally)$/.test(name)) return this.continued(name, base, first);
    if (name === 'map' && first !== undefined && this.values(base).some(({ kind }) => kind === 'array')) {
      return [{ kind: 'array', elements: this.values(first).flatMap((value) => (value.kind === 'function' ? this.returns(value.node) : [])) }];
    }
    return undefined;
  }

  private continued(name: string, base: TS.Expression, first: TS.Expression | undefined): readonly Value[] {
    if (name !== 'then' || first === undefined) return this.values(base);
    return this.values(first).flatMap((value) => (value.kind === 'function' ? this.returns(value.node) : []));
  }

  private isRequire(callee: TS.Identifier): boolean {
    const declared = this.project.unitOf(callee).lookup(callee, callee.text);
    if (declared === undefined) return callee.text === 'require';
    const initializer = ts.isVariableDeclaration(declared.node) && declared.node.initializer !== undefined ? stripped(declared.node.initializer) : undefined;
    return initializer !== undefined && ts.isCallExpression(initializer) && /(^|\.)createRequire$/.test(pathOf(initializer.expression) ?? '');
  }

  private loadedModule(node: TS.CallExpression, isRequire: boolean): readonly Value[] {
    const specifier = literalText(node.arguments[0]);
    const unit = this.project.unitOf(node);
    if (specifier === undefined) return [];
    return isRequire ? this.required(unit, specifier) : this.module(unit, specifier);
  }

  /** What a function returns. */
  returns(node: FunctionNode): readonly Value[] {
    const { body } = node;
    if (body === undefined) return this.typed(node.type);
    if (!ts.isBlock(body)) return this.values(body);
    return this.remember(body, () => {
      const found: Value[] = [];
      const visit = (inner: TS.Node): void => {
        if (isFunction(inner) || isClass(inner)) return;
        if ((ts.isReturnStatement(inner) || ts.isYieldExpression(inner)) && inner.expression !== undefined) found.push(...this.values(inner.expression));
        ts.forEachChild(inner, visit);
      };
      ts.forEachChild(body, visit);
      return [...found, ...this.typed(node.type)];
    });
  }

  private parameter(node: TS.ParameterDeclaration): readonly Value[] {
    return this.remember(node.name, () => [...(node.initializer === undefined ? [] : this.values(node.initializer)), ...this.injected(node), ...this.passed(node), ...this.typed(node.type)]);
  }

  /** What callers pass for a parameter. */
  private passed(node: TS.ParameterDeclaration): readonly Value[] {
    const owner = node.parent;
    if (!isFunction(owner)) return [];
    const at = owner.parameters.indexOf(node);
    const target = ts.isConstructorDeclaration(owner) ? owner.parent : owner;
    const called = this.callsOf(target as FunctionNode | ClassNode).flatMap((call) => {
      const argument = call.arguments?.[at];
      return argument === undefined || ts.isSpreadElement(argument) ? [] : this.values(argument);
    });
    return [...called, ...(at === 0 ? this.handedOver(owner) : [])];
  }

  /** The first parameter of a function that is passed to forEach, then and the like. */
  private handedOver(owner: FunctionNode): readonly Value[] {
    const call = owner.parent;
    if (!ts.isCallExpression(call) || !call.arguments.some((argument) => argument === owner)) return [];
    const name = propertyName(call.expression);
    if (name === undefined) return [];
    const base = (call.expression as TS.PropertyAccessExpression).expression;
    if (/^(forEach|map|filter|some|every|find|flatMap)$/.test(name)) return this.elements(this.values(base));
    if (name === 'then') return this.values(base);
    const isLoan = name === 'withConnection' && this.values(base).some((value) => value.kind === 'package' && value.name === 'hawser');
    if (isLoan) return [{ kind: 'client', library: 'hawser', managed: true }];
    return name === 'executeIsolated' ? this.values(base).filter(({ kind }) => kind === 'client') : [];
  }

  private addProvider(provider: TS.ObjectLiteralExpression): void {
    const token = propertyOf(provider, 'provide');
    if (token === undefined) return;
    const key = literalText(token) ?? token.getText();
    this.providers.set(key, [...(this.providers.get(key) ?? []), provider]);
  }

  /** What NestJS injects for `@Inject(TOKEN)`. */
  private injected(node: TS.Node): readonly Value[] {
    const token = decoratorsOf(node).find(({ name }) => name === 'Inject')?.call?.arguments[0];
    if (token === undefined) return [];
    return (this.providers.get(literalText(token) ?? token.getText()) ?? []).flatMap((provider) => {
      const value = propertyOf(provider, 'useValue');
      const factory = propertyOf(provider, 'useFactory');
      const made = factory === undefined ? [] : this.values(factory).flatMap((one) => (one.kind === 'function' ? this.returns(one.node) : []));
      const methods = provider.properties.flatMap((one) => (ts.isMethodDeclaration(one) && nameText(one.name) === 'useFactory' ? this.returns(one) : []));
      return [...(value === undefined ? [] : this.values(value)), ...made, ...methods];
    });
  }

  /** The values that a type allows. */
  private typed(type: TS.TypeNode | undefined): readonly Value[] {
    if (type === undefined) return [];
    if (ts.isUnionTypeNode(type) || ts.isIntersectionTypeNode(type)) return type.types.flatMap((one) => this.typed(one));
    if (ts.isParenthesizedTypeNode(type) || ts.isTypeOperatorNode(type)) return this.typed(type.type);
    if (ts.isArrayTypeNode(type)) return [{ kind: 'array', elements: this.typed(type.elementType) }];
    if (ts.isTypeLiteralNode(type)) return [{ kind: 'shape', node: type }];
    if (ts.isTypeReferenceNode(type)) return this.remember(type, () => this.reference(type));
    return ts.isLiteralTypeNode(type) || (type.kind >= ts.SyntaxKind.FirstKeyword && type.kind <= ts.SyntaxKind.LastKeyword) ? [] : [];
  }

  private reference({ typeName, typeArguments }: TS.TypeReferenceNode): readonly Value[] {
    const names = entityNames(typeName);
    const first = names[0];
    const inner = typeArguments?.[0];
    if (names.length === 1 && /^(Promise|Awaited|NonNullable|Readonly|Partial|Required)$/.test(first)) return this.typed(inner);
    if (names.length === 1 && /^(Array|ReadonlyArray|Set)$/.test(first)) return [{ kind: 'array', elements: this.typed(inner) }];
    if (first === 'ReturnType' && inner !== undefined && ts.isTypeQueryNode(inner)) return this.typeofReturn(inner);
    const declared = this.project.unitOf(typeName).type(typeName, first);
    if (declared === undefined) return names.length === 1 && /^(Map|WeakMap|URL|Date|Buffer|Record)$/.test(first) ? [OTHER] : [];
    if (ts.isTypeAliasDeclaration(declared)) return this.typed(declared.type);
    if (ts.isInterfaceDeclaration(declared)) return [{ kind: 'shape', node: declared }];
    const values = names.slice(1).reduce<readonly Value[]>((found, name) => found.flatMap((value) => this.property(value, name)), this.declaration(declared));
    return [...values.flatMap((value) => this.instanceOfType(value)), ...this.importedType(declared)];
  }

  private typeofReturn({ exprName }: TS.TypeQueryNode): readonly Value[] {
    const names = entityNames(exprName);
    const declared = this.project.unitOf(exprName).lookup(exprName, names[0]);
    if (declared === undefined) return [];
    const values = names.slice(1).reduce<readonly Value[]>((found, name) => found.flatMap((value) => this.property(value, name)), this.declaration(declared.node));
    return values.flatMap((value): readonly Value[] => {
      if (value.kind === 'function') return this.returns(value.node).map(withoutOrigin);
      const made = value.kind === 'package' ? clientOf(value.name, value.path, false) : undefined;
      return made === undefined ? [] : [{ kind: 'client', library: made.library }];
    });
  }

  private instanceOfType(value: Value): readonly Value[] {
    if (value.kind === 'class') {
      const base = this.heritage(value.node).flatMap((one) => (one.kind === 'package' ? (clientOf(one.name, one.path, true) ?? []) : []))[0];
      return [{ kind: 'instance', node: value.node }, ...(base === undefined ? [] : [{ kind: 'client', library: base.library } as const])];
    }
    if (value.kind !== 'package') return [];
    const type = clientType(value.name, value.path);
    if (type === undefined) return [OTHER];
    const client = { kind: 'client', library: value.name, managed: value.name === 'hawser' } as const;
    return type === 'client' ? [client] : [{ kind: 'pipeline', client }];
  }

  /** An interface or alias that another file exports. */
  private importedType(declared: TS.Node): readonly Value[] {
    if (!ts.isImportSpecifier(declared)) return [];
    const specifier = literalText(ancestor(declared, ts.isImportDeclaration)?.moduleSpecifier);
    const unit = this.project.unitOf(declared);
    const file = specifier === undefined ? undefined : this.project.resolve(unit.path, specifier);
    const other = file === undefined ? undefined : this.project.unit(file);
    const type = other?.type(other.source, (declared.propertyName ?? declared.name).text);
    if (type === undefined) return [];
    if (ts.isTypeAliasDeclaration(type)) return this.typed(type.type);
    return ts.isInterfaceDeclaration(type) ? [{ kind: 'shape', node: type }] : [];
  }
}

function entityNames(name: TS.EntityName): string[] {
  return ts.isIdentifier(name) ? [name.text] : [...entityNames(name.left), name.right.text];
}

const withoutOrigin = (value: Value): Value => (value.kind === 'client' ? { kind: 'client', library: value.library } : value);

/** Each value once, and a bounded number of them. */
function unique(values: readonly Value[]): readonly Value[] {
  if (values.length < 2) return values;
  const kept: Value[] = [];
  const nodes = new Set<unknown>();
  for (const value of values) {
    const key = value.kind === 'client' ? (value.origin ?? `client ${value.library}`) : 'node' in value ? value.node : value.kind === 'other' ? 'other' : value.kind === 'package' ? `package ${value.name} ${value.path}` : value;
    if (nodes.has(key)) continue;
    nodes.add(key);
    kept.push(value);
    if (kept.length >= MAX_VALUES) break;
  }
  return kept;
}
