/** What calls and `new` give back, and the connections that they open. */
import type * as TS from 'typescript';
import type { Evaluation } from './evaluation';
import { clientOf, isOpener, isQueueModule, managerResult, queueType } from './libraries';
import type { Modules } from './modules';
import { ts } from './parser';
import { literalText, nameText, pathOf, propertyName, stripped, type ClassNode } from './syntax';
import { OTHER, type Connection, type Value } from './values';

/** Follows calls; notes what opens a connection. */
export class Calls {
  readonly connections = new Map<TS.Node, Connection>();

  constructor(
    private readonly evaluation: Evaluation,
    private readonly modules: Modules,
  ) {}

  construction(node: TS.NewExpression): readonly Value[] {
    // `new Map()` and other classes of the language.
    if (ts.isIdentifier(node.expression) && this.evaluation.project.unitOf(node).lookup(node, node.expression.text) === undefined) return [OTHER];
    return this.evaluation.values(node.expression).flatMap((value): readonly Value[] => {
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
    const bases = this.evaluation.heritage(node);
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
    const given = (node.arguments ?? []).flatMap((argument) => this.evaluation.values(argument));
    const inside = given.flatMap((value) => (value.kind === 'object' ? this.evaluation.elements([value]) : [value]));
    if (!inside.some(({ kind }) => kind === 'client')) this.connection(node, { library, how, cluster: false });
  }

  call(node: TS.CallExpression): readonly Value[] {
    if (node.expression.kind === ts.SyntaxKind.ImportKeyword) return this.loadedModule(node, false);
    const { expression } = node;
    if (ts.isIdentifier(expression) && this.isRequire(expression)) return this.loadedModule(node, true);
    const general = this.builtIn(node);
    if (general !== undefined) return general;
    return this.evaluation.values(expression).flatMap((callee): readonly Value[] => {
      if (callee.kind === 'function') return this.evaluation.returns(callee.node);
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
    if (/(^|\.)(promisify|promisifyAll)$/.test(path)) return node.arguments.flatMap((argument) => this.evaluation.values(argument));
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
    if (path === 'Promise.all' || path === 'Promise.allSettled' || path === 'Promise.resolve' || path === 'Object.freeze' || path === 'Object.assign') return args.flatMap((one) => this.evaluation.values(one));
    if (path === 'Object.values') return first === undefined ? [] : [{ kind: 'array', elements: this.evaluation.elements(this.evaluation.values(first)) }];
    if (name === 'bind' || name === 'apply' || name === 'call') {
      const methods = this.evaluation.values(base).filter((value) => value.kind === 'method' || value.kind === 'function');
      if (methods.length > 0) return name === 'bind' ? methods : undefined;
    }
    if (/^(filter|slice|concat|flat|reverse)$/.test(name)) {
      const arrays = this.evaluation.values(base).filter(({ kind }) => kind === 'array');
      return arrays.length > 0 ? arrays : undefined;
    }
    if (/^(then|catch|finally)$/.test(name)) return this.continued(name, base, first);
    if (name === 'map' && first !== undefined && this.evaluation.values(base).some(({ kind }) => kind === 'array')) {
      return [{ kind: 'array', elements: this.evaluation.values(first).flatMap((value) => (value.kind === 'function' ? this.evaluation.returns(value.node) : [])) }];
    }
    return undefined;
  }

  private continued(name: string, base: TS.Expression, first: TS.Expression | undefined): readonly Value[] {
    if (name !== 'then' || first === undefined) return this.evaluation.values(base);
    return this.evaluation.values(first).flatMap((value) => (value.kind === 'function' ? this.evaluation.returns(value.node) : []));
  }

  private isRequire(callee: TS.Identifier): boolean {
    const declared = this.evaluation.project.unitOf(callee).lookup(callee, callee.text);
    if (declared === undefined) return callee.text === 'require';
    const initializer = ts.isVariableDeclaration(declared.node) && declared.node.initializer !== undefined ? stripped(declared.node.initializer) : undefined;
    return initializer !== undefined && ts.isCallExpression(initializer) && /(^|\.)createRequire$/.test(pathOf(initializer.expression) ?? '');
  }

  private loadedModule(node: TS.CallExpression, isRequire: boolean): readonly Value[] {
    const specifier = literalText(node.arguments[0]);
    const unit = this.evaluation.project.unitOf(node);
    if (specifier === undefined) return [];
    return isRequire ? this.modules.required(unit, specifier) : this.modules.module(unit, specifier);
  }
}
