/** What the audit knows of an expression's value. */
import type * as TS from 'typescript';
import type { ClassNode, FunctionNode } from './syntax';

/** A place in the code that opens a connection. */
export interface Connection {
  readonly node: TS.CallExpression | TS.NewExpression;
  readonly library: string;
  readonly how: string;
  readonly cluster: boolean;
  /** Of a queue: which class. */
  readonly queue?: string;
}

export type Value =
  /** An export of a package outside the code base; `path` is as in `default.Cluster`, and `()` stands for a call. */
  | { readonly kind: 'package'; readonly name: string; readonly path: string }
  /** A module of the code base. */
  | { readonly kind: 'module'; readonly file: string }
  | { readonly kind: 'class'; readonly node: ClassNode }
  | { readonly kind: 'instance'; readonly node: ClassNode }
  | { readonly kind: 'function'; readonly node: FunctionNode }
  /** What `new` makes of a function. */
  | { readonly kind: 'constructed'; readonly node: FunctionNode }
  | { readonly kind: 'object'; readonly node: TS.ObjectLiteralExpression }
  | { readonly kind: 'shape'; readonly node: TS.InterfaceDeclaration | TS.TypeLiteralNode }
  | { readonly kind: 'array'; readonly elements: readonly Value[] }
  /** A client of Redis; `origin` is where it was made, if that is known. */
  | { readonly kind: 'client'; readonly library: string; readonly origin?: Connection; readonly managed?: boolean }
  | { readonly kind: 'pipeline'; readonly client: Value & { kind: 'client' } }
  | { readonly kind: 'method'; readonly of: Value & { kind: 'client' | 'pipeline' }; readonly name: string }
  | { readonly kind: 'queue'; readonly origin: Connection }
  /** Something else: no client. */
  | { readonly kind: 'other' };

export const OTHER: Value = { kind: 'other' };

/** The clients among values; those whose origin is known, if there are any. */
export function clientsIn(values: readonly Value[]): (Value & { kind: 'client' })[] {
  const clients = values.filter((value) => value.kind === 'client');
  const known = clients.filter(({ origin, managed }) => origin !== undefined || managed === true);
  return known.length > 0 ? known : clients;
}
