/** Names the build of the page: a hash of its sources, from vite.config.mts. */
declare const BUILD: string;
