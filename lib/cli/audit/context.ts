/** What the finders share, and how a finding is made. */
import type * as TS from 'typescript';
import type { Evaluator } from './evaluate';
import type { Project } from './project';
import type { Finding, Place } from './schema';
import { codeOf, placeIn } from './syntax';
import type { Unit } from './unit';
import type { Use } from './uses';

export interface Analysis {
  readonly project: Project;
  readonly evaluator: Evaluator;
  readonly units: readonly Unit[];
  readonly uses: readonly Use[];
}

export const placeOf = (analysis: Analysis, node: TS.Node): Place => placeIn(node, analysis.project.unitOf(node).file);

type Told = Pick<Finding, 'kind' | 'severity' | 'message' | 'replacement'> & { confidence?: Finding['confidence']; related?: readonly TS.Node[]; code?: TS.Node };

/** A finding at a node. */
export function findingAt(analysis: Analysis, node: TS.Node, { confidence = 'sure', related = [], code = node, ...told }: Told): Finding {
  return { ...told, confidence, ...placeOf(analysis, node), code: codeOf(code), related: related.map((one) => placeOf(analysis, one)) };
}
