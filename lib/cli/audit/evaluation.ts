/** What the parts of the evaluator ask of it. */
import type * as TS from 'typescript';
import type { Project } from './project';
import type { ClassNode, FunctionNode } from './syntax';
import type { Value } from './values';

export interface Evaluation {
  readonly project: Project;
  /** What an expression may be. */
  values(expression: TS.Expression): readonly Value[];
  /** What any of them may be. */
  all(expressions: readonly TS.Expression[] | undefined): readonly Value[];
  /** The value of what a declaration declares. */
  declaration(node: TS.Node): readonly Value[];
  /** The values that a type allows. */
  typed(type: TS.TypeNode | undefined): readonly Value[];
  /** `value.name`. */
  property(value: Value, name: string): readonly Value[];
  /** The elements of arrays, or the values of an object's properties. */
  elements(values: readonly Value[]): readonly Value[];
  /** What a function returns. */
  returns(node: FunctionNode): readonly Value[];
  /** What a class extends. */
  heritage(node: ClassNode | undefined): readonly Value[];
  /** Evaluates a node once, within the bounds of depth and steps. */
  remember(node: TS.Node, evaluate: (node: TS.Node) => readonly Value[]): readonly Value[];
}
