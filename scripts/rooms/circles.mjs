// Finds circles between files: builds the graph of imports, including type imports, and lists every group of files that reach each other.

import path from 'node:path';

/** The files that a TypeScript file imports. */
function typescriptImports(file, text, known) {
  const found = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"](\.[^'"]*)['"]/g)].map(([, specifier]) => {
    const base = path.posix.join(path.posix.dirname(file), specifier);
    return [`${base}.ts`, `${base}/index.ts`, base].find((candidate) => known.has(candidate));
  });
  return found.filter((target) => target !== undefined);
}

/** Expands `a::{b, c::{d, e}}` to `a::b`, `a::c::d`, `a::c::e`. */
function flatten(tree) {
  const open = tree.indexOf('{');
  if (open < 0) return [tree.trim().replace(/\s+as\s+\w+$/, '')];
  const head = tree.slice(0, open).trim();
  const parts = [];
  let depth = 0;
  let part = '';
  for (const char of tree.slice(open + 1, tree.lastIndexOf('}'))) {
    if (char === ',' && depth === 0) {
      parts.push(part);
      part = '';
      continue;
    }
    depth += char === '{' ? 1 : char === '}' ? -1 : 0;
    part += char;
  }
  return [...parts, part].filter((inner) => inner.trim() !== '').flatMap((inner) => flatten(head + inner.trim()));
}

/** The module path of a Rust file, from the crate's root. */
const modulePath = (file) =>
  file
    .replace(/^src\//, '')
    .replace(/\.rs$/, '')
    .replace(/(^|\/)(mod|lib)$/, '')
    .split('/')
    .filter(Boolean);

const moduleFile = (segments, known) => {
  const base = ['src', ...segments].join('/');
  const candidates = segments.length === 0 ? ['src/lib.rs'] : [`${base}.rs`, `${base}/mod.rs`];
  return candidates.find((candidate) => known.has(candidate));
};

/** Resolves a path in a module to segments from the crate's root; undefined for another crate's path. */
function absolute(written, own, known) {
  const segments = written.split('::').map((segment) => segment.trim());
  if (segments[0] === 'crate') return segments.slice(1);
  let base = [...own];
  let at = 0;
  for (; segments[at] === 'super' || segments[at] === 'self'; at++) if (segments[at] === 'super') base = base.slice(0, -1);
  if (at > 0) return [...base, ...segments.slice(at)];
  return moduleFile([...own, segments[0]], known) === undefined ? undefined : [...own, ...segments];
}

/** What a module re-exports (`pub use`): the original path by name. */
function reexports(text, own, known) {
  const passed = new Map();
  for (const [, tree] of text.matchAll(/\bpub(?:\([a-z]+\))?\s+use\s+([^;]+);/g)) {
    for (const written of flatten(tree)) {
      const target = absolute(written, own, known);
      if (target !== undefined) passed.set(target.at(-1), target);
    }
  }
  return passed;
}

/** The file that defines what a path names. */
function owner(target, modules, known, depth = 0) {
  for (let length = target.length; length >= 0; length--) {
    const file = moduleFile(target.slice(0, length), known);
    if (file === undefined) continue;
    const behind = modules.get(file)?.passed.get(target[length]);
    return behind === undefined || depth > 8 ? file : owner([...behind, ...target.slice(length + 1)], modules, known, depth + 1);
  }
  return undefined;
}

function rustImports(file, text, modules, known) {
  const own = modulePath(file);
  const code = text.replace(/\bpub(?:\([a-z]+\))?\s+use\s+[^;]+;/g, '');
  const uses = [...code.matchAll(/\buse\s+([^;]+);/g)].flatMap(([, tree]) => flatten(tree));
  const inline = [...code.replace(/\buse\s+[^;]+;/g, '').matchAll(/\b(?:(?:super::)+|crate::)\w+(?:::\w+)*/g)].map(([written]) => written);
  return [...uses, ...inline].flatMap((written) => {
    const target = absolute(written, own, known);
    const found = target && owner(target, modules, known);
    return found === undefined || found === 'src/lib.rs' ? [] : [found];
  });
}

/** The groups of nodes that reach each other (Tarjan's algorithm), each with two members or more. */
function groups(edges) {
  const index = new Map();
  const low = new Map();
  const stack = [];
  const found = [];
  const visit = (node) => {
    index.set(node, index.size);
    low.set(node, index.get(node));
    stack.push(node);
    for (const next of edges.get(node) ?? []) {
      if (!index.has(next)) {
        visit(next);
        low.set(node, Math.min(low.get(node), low.get(next)));
      } else if (stack.includes(next)) {
        low.set(node, Math.min(low.get(node), index.get(next)));
      }
    }
    if (low.get(node) !== index.get(node)) return;
    const group = stack.splice(stack.indexOf(node));
    if (group.length > 1) found.push(group.sort());
  };
  for (const node of edges.keys()) if (!index.has(node)) visit(node);
  return found;
}

/** Returns every circle as a list of files. `files` holds pairs of a path from the root and its text. */
export function circles(files) {
  const texts = new Map(files);
  const known = new Set(texts.keys());
  const modules = new Map();
  for (const [file, text] of texts) if (file.endsWith('.rs')) modules.set(file, { passed: reexports(text, modulePath(file), known) });
  const edges = new Map();
  for (const [file, text] of texts) {
    const imports = file.endsWith('.rs') ? rustImports(file, text, modules, known) : typescriptImports(file, text, known);
    edges.set(file, [...new Set(imports)].filter((target) => target !== file));
  }
  return groups(edges);
}
