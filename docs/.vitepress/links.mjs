// Links of the pages. The Markdown files read the same on GitHub and on the site, so both need the same anchors and the same targets.

import path from 'node:path';

const REPOSITORY = 'https://github.com/hawser/hawser/blob/main/';

/** The anchor of a heading, as GitHub makes it. */
export function slug(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

/** Lets links that leave docs/ (sources, examples, files of the root) lead to the repository. */
export function leadOut(markdown) {
  markdown.core.ruler.push('lead_out', (state) => {
    const folder = path.posix.dirname(state.env.relativePath ?? '');
    for (const token of state.tokens.flatMap((block) => block.children ?? [])) {
      const href = token.type === 'link_open' ? token.attrGet('href') : null;
      if (href === null || /^([a-z]+:|#|\/)/.test(href)) continue;
      const target = path.posix.normalize(path.posix.join('docs', folder, href));
      const isPage = target.startsWith('docs/') && /\.md(#|$)/.test(target);
      if (!isPage) token.attrSet('href', REPOSITORY + target);
    }
  });
}
