/**
 * What an expression may be, followed through variables, imports, re-exports, classes, wrappers and parameters. It knows what matters for Redis and
 * takes everything else for unknown. It never runs code, and gives up at a depth and after a number of steps, so that no code base can hold it.
 */
import type * as TS from 'typescript';
import { Calls } from './calls';
import type { Evaluation } from './evaluation';
import { clientOf } from './libraries';
import { Modules } from './modules';
import { narrowed } from './narrowing';
import { ts } from './parser';
import type { Project } from './project';
import { ancestor, decoratorsOf, enclosingFunction, isClass, isFunction, isStatic, literalText, nameText, pathOf, propertyName, propertyOf, stripped, type ClassNode, type FunctionNode } from './syntax';
import { Types } from './types';
import { OTHER, type Connection, type Value } from './values';
import type { Unit } from './unit';

const MAX_DEPTH = 60;
/** Objects that are spread into others, and exports of exports. */
const MAX_NESTED = 30;
const MAX_STEPS = 4_000;
const MAX_VALUES = 24;

export class Evaluator implements Evaluation {
  private readonly modules = new Modules(this);
  private readonly types = new Types(this);
  private readonly calls = new Calls(this, this.modules);
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

  /** The places that open a connection. */
  get connections(): ReadonlyMap<TS.Node, Connection> {
    return this.calls.connections;
  }

  /** The values that a type allows. */
  typed(type: TS.TypeNode | undefined): readonly Value[] {
    return this.types.typed(type);
  }

  /** Finds who calls which function, so that parameters have the values of the arguments. Call it once, with all units. `turn` is called before each unit. */
  async index(units: readonly Unit[], turn: (at: number) => Promise<void>): Promise<void> {
    for (const unit of units) {
      for (const provider of unit.providers) this.addProvider(provider);
      for (const [name, rights] of unit.assigned) {
        const [, key] = /^(?:global|globalThis)\.(.+)$/.exec(name) ?? [];
        if (key !== undefined) this.globals.set(key, [...(this.globals.get(key) ?? []), ...rights]);
      }
    }
    const callers = new Map<TS.Node, (TS.CallExpression | TS.NewExpression)[]>();
    for (const [at, unit] of units.entries()) {
      await turn(at);
      for (const call of unit.calls) {
        for (const target of this.values(call.expression)) {
          const node = target.kind === 'function' ? target.node : target.kind === 'class' && ts.isNewExpression(call) ? target.node : undefined;
          if (node === undefined) continue;
          const known = callers.get(node);
          if (known === undefined) callers.set(node, [call]);
          else known.push(call);
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

  remember(node: TS.Node, evaluate: (node: TS.Node) => readonly Value[]): readonly Value[] {
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
    if (ts.isIdentifier(node)) return narrowed(this, node, this.identifier(node));
    if (node.kind === ts.SyntaxKind.ThisKeyword) return this.thisValue(node);
    if (node.kind === ts.SyntaxKind.SuperKeyword) return this.heritage(ancestor(node, isClass));
    if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) return narrowed(this, node, this.access(node));
    if (ts.isNewExpression(node)) return this.calls.construction(node);
    if (ts.isCallExpression(node)) return this.calls.call(node);
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

  readonly all = (expressions: readonly TS.Expression[] | undefined): readonly Value[] => (expressions ?? []).flatMap((one) => this.values(one));

  /** The value of what a declaration declares. */
  declaration(node: TS.Node): readonly Value[] {
    return this.remember(node, () => {
      if (ts.isVariableDeclaration(node)) return this.variable(node);
      if (ts.isParameter(node)) return this.parameter(node);
      if (ts.isBindingElement(node)) return this.bound(node);
      if (ts.isFunctionDeclaration(node)) return [{ kind: 'function', node }];
      if (ts.isClassDeclaration(node)) return [{ kind: 'class', node }];
      if (ts.isEnumDeclaration(node)) return [OTHER];
      return this.modules.imported(node);
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
  elements(values: readonly Value[]): readonly Value[] {
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
        return this.modules.exported(value.file, name);
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

  heritage(node: ClassNode | undefined): readonly Value[] {
    const clause = node?.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword);
    return clause?.types[0] === undefined ? [] : this.values(clause.types[0].expression);
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
}
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
