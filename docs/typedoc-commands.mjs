// A plugin of TypeDoc: leaves the methods of Redis's commands out of the reference. There are some hundred of them with all their forms, on five
// types, which would be four megabytes of signatures. Commands are named as on their pages at redis.io. Modules get the names that an application
// imports: `hawser`, `hawser/client`.

import { Converter, ReflectionKind } from 'typedoc';

const COMMANDS = /\/command\/commands\.generated\./;

/** `hawser/client` for the declarations in dist/browser. */
function entryOf(folder) {
  const name = folder.replace(/^browser/, 'client').replace(/(^|\/)index$/, '');
  return name === '' ? 'hawser' : `hawser/${name}`;
}

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) module.name = entryOf(module.name);
    const methods = project.getReflectionsByKind(ReflectionKind.Method | ReflectionKind.Property);
    for (const method of methods) {
      const place = project.getSymbolIdFromReflection(method)?.packagePath ?? '';
      if (COMMANDS.test(`/${place}`)) project.removeReflection(method);
    }
  });
}
