declare module 'parse-prometheus-text-format' {
  /** The families of a text. Labels of histograms are dropped. Throws for a line that is none. */
  function parse(text: string): { name: string; help: string; type: string; metrics: { labels?: Record<string, string>; value?: string }[] }[];
  export = parse;
}
