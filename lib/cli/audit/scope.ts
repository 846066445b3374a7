/** Whether code runs once or for every request. */
import type * as TS from 'typescript';
import type { Analysis } from './context';
import { functionsAround } from './flow';
import { ts } from './parser';
import { contains, decoratorsOf, enclosingClass, hasModifier, isClass, isStatic, nameText, pathOf, propertyName, propertyOf, stripped, walk, type ClassNode, type FunctionNode } from './syntax';

export type Scope = 'module' | 'class' | 'function' | 'request';

const MAX_CALLERS = 6;

/** Where a connection is opened. */
export function scopeOf(analysis: Analysis, node: TS.Node): Scope {
  if (isPerRequest(analysis, node, 0)) return 'request';
  if (functionsAround(node).length > 0) return enclosingClass(node) === undefined ? 'function' : 'class';
  return enclosingClass(node) === undefined ? 'module' : 'class';
}

/** Whether `node` runs for every request: in a handler, in what a handler calls, or in a class that is made for each request. */
export function isPerRequest(analysis: Analysis, node: TS.Node, depth: number, seen: ReadonlySet<TS.Node> = new Set()): boolean {
  if (depth > MAX_CALLERS || isKept(node)) return false;
  const around = functionsAround(node);
  if (around.some((one) => isHandler(one))) return true;
  const owner = enclosingClass(node);
  const inner = around[0];
  const isConstruction = owner !== undefined && !isInStatic(node, owner) && (inner === undefined || contains(inner, owner) || ts.isConstructorDeclaration(inner));
  if (isConstruction && isRequestScoped(owner)) return true;
  const target = isConstruction ? owner : around.find((one) => analysis.evaluator.callsOf(one).length > 0);
  if (target === undefined || seen.has(target)) return false;
  return analysis.evaluator.callsOf(target).some((call) => isPerRequest(analysis, call, depth + 1, new Set([...seen, target])));
}

/** What a class makes in a static member belongs to the program. */
function isInStatic(node: TS.Node, owner: ClassNode): boolean {
  return owner.members.some((member) => isStatic(member) && contains(member, node));
}

/** Whether the result is kept outside of the function and made only if it is not there: `client ??= x`, `if (!client) client = x`. */
function isKept(node: TS.Node): boolean {
  for (let up = node; (up.parent as TS.Node | undefined) !== undefined && !ts.isSourceFile(up.parent); up = up.parent) {
    const { parent } = up;
    if (ts.isBinaryExpression(parent) && parent.right === up) {
      const kind = parent.operatorToken.kind;
      if (kind === ts.SyntaxKind.QuestionQuestionEqualsToken || kind === ts.SyntaxKind.BarBarEqualsToken) return true;
      if (kind === ts.SyntaxKind.EqualsToken && isGuarded(parent)) return true;
    }
    if (ts.isCallExpression(parent) && propertyName(parent.expression) === 'set' && isGuarded(parent)) return true;
    if (ts.isVariableDeclaration(parent) && ts.isIdentifier(parent.name) && isStoredLater(parent)) return true;
  }
  return false;
}

/** `const made = new Redis(); clients.set(name, made)` behind a look into the same map, and `client = made` behind `if (!client)`. */
function isStoredLater(declaration: TS.VariableDeclaration): boolean {
  const scope = functionsAround(declaration)[0];
  const name = (declaration.name as TS.Identifier).text;
  if (scope?.body === undefined) return false;
  let isStored = false;
  walk(scope.body, (node) => {
    const isAssigned = ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken && pathOf(node.right) === name && isGuarded(node);
    const isPut = ts.isCallExpression(node) && propertyName(node.expression) === 'set' && node.arguments.some((argument) => pathOf(argument) === name) && isGuarded(node);
    if (isAssigned || isPut) isStored = true;
  });
  return isStored;
}

/** Whether a condition around an assignment, or an early return before it, looks at what it assigns. */
function isGuarded(node: TS.BinaryExpression | TS.CallExpression): boolean {
  const target = ts.isBinaryExpression(node) ? pathOf(node.left) : pathOf((node.expression as TS.PropertyAccessExpression).expression);
  if (target === undefined) return false;
  const scope = functionsAround(node)[0];
  // A name of the function itself is gone with the call.
  if (scope === undefined || isLocal(scope, target)) return false;
  let isFound = false;
  walk(scope, (inner) => {
    if (!ts.isIfStatement(inner)) return;
    if (inner.pos < node.pos && mentions(inner.expression, target)) isFound = true;
  });
  return isFound || hasConditional(node, target);
}

function isLocal(scope: FunctionNode, target: string): boolean {
  const [head] = target.split('.');
  let isFound = scope.parameters.some(({ name }) => ts.isIdentifier(name) && name.text === head);
  walk(scope, (inner) => {
    if (ts.isVariableDeclaration(inner) && ts.isIdentifier(inner.name) && inner.name.text === head) isFound = true;
  });
  return isFound;
}

function hasConditional(node: TS.Node, target: string): boolean {
  for (let up = node.parent as TS.Node | undefined; up !== undefined; up = up.parent as TS.Node | undefined) {
    if (ts.isConditionalExpression(up) && mentions(up.condition, target)) return true;
    if (ts.isBinaryExpression(up) && mentions(up.left, target)) return true;
  }
  return false;
}

function mentions(expression: TS.Node, target: string): boolean {
  let isFound = false;
  walk(expression, (node) => {
    if ((ts.isIdentifier(node) || ts.isPropertyAccessExpression(node)) && pathOf(node)?.startsWith(target) === true) isFound = true;
  });
  return isFound;
}

const ROUTES = /^(get|post|put|patch|delete|head|options|all|use|route|param|addHook|handle|onRequest|preHandler)$/;
const HOLDERS = /^(app|router|server|fastify|api|route|routes|hono|koa|express|instance|web|r|v\d+)$|(router|app|routes|server)$/i;
const ROUTE_DECORATORS = /^(Get|Post|Put|Patch|Delete|Head|Options|All|Sse|MessagePattern|EventPattern|Query|Mutation|ResolveField|SubscribeMessage)$/;
const REQUEST = /^(_?req(uest)?|_?ctx|context|_?res(ponse)?|reply|event)$/;
const RESPONSE = /^(_?res(ponse)?|reply|next|h|done)$/;

/** Whether a function handles requests. */
export function isHandler(node: FunctionNode): boolean {
  if (ts.isConstructorDeclaration(node)) return false;
  if (decoratorsOf(node).some(({ name }) => ROUTE_DECORATORS.test(name))) return true;
  const names = node.parameters.map(({ name }) => (ts.isIdentifier(name) ? name.text : ''));
  const types = node.parameters.map(({ type }) => (type === undefined ? '' : type.getText()));
  if (REQUEST.test(names[0] ?? '') && RESPONSE.test(names[1] ?? '')) return true;
  if (/^(ctx|context|c)$/.test(names[0] ?? '') && names[1] === 'next') return true;
  if (types.some((type) => /^((express|http)\.)?(Request|Response|NextRequest|FastifyRequest|FastifyReply|NextApiRequest|IncomingMessage|ExecutionContext|APIGatewayProxyEvent\w*|Koa\.Context)(<.*>)?$/.test(type))) return true;
  return isRegistered(node) || isExportedHandler(node);
}

/** `app.get('/path', handler)`. */
function isRegistered(node: FunctionNode): boolean {
  const call = node.parent;
  if (!ts.isCallExpression(call) || !call.arguments.some((argument) => argument === node)) return false;
  const name = propertyName(call.expression);
  if (name === undefined || !ROUTES.test(name)) return false;
  const base = stripped((call.expression as TS.PropertyAccessExpression).expression);
  const holder = ts.isCallExpression(base) ? propertyName(base.expression) : pathOf(base)?.split('.').pop();
  const hasPath = call.arguments[0] !== undefined && ts.isStringLiteralLike(call.arguments[0]) && call.arguments[0].text.startsWith('/');
  return hasPath ? call.arguments.length > 1 : HOLDERS.test(holder ?? '') && node.parameters.length > 1;
}

/** Route files of Next.js (`export async function GET`), and a function of a cloud that is called `handler`. */
function isExportedHandler(node: FunctionNode): boolean {
  const declaration = ts.isFunctionDeclaration(node) ? node : ts.isVariableDeclaration(node.parent) ? node.parent : undefined;
  const name = nameText(declaration?.name);
  if (declaration === undefined || name === undefined || !/^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|handler|getServerSideProps|loader|action)$/.test(name)) return false;
  const statement = ts.isFunctionDeclaration(declaration) ? declaration : declaration.parent.parent;
  return hasModifier(statement, ts.SyntaxKind.ExportKeyword) && (/^[A-Z]+$|^getServerSideProps$/.test(name) || node.parameters.length > 0);
}

/** `@Injectable({ scope: Scope.REQUEST })` and `Scope.TRANSIENT`. */
function isRequestScoped(node: ClassNode): boolean {
  return isClass(node) && decoratorsOf(node).some(({ call }) => /(^|\.)(REQUEST)$/.test(pathOf(propertyOf(call?.arguments[0], 'scope') ?? ts.factory.createNull()) ?? ''));
}
