// A plugin of TypeDoc: leaves the methods of Redis's commands out of the reference. There are some hundred of them with all their forms, on five
// types, which would be four megabytes of signatures. Commands are named as on their pages at redis.io.

import { Converter, ReflectionKind } from 'typedoc';

const COMMANDS = /\/command\/commands\.generated\./;

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    const methods = project.getReflectionsByKind(ReflectionKind.Method | ReflectionKind.Property);
    for (const method of methods) {
      const place = project.getSymbolIdFromReflection(method)?.packagePath ?? '';
      if (COMMANDS.test(`/${place}`)) project.removeReflection(method);
    }
  });
}
