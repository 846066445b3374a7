/** What files of the code base import and export. */
import type * as TS from 'typescript';
import type { Evaluation } from './evaluation';
import { ts } from './parser';
import { ancestor, literalText } from './syntax';
import type { Unit } from './unit';
import type { Value } from './values';

/** Follows imports, `require` and re-exports. */
export class Modules {
  constructor(private readonly evaluation: Evaluation) {}

  imported(node: TS.Node): readonly Value[] {
    const unit = this.evaluation.project.unitOf(node);
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
    return this.module(unit, specifier).flatMap((value) => (value.kind === 'module' ? this.exported(value.file, name) : this.evaluation.property(value, name)));
  }

  module(unit: Unit, specifier: string): readonly Value[] {
    const file = this.evaluation.project.resolve(unit.path, specifier);
    if (file !== undefined) return [{ kind: 'module', file }];
    if (specifier.startsWith('.')) return [];
    const parts = specifier.replace(/^node:/, '').split('/');
    const name = parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
    return [{ kind: 'package', name, path: '' }];
  }

  /** What `require` returns: `module.exports` where a file has one. */
  required(unit: Unit, specifier: string): readonly Value[] {
    return this.module(unit, specifier).flatMap((value) => {
      if (value.kind !== 'module') return [value];
      const whole = this.evaluation.project.unit(value.file)?.exports.get('export=');
      return whole === undefined ? [value] : [...this.exportedNode(whole), value];
    });
  }

  private exportedNode(exported: { node: TS.Node } | { from: string; name: string }): readonly Value[] {
    if (!('node' in exported)) return [];
    const { node } = exported;
    return ts.isVariableDeclaration(node) || ts.isBindingElement(node) || ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) || ts.isEnumDeclaration(node) ? this.declared(node) : ts.isModuleDeclaration(node) ? [] : this.evaluation.values(node as TS.Expression);
  }

  /** The value of a declaration with its later assignments. */
  private declared(node: TS.VariableDeclaration | TS.BindingElement | TS.FunctionDeclaration | TS.ClassDeclaration | TS.EnumDeclaration): readonly Value[] {
    const name = node.name !== undefined && ts.isIdentifier(node.name) ? node.name.text : undefined;
    const declared = name === undefined ? undefined : this.evaluation.project.unitOf(node).lookup(node, name);
    return [...this.evaluation.declaration(node), ...this.evaluation.all(declared?.assigned)];
  }

  /** What a file exports under a name. */
  exported(file: string, name: string, seen: ReadonlySet<string> = new Set()): readonly Value[] {
    const unit = this.evaluation.project.unit(file);
    if (unit === undefined || seen.has(file)) return [];
    const found = unit.exports.get(name);
    if (found !== undefined && 'node' in found) return this.exportedNode(found);
    if (found !== undefined) {
      const modules = this.module(unit, found.from);
      return found.name === '*' ? modules : modules.flatMap((value) => (value.kind === 'module' ? this.exported(value.file, found.name, new Set([...seen, file])) : this.evaluation.property(value, found.name)));
    }
    const whole = unit.exports.get('export=');
    if (whole !== undefined) return name === 'default' ? this.exportedNode(whole) : this.exportedNode(whole).flatMap((value) => this.evaluation.property(value, name));
    if (name === 'default' && unit.exports.size > 0 && /\.c?js$/.test(file)) return [{ kind: 'module', file }];
    return unit.stars.flatMap((from) => this.module(unit, from)).flatMap((value) => (value.kind === 'module' ? this.exported(value.file, name, new Set([...seen, file])) : name === 'default' ? [] : this.evaluation.property(value, name)));
  }
}
