/** What types of TypeScript say of a value. */
import type * as TS from 'typescript';
import type { Evaluation } from './evaluation';
import { clientOf, clientType } from './libraries';
import { ts } from './parser';
import { ancestor, literalText } from './syntax';
import { OTHER, type Value } from './values';

/** The values that types allow. */
export class Types {
  constructor(private readonly evaluation: Evaluation) {}

  /** The values that a type allows. */
  typed(type: TS.TypeNode | undefined): readonly Value[] {
    if (type === undefined) return [];
    if (ts.isUnionTypeNode(type) || ts.isIntersectionTypeNode(type)) return type.types.flatMap((one) => this.typed(one));
    if (ts.isParenthesizedTypeNode(type) || ts.isTypeOperatorNode(type)) return this.typed(type.type);
    if (ts.isArrayTypeNode(type)) return [{ kind: 'array', elements: this.typed(type.elementType) }];
    if (ts.isTypeLiteralNode(type)) return [{ kind: 'shape', node: type }];
    if (ts.isTypeReferenceNode(type)) return this.evaluation.remember(type, () => this.reference(type));
    return ts.isLiteralTypeNode(type) || (type.kind >= ts.SyntaxKind.FirstKeyword && type.kind <= ts.SyntaxKind.LastKeyword) ? [] : [];
  }

  private reference({ typeName, typeArguments }: TS.TypeReferenceNode): readonly Value[] {
    const names = entityNames(typeName);
    const first = names[0];
    const inner = typeArguments?.[0];
    if (names.length === 1 && /^(Promise|Awaited|NonNullable|Readonly|Partial|Required)$/.test(first)) return this.typed(inner);
    if (names.length === 1 && /^(Array|ReadonlyArray|Set)$/.test(first)) return [{ kind: 'array', elements: this.typed(inner) }];
    if (first === 'ReturnType' && inner !== undefined && ts.isTypeQueryNode(inner)) return this.typeofReturn(inner);
    const declared = this.evaluation.project.unitOf(typeName).type(typeName, first);
    if (declared === undefined) return names.length === 1 && /^(Map|WeakMap|URL|Date|Buffer|Record)$/.test(first) ? [OTHER] : [];
    if (ts.isTypeAliasDeclaration(declared)) return this.typed(declared.type);
    if (ts.isInterfaceDeclaration(declared)) return [{ kind: 'shape', node: declared }];
    const values = names.slice(1).reduce<readonly Value[]>((found, name) => found.flatMap((value) => this.evaluation.property(value, name)), this.evaluation.declaration(declared));
    return [...values.flatMap((value) => this.instanceOfType(value)), ...this.importedType(declared)];
  }

  private typeofReturn({ exprName }: TS.TypeQueryNode): readonly Value[] {
    const names = entityNames(exprName);
    const declared = this.evaluation.project.unitOf(exprName).lookup(exprName, names[0]);
    if (declared === undefined) return [];
    const values = names.slice(1).reduce<readonly Value[]>((found, name) => found.flatMap((value) => this.evaluation.property(value, name)), this.evaluation.declaration(declared.node));
    return values.flatMap((value): readonly Value[] => {
      if (value.kind === 'function') return this.evaluation.returns(value.node).map(withoutOrigin);
      const made = value.kind === 'package' ? clientOf(value.name, value.path, false) : undefined;
      return made === undefined ? [] : [{ kind: 'client', library: made.library }];
    });
  }

  private instanceOfType(value: Value): readonly Value[] {
    if (value.kind === 'class') {
      const base = this.evaluation.heritage(value.node).flatMap((one) => (one.kind === 'package' ? (clientOf(one.name, one.path, true) ?? []) : []))[0];
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
    const unit = this.evaluation.project.unitOf(declared);
    const file = specifier === undefined ? undefined : this.evaluation.project.resolve(unit.path, specifier);
    const other = file === undefined ? undefined : this.evaluation.project.unit(file);
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
